"""The log: every decision with what it changed, found by who, what, about what and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup

from store import audit
from tests.conftest import NOW
from tests.desk.conftest import OPERATOR
from tests.web.test_load import counted

PATH = "/desk/log"


@pytest.fixture
def desk(signed_in, product):
    client = signed_in(OPERATOR)
    note(
        product,
        at=-3,
        actor="ada@example.com",
        action="tool.edit",
        before={"name": "A", "tags": []},
        after={"name": "B", "tags": []},
    )
    note(
        product,
        at=-2,
        actor="bea@example.com",
        action="tool.merge",
        subject="tool:bea",
        after={"into": 7, "sure": True},
    )
    note(
        product,
        at=-1,
        actor="ada@example.com",
        action="tool.merge",
        subject="evil:<script>",
        before="on",
        after="paused",
    )
    return client


def note(product, *, at: int, actor: str, action: str, subject: str = "tool:ada", **change) -> None:
    with product.database.write() as connection:
        # Days ago, but behind what is there: ids and times grow together.
        audit.note(connection, now=NOW + timedelta(days=10 + at), actor=actor, action=action, subject=subject, **change)


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def shown(desk, **filters: str) -> list[str]:
    return [item.p.get_text(" ", strip=True) for item in soup(desk.get(PATH, params=filters)).select(".log > li")]


def test_the_newest_stands_first_with_what_differs(desk):
    items = soup(desk.get(PATH)).select(".log > li")
    assert [item.b.get_text() for item in items[:3]] == ["tool.merge", "tool.merge", "tool.edit"]
    assert items[0].dd.get_text(" ", strip=True) == "on → paused"
    assert [row.get_text(" ", strip=True) for row in items[1].select(".diff > div")] == ["into 7", "sure yes"]
    assert [row.get_text(" ", strip=True) for row in items[2].select(".diff > div")] == ["name A → B"]
    assert items[1].select("a")[1]["href"] == "/desk/tools/bea"
    assert "evil:<script>" in items[0].get_text()
    assert [link.get_text() for link in items[0].select("a")] == ["tool.merge", "ada@example.com"]


def test_filters_narrow_it_down_together(desk):
    assert len(shown(desk, actor="ada@example.com")) == 2
    assert len(shown(desk, action="tool.merge")) == 2
    assert len(shown(desk, actor="ada@example.com", action="tool.merge")) == 1
    assert len(shown(desk, subject="tool:bea", actor="ada@example.com")) == 0
    assert "No entry is like that" in desk.get(PATH, params={"actor": "nobody"}).text


def test_a_time_is_whole_days_of_the_reader_s_zone(desk, product):
    assert len(shown(desk, since="2026-11-28")) == 2
    assert len(shown(desk, since="2026-11-27", until="2026-11-27")) == 1
    assert len(shown(desk, since="2026-12-27")) == 0
    desk.post("/desk/me/zone", data={"zone": "Pacific/Kiritimati"})  # 14 hours ahead
    assert len(shown(desk, since="2026-11-27", until="2026-11-27")) == 1
    assert desk.get(PATH, params={"since": "yesterday"}).status_code == 400
    assert desk.get(PATH, params={"until": "9999-12-31"}).status_code == 400


def test_it_comes_page_by_page_with_its_filters(desk, product):
    for at in range(120):
        note(product, at=0, actor="ada@example.com", action="tool.edit", after={"at": at})
    found, path = [], f"{PATH}?actor=ada%40example.com&action=tool.edit"
    while path:
        page = soup(desk.get(path))
        found += [item.get_text() for item in page.select(".log > li")]
        following = page.select_one(".pager [data-key=n]")
        path = following["href"] if following else None
    assert len(found) == 121


@pytest.mark.parametrize(
    "filters", [{}, {"actor": "ada@example.com"}, {"subject": "tool:ada", "since": "2026-11-01", "until": "2026-12-24"}]
)
def test_the_page_takes_as_many_statements_however_long_the_log_is(desk, product, filters):
    def look() -> int:
        with counted(product) as sent:
            assert desk.get(PATH, params=filters).status_code == 200
        return len(sent)

    before = look()
    for at in range(60):
        note(product, at=0, actor=f"a{at}@example.com", action=f"noun.verb{at}", subject=f"tool:t{at}")
    assert look() == before
