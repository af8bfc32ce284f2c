"""How long a host asks us to wait, in every spelling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pace import rest_until, wait_after
from tests.ingest.making import NOW

EPOCH = str(int(NOW.timestamp()) + 90)

WAITS = [
    ({"retry-after": "120"}, 120),
    ({"retry-after": "Fri, 20 Nov 2026 09:02:00 GMT"}, 120),
    ({"ratelimit": '"api";r=0;t=55'}, 56),
    ({"ratelimit-reset": EPOCH}, 90),
    ({"ratelimit-reset": "30"}, 30),
    ({"x-rate-limit-reset": "300"}, 300),
    ({"x-ratelimit-reset": EPOCH}, 90),
    ({"x-ratelimit-reset": "31.5"}, 31.5),
    ({"ratelimit": "limit=100, remaining=0, reset=55"}, 56),
    ({"x-ratelimit-reset": f"{EPOCH}000"}, 90),
    ({"x-ratelimit-reset": "2026-11-20T09:01:30Z"}, 90),
    ({"ratelimit-reset": "Fri, 20 Nov 2026 09:01:30 GMT"}, 90),
    ({"retry-after": "Fri, 20 Nov 2026 08:00:00 GMT"}, 0),
    ({"retry-after": "10", "x-ratelimit-reset": "300"}, 10),
    ({"retry-after": "soon", "x-ratelimit-reset": "300"}, 300),
    ({"retry-after": "99999999"}, 86_400),
    ({"retry-after": "-5"}, None),
    ({"x-ratelimit-reset": "nan"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_a_wait_is_read_in_every_spelling(headers: dict[str, str], seconds: float | None) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert wait_after(headers, now=NOW) == expected


def test_an_answer_asks_for_rest_only_when_nothing_remains() -> None:
    assert rest_until({"ratelimit": '"api";r=3;t=55'}, now=NOW) is None
    assert rest_until({"ratelimit": '"api";r=0;t=55'}, now=NOW) == NOW + timedelta(seconds=56)
    assert rest_until({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "40"}, now=NOW) == NOW + timedelta(
        seconds=40
    )
    assert rest_until({"x-ratelimit-remaining": "12", "x-ratelimit-reset": "40"}, now=NOW) is None
    assert rest_until({"x-ratelimit-remaining": "none"}, now=NOW) is None


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit", "x-ratelimit-reset", "x-ratelimit-remaining"]),
        st.text(max_size=20),
    )
)
def test_no_header_can_make_us_wait_longer_than_a_day(headers: dict[str, str]) -> None:
    for until in (wait_after(headers, now=NOW), rest_until(headers, now=NOW)):
        assert until is None or NOW <= until <= NOW + timedelta(days=1)
