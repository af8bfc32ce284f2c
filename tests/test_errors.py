"""Errors and their words."""

from __future__ import annotations

import pytest

from core.errors import Refused


@pytest.mark.parametrize(
    ("mend", "on_page"),
    [
        ("", ""),
        ("Choose again.", "Choose again."),
        ("`verdicts tools list` shows them.", ""),
        ("Add --lens, for instance --lens skeptic.", ""),
        ("Your text is kept; claim another seat with `verdicts queue claim`.", "Your text is kept."),
        ("A well-known name - or a -- dash. Run `verdicts check`.", "A well-known name - or a -- dash."),
    ],
)
def test_a_page_says_nothing_of_the_command_line(mend, on_page):
    error = Refused("No.", mend=mend)
    assert error.mend_on_page == on_page
    assert error.on_page == f"No. {on_page}".strip()
    assert str(error) == f"No. {mend}".strip()
