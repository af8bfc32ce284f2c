"""The rules of `make check-mail` that need no tool: each finds what it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.render import SIZE_LIMIT
from tests.check_mail import faults, ghost_faults, message, samples

SPAM_COUNTED_BY = b"Feedback-ID: ::edition:verdictsexample\r\n"
MAILS = {mail.name: mail for mail in samples()}


@pytest.mark.parametrize("name", MAILS)
def test_our_mails_keep_our_own_rules(name):
    assert faults(MAILS[name].parts) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("</h1>", "</h1><p>" + "x" * SIZE_LIMIT + "</p>", "bytes"),
        ("</h1>", "</h1><mj-text></mj-text>", "a component of MJML is left"),
        ("</h1>", "</h1>{{name}}", "a mark is left"),
        ('lang="en"', 'lang="und"', "no language or direction"),
        ('name="color-scheme"', 'name="colour"', "no viewport or colour scheme"),
        ('role="presentation"', "", "a table for layout does not say so"),
        ("</h1>", "</h1><form></form>", "a script, form or frame"),
        ("</h1>", '</h1><img src="https://t.example/p.gif">', "something remote is loaded"),
        ("?a=1&amp;b=2", "?a=1&b=2", "a bare & in an address"),
        ("</h1>", '</h1><a href="https://verdicts.example/">here</a>', "an empty link, or one that says nothing"),
        ("<h1", "<h2", "another heading than one first"),
        ("</h1>", '</h1><a href="http://verdicts.example/">All</a>', "a link that is not https"),
        ("</h1>", '</h1><a href="https://verdicts.example/secret">All</a>', "a link that the text lacks"),
        ("width:600px", "width:700px", "Outlook's columns are 700px together, in 600px"),
    ],
)
def test_a_mail_that_breaks_a_rule_is_told_which(old, new, fault):
    parts = MAILS["confirm"].parts
    assert old in parts.html
    found = faults(replace(parts, html=parts.html.replace(old, new)))
    assert [each for each in found if fault in each], found


def test_columns_that_outlook_is_given_may_share_a_row_up_to_its_width():
    def ghosts(*widths: int) -> str:
        cells = "".join(f'<!--[if mso | IE]><td style="width:{each}px;"><![endif]-->' for each in widths)
        return f"<!--[if mso | IE]><table><tr><![endif]-->{cells}<!--[if mso | IE]></tr></table><![endif]-->"

    assert ghost_faults(ghosts(300, 300)) == []
    assert ghost_faults(ghosts(300, 301)) == ["Outlook's columns are 601px together, in 600px"]
    assert ghost_faults("<!--[if mso | IE]><table><tr><![endif]-->") == ["Outlook's tables do not close"]


def test_the_finished_message_has_both_parts_and_the_way_out():
    raw = message(MAILS["digest"])
    for header in (
        b"List-Unsubscribe: <https://",
        b"List-Unsubscribe-Post: ",
        b"List-Id: ",
        b"Message-ID: ",
        SPAM_COUNTED_BY,
    ):
        assert header in raw
    assert raw.count(b"Content-Type: text/") == 2
