"""Words from outside made plain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.names import split_title
from core.text import cut, one_line
from ingest import wording
from ingest.wording import links, paper_title, plain, tags_of, web_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("a<br>b<br/>c", "a b c"),
        ("<b>bo</b>ld", "bold"),
        ("x<script>alert(1)</script>y", "xy"),
        ("x<style>p{}</style>y<!-- z -->", "xy"),
        ("Data &amp; AI", "Data & AI"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("&lt;b&gt; is a tag", "<b> is a tag"),
        ("a&#x2F;b", "a/b"),
        ("tabs\tand\nlines", "tabs and lines"),
        ("zero\u200bwidth \u202eevil", "zerowidth evil"),
        ("", ""),
    ],
)
def test_markup_becomes_plain_text(text: str, expected: str) -> None:
    assert plain(text, limit=100) == expected


@given(st.text(max_size=400), st.integers(1, 60))
def test_plain_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    result = plain(text, limit=limit)
    assert len(result) <= limit
    assert result == " ".join(result.split())
    result.encode()


@pytest.mark.parametrize(
    ("title", "name", "tagline"),
    [
        ("Show HN: Foo – does bar", "Foo", "does bar"),
        ("Launch HN: Foo (YC F26) - bars for all", "Foo (YC F26)", "bars for all"),
        ("Foo: Doing Bar", "Foo", "Doing Bar"),
        ("Foo | bar", "Foo", "bar"),
        ("Foo-Bar 2.0", "Foo-Bar 2.0", ""),
        (
            "I made a thing that does what you always wanted: bars",
            "I made a thing that does what you always wanted: bars",
            "",
        ),
        ("Show HN: Getting GLM 5.2 running", "Getting GLM 5.2 running", ""),
    ],
)
def test_a_headline_is_split_into_name_and_tagline(title: str, name: str, tagline: str) -> None:
    assert split_title(title) == (name, tagline)


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("https://example.com/a", "", "https://example.com/a"),
        ("/a", "https://example.com/b/", "https://example.com/a"),
        ("//example.com/a", "https://example.org", "https://example.com/a"),
        ("https://example.com/what's new", "", "https://example.com/what%27s%20new"),
        ("javascript:alert(1)", "https://example.com", None),
        ("https://", "", None),
        ("https://[::1", "", None),
        ("https://a b/", "", None),
        ("https://example.com/\x00", "", None),
        ("x" * 3_000, "https://example.com", None),
        (None, "", None),
        (7, "", None),
    ],
)
def test_only_web_addresses_are_addresses(text: object, base: str, expected: str | None) -> None:
    assert web_url(text, base=base) == expected


def test_links_are_found_in_markup_and_in_words_in_their_order() -> None:
    text = 'See https://b.dev/x, then <a class="k" href="https://a.dev/?q=1&amp;r=2">here</a> and <a href=/local>no</a> https://b.dev/x.'
    assert links(text) == ("https://b.dev/x", "https://a.dev/?q=1&r=2")


def test_tags_are_few_short_and_single() -> None:
    assert tags_of(["AI", "ai", " Agents ", 7, None, "", "x" * 99]) == ("ai", "agents", "x" * 49 + "…")
    assert len(tags_of([str(number) for number in range(99)])) == 20
    assert tags_of("ai") == ()


_HOSTS = st.sampled_from(["example.com", "www.a-b.example", "x.io", "-bad.example", "a..b", "EXAMPLE.com", "1.2.3.4"])
_PATHS = st.text(st.sampled_from("ab/.-_~%2F;,=&?#@: '()+"), max_size=20)


@given(st.sampled_from(["http", "https", "ftp", "HTTP"]), _HOSTS, _PATHS)
def test_a_plain_address_is_given_back_as_the_careful_way_gives_it(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}{'/' if path else ''}{path}"
    quick, wording._SHORT = wording._SHORT, 0
    try:
        careful = web_url(url, base="https://base.example/there")
    finally:
        wording._SHORT = quick
    assert web_url(url, base="https://base.example/there") == careful


def test_links_of_markup_and_of_text_are_found_in_their_order() -> None:
    text = (
        'See https://one.example/a, <A class=x HREF="https://two.example/b?x=1&amp;y=2">two https://three.example</A> '
        "1 < 2 https://four.example <img src='https://no.example/i.png'> <a href=/relative>x</a> https://one.example/a."
    )
    assert links(text) == (
        "https://one.example/a",
        "https://two.example/b?x=1&y=2",
        "https://three.example",
        "https://four.example",
    )


@pytest.mark.parametrize(
    ("title", "name", "tagline"),
    [
        ("Foo: Doing Bar", "Foo", "Doing Bar"),
        ("$\\beta$-OPSD: Deriving", "\\beta-OPSD", "Deriving"),
        ("$R^3$-Bench: LLMs Struggle", "R^3-Bench", "LLMs Struggle"),
        ("Position: Agents Should Be Studied", "Position: Agents Should Be Studied", ""),
        ("A Survey: Agents", "A Survey: Agents", ""),
        ("It costs $5 and $6", "It costs $5 and $6", ""),
    ],
)
def test_a_paper_is_named_by_what_stands_before_its_colon_unless_that_says_nothing(
    title: str, name: str, tagline: str
) -> None:
    assert paper_title(title) == (name, tagline)


_PIECES = st.sampled_from(
    [
        "word ",
        "two  blanks ",
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<br/>",
        "&amp;",
        "&lt;",
        "&nbsp;",
        "é",
        "<script>alert(1)</script>",
        "<!-- hidden -->",
        '<a href="https://example.com/a?b=c">',
        "</a>",
        "https://example.org/bare, ",
        '<a href="https://example.com/a&amp;b">',
        "<A HREF=http://example.com/x>",
        '<img src="https://example.com/i.png">',
        "https:&#x2F;&#x2F;example.net ",
    ]
)


@given(st.lists(_PIECES, max_size=300).map("".join), st.integers(1, 120))
def test_a_text_that_is_read_as_far_as_it_is_kept_reads_as_the_whole(text: str, limit: int) -> None:
    whole = wording._visible(text) if wording._MARKUP.search(text) else text
    assert plain(text, limit=limit) == cut(one_line(whole, enough=limit), limit=limit)


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_links_in_the_usual_form_are_those_that_a_careful_look_finds(text: str) -> None:
    careful = dict.fromkeys(web_url(url) for url in wording._careful_targets(text))
    assert links(text) == tuple(url for url in careful if url)
