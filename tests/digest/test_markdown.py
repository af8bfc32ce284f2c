"""The small Markdown of an intro: what it makes of words, and that nothing else gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.markdown import html, plain
from digest.render import render_digest
from tests.digest.samples import digest_of, many_views

TAGS = re.compile(r"</?(p|em|strong|ul|ol|li)>|<a href=\"https?://[^\"]*\">|</a>|<ol start=\"\d+\">")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>\n"),
        ("*so* and **so**", "<p><em>so</em> and <strong>so</strong></p>\n"),
        ("[here](https://a.example/b?c=d)", '<p><a href="https://a.example/b?c=d">here</a></p>\n'),
        ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"),
        ("3. one\n4. two", '<ol start="3">\n<li>one</li>\n<li>two</li>\n</ol>\n'),
        (r"\*not\* so", "<p>*not* so</p>\n"),
    ],
)
def test_what_it_knows(text, made):
    assert str(html(text)) == made


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "![x](https://a.example/p.png)",
        "[x](https://a@b.example/)",
        "<a href='https://a.example' onclick=x>y</a>",
        "# Head",
        "> quote",
        "`code`",
        "| a | b |\n|---|---|",
        "&lt;script&gt;",
    ],
)
def test_everything_else_is_text(text):
    left = TAGS.sub("", str(html(text)))
    assert "<" not in left
    assert "javascript:" not in str(html(text)) or "href" not in str(html(text))


@given(st.text(alphabet="*_[]()<>&\"'`#!-1. \nahtps:/{}\\"))
def test_nothing_but_its_own_tags_comes_out(text):
    assert "<" not in TAGS.sub("", str(html(text)))


def test_no_mark_of_a_mail_gets_in():
    assert "{{" not in html("{{unsubscribe_url}} [x](https://a.example/{{y}})")


def test_the_text_part_says_it_all():
    text = "*One* and [two](https://a.example/).\n\n- three **four**\n- [https://b.example/](https://b.example/)\n\n5. five"
    assert plain(text) == (
        "One and two (https://a.example/).",
        "- three four",
        "- https://b.example/",
        "5. five",
    )


def test_an_intro_in_markdown_stands_in_both_parts_of_the_mail():
    text = "*Two* weeks of [skills](https://a.example/x).\n\n- one\n- two"
    frozen = render_digest(digest_of(many_views(1), intro=text))
    assert '<em>Two</em> weeks of <a href="https://a.example/x">skills</a>' in frozen.html
    assert "<li>one</li><li>two</li>" in frozen.html
    assert "Two weeks of skills (https://a.example/x)." in frozen.text
    assert "- one" in frozen.text
