from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from lxml import html as lxml_html

from core.comparison import Community
from core.errors import RenderError
from digest.compose import Correction
from digest.marks import CONFIRMED_ON, HELLO, PREFERENCES_URL, UNSUBSCRIBE_URL, marks, substitute, vote_url
from digest.render import SIZE_LIMIT, TEXT_WIDTH, fit, render_digest, render_letter
from tests.digest.samples import BASE_URL, POSTAL, cell, digest_of, digests, many_views, row, sample_view, steady, views

fewer = settings(steady, max_examples=30)


def words_of(text: str) -> str:
    """A text without its layout: white space folded, so that wrapping does not count."""
    return " ".join(text.split())


def body_of(html: str) -> lxml_html.HtmlElement:
    tree = lxml_html.fromstring(html).find("body")
    assert tree is not None
    return tree


def numbers_of(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


@fewer
@given(digest=digests())
def test_every_link_number_and_quote_of_the_html_stands_in_the_text(digest):
    frozen = render_digest(digest)
    body = body_of(frozen.html)
    preheader, article = body[0], body[1]
    text = words_of(frozen.text)
    links = [link.get("href") for link in article.iter("a")]
    assert links
    assert [link for link in links if link not in frozen.text] == []
    shown = words_of(" ".join(article.itertext()))
    assert numbers_of(shown) <= numbers_of(text)
    quotes = [words_of("".join(quote.xpath("text()")[0])) for quote in article.iter("blockquote")]
    assert len(quotes) == sum(len(block.quotes) for block in digest.blocks)
    assert [quote for quote in quotes if quote not in text] == []
    assert words_of(preheader.text_content())


@fewer
@given(digest=digests())
def test_only_marks_of_our_own_are_left_whatever_the_tools_are_called(digest):
    frozen = render_digest(digest)
    open_votes = (vote_url(block.slug) for block in digest.blocks if not block.outcome)
    ours = {*open_votes, HELLO, CONFIRMED_ON, UNSUBSCRIBE_URL, PREFERENCES_URL}
    assert set(marks(frozen.html)) == set(marks(frozen.text)) == ours
    assert marks(frozen.subject) == ()
    # Contents hold a percentage and what is before it together, in a name as well.
    assert "{%" not in frozen.html.replace("\u00a0%", " %").replace("{% if x %}", "")


@fewer
@given(digest=digests())
def test_no_markup_of_a_tool_survives(digest):
    frozen = render_digest(digest)
    body = body_of(frozen.html)
    assert not body.xpath("//script | //img | //iframe | //form | //link | //object")
    assert {link.get("href").split(":")[0] for link in body.iter("a")} <= {
        "https",
        "{{vote_url",
        "{{unsubscribe_url}}",
        "{{preferences_url}}",
    }
    assert "<mj-" not in frozen.html


@fewer
@given(view=views())
def test_the_same_inputs_give_the_same_bytes(view):
    one, other = render_digest(digest_of([view])), render_digest(digest_of([view]))
    assert one.sha256 == other.sha256


def test_nothing_remote_is_loaded():
    html = render_digest(digest_of([sample_view()])).html
    assert not re.search(r"\ssrc=|@import|@font-face|url\(|<img|<link", html)


def test_the_head_says_language_title_and_colour_schemes():
    html = render_digest(digest_of([sample_view()], subject='One & "two" <three>')).html
    tree = lxml_html.fromstring(html)
    assert (tree.get("lang"), tree.get("dir")) == ("en", "ltr")
    assert tree.findtext(".//title") == 'One & "two" <three>'
    names = {meta.get("name"): meta.get("content") for meta in tree.iter("meta")}
    assert names["color-scheme"] == "light dark"
    assert "viewport" in names
    assert "prefers-color-scheme:dark" in html


def test_the_preheader_comes_first_and_is_hidden():
    html = render_digest(digest_of([sample_view()], preheader="And a registry")).html
    first = body_of(html)[0]
    assert first.text_content() == "And a registry"
    assert "display:none" in (first.get("style") or "")


def test_headings_go_down_in_order_and_layout_tables_say_that_they_are_layout():
    body = body_of(render_digest(digest_of(many_views(3))).html)
    assert [element.tag for element in body.iter("h1", "h2", "h3")] == ["h1", "h2", "h2", "h2", "h2"]
    for table in body.iter("table"):
        assert table.get("role") == "presentation" or table.findall(".//th"), "a table is layout or has headings"


def test_outlook_gets_its_fixed_widths():
    html = render_digest(digest_of([sample_view()])).html
    assert html.count("<!--[if mso") == html.count("<![endif]-->") - html.count("<!--[if !mso") - html.count(
        "<!--[if lte"
    )
    ghosts = re.findall(r"<!--\[if mso \| IE\]><td style=\"[^\"]*width:(\d+)px", html)
    assert ghosts
    assert all(int(width) <= 600 for width in ghosts)


def test_ship_and_skip_are_words_and_a_machine_s_verdict_says_so():
    view = sample_view()
    machine = replace(view.rows[3].a, machine=True)
    view = replace(view, rows=(*view.rows[:3], replace(view.rows[3], a=machine)))
    body = body_of(render_digest(digest_of([view])).html)
    rows = {
        row[0].text_content(): [part.text_content() for part in row[1:]]
        for row in body.xpath("//table[@class='t']/tr | //table[@class='t']/tbody/tr")
    }
    assert rows["Builder"] == ["SKIP", "SHIP"]
    assert rows["Founder / Creator"] == ["SKIP machine-written", "SHIP"]
    assert rows["Panel ship"] == ["25 % 1-3first look", "75 % 3-1"]
    assert rows["Community"] == ["— 7 of 10 votes", "— 7 of 10 votes"]
    assert "Futurist (machine-written on SkillClaw): SHIP both." in body.text_content()


def test_a_missing_verdict_is_said_in_both_parts():
    view = replace(sample_view(), rows=(row("builder", None, sample_view().rows[0].b),))
    frozen = render_digest(digest_of([view]))
    for part in (frozen.html, words_of(frozen.text)):
        assert part.count("Builder: SHIP SmolVLM2-2B, no verdict yet on SkillClaw.") == 1


def test_no_url_holds_a_bare_ampersand():
    view = sample_view()
    pricing = replace(view.b.pricing, source_url="https://a.example/?x=1&y=2")
    html = render_digest(digest_of([replace(view, b=replace(view.b, pricing=pricing))])).html
    assert 'href="https://a.example/?x=1&amp;y=2"' in html


def test_text_lines_keep_to_their_width_unless_an_address_is_longer():
    text = render_digest(digest_of(many_views(3), intro="word " * 80)).text
    assert [
        line for line in text.splitlines() if len(line) > TEXT_WIDTH and "://" not in line and "{{" not in line
    ] == []


def test_twenty_five_comparisons_stay_far_below_what_gmail_cuts():
    frozen = render_digest(digest_of(many_views(25)))
    assert len(frozen.html.encode()) < 56_000


def long_views(count):
    long = cell(sample_view().rows[0].b.decision, "A long quote. " * 40, reviewer="R" * 60, disclosure="D" * 120)
    rows = tuple(replace(each, a=long, b=long) for each in sample_view().rows)
    return [replace(view, rows=rows) for view in many_views(count)]


def test_an_edition_that_is_too_large_is_cut_from_the_end_and_says_how_much_is_on_the_web():
    digest = digest_of(long_views(60), left_over=3)
    frozen, cut = fit(digest)
    assert 0 < cut < 60
    assert len(frozen.html.encode()) <= SIZE_LIMIT
    assert frozen.comparisons == tuple(block.slug for block in digest.blocks[: 60 - cut])
    for part in (frozen.html, frozen.text):
        assert f"{cut + 3} more on the web" in part
        assert f"{BASE_URL}/" in part
        assert f"{BASE_URL}/editions/2026-W47" in part
    one_more = replace(digest, blocks=digest.blocks[: 61 - cut])
    with pytest.raises(RenderError, match="bytes of HTML"):
        render_digest(one_more)


def test_an_edition_that_fits_is_not_cut():
    digest = digest_of(many_views(2))
    assert fit(digest) == (render_digest(digest), 0)


def test_not_even_one_that_fits_is_an_error():
    with pytest.raises(RenderError, match="Not even one"):
        fit(digest_of([sample_view()]), limit=1_000)


def test_substituted_parts_hold_each_recipient_s_links():
    frozen = render_digest(digest_of([sample_view()]))
    values = {mark: f"https://v.example/{number}?a=1&b=2" for number, mark in enumerate(marks(frozen.html))}
    html = substitute(frozen.html, values, html=True)
    text = substitute(frozen.text, values, html=False)
    links = {link.get("href") for link in body_of(html).iter("a")}
    for mark in (UNSUBSCRIBE_URL, PREFERENCES_URL):
        assert values[mark] in links
        assert values[mark] in text


LETTERS = {
    "confirm": {"confirm_url": "https://v.example/confirm/t?a=1&b=2", "valid_days": 7},
    "welcome": {
        "name": "Ada <b>",
        "preferences_url": "https://v.example/preferences/t",
        "unsubscribe_url": "https://v.example/unsubscribe/t",
    },
    "sign-in": {"name": "", "sign_in_url": "https://v.example/desk/sign-in/t?a=1&b=2", "valid_minutes": 20},
    "invitation": {
        "name": "Grace",
        "invited_by": "Edith",
        "part": "reviewer (Builder, Skeptic)",
        "sign_in_url": "https://v.example/desk/sign-in/t?a=1&b=2",
        "desk_url": "https://v.example/desk",
        "valid_minutes": 15,
    },
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_has_its_links_in_both_parts_and_our_address(name):
    context = {**LETTERS[name], "home_url": f"{BASE_URL}/", "postal_address": POSTAL}
    parts = render_letter(name, context)
    links = {link.get("href") for link in body_of(parts.html).iter("a")}
    wanted = {value for key, value in context.items() if key.endswith("_url")}
    assert links == wanted
    assert [link for link in wanted if link not in parts.text] == []
    assert "10115 Berlin" in parts.html
    assert "10115 Berlin" in parts.text
    assert parts.subject
    assert "\n" not in parts.subject
    assert "<b>" not in parts.html.split("<h1")[1]


def test_a_confirmation_carries_no_word_of_whoever_typed_the_address():
    context = {**LETTERS["confirm"], "home_url": f"{BASE_URL}/", "postal_address": POSTAL, "name": "Buy pills"}
    parts = render_letter("confirm", context)
    assert "pills" not in parts.html + parts.text + parts.subject


def test_a_letter_without_a_name_that_it_prints_is_an_error():
    with pytest.raises(RenderError, match="confirm_url"):
        render_letter("confirm", {"valid_days": 7, "home_url": "", "postal_address": ""})


def test_an_unknown_letter_is_an_error():
    with pytest.raises(RenderError, match="no mail template"):
        render_letter("nothing", {})


def test_the_rest_of_a_variant_stands_in_lines_that_cost_less_than_comparisons():
    views = many_views(6)
    whole = render_digest(digest_of(views))
    variant = render_digest(digest_of(views[:2], also=views[2:]))
    assert variant.comparisons == tuple(view.slug for view in views[:2])
    for part in (variant.html, words_of(variant.text)):
        assert "Comparisons of your categories come first." in part
        assert "SkillClaw 5 (25 %, 1-3) vs SmolVLM2-2B 5 (75 %, 3-1)" in part
    assert len(variant.html) < len(whole.html)
    assert "categories come first" not in whole.html + whole.text
    lines = [len(render_digest(digest_of(views[:front], also=views[front:])).html) for front in range(1, 7)]
    assert lines == sorted(lines), "a variant fits wherever the whole edition does"


def test_a_correction_stands_in_both_parts_with_its_page():
    told = Correction(about="tools/skillclaw", name="SkillClaw", note="It needs 4 GB, not 2.")
    frozen = render_digest(digest_of([sample_view()], corrections=[told]))
    for part in (frozen.html, frozen.text):
        assert "Corrected since the last edition".casefold() in part.casefold()
        assert "It needs 4 GB, not 2." in part
        assert f"{BASE_URL}/tools/skillclaw" in part


# ------------------------------------------------------------ the best of a month


def test_the_best_of_a_month_says_what_it_is_and_ends_with_a_line_for_each_comparison_of_this_week():
    views = many_views(6)
    told = Correction(about="tools/skillclaw", name="SkillClaw", note="It needs 4 GB, not 2.")
    frozen = render_digest(
        digest_of(views[:4], also=views[4:], best_of="October 2026", left_over=3, corrections=[told])
    )
    assert frozen.comparisons == tuple(view.slug for view in views[:4])
    for part in (frozen.html, frozen.text):
        said = words_of(part).casefold()
        for words in (
            "best of october 2026: panel ship",
            "https://verdicts.example/editions/2026-w47/best-of",
            "new this week",
            "SkillClaw 5 (25 %, 1-3) vs SmolVLM2-2B 5 (75 %, 3-1)".casefold(),
            "corrected since the last best-of",
            "3 more of october 2026 on the web",
        ):
            assert words in said, words
        assert "in this edition" not in said
        assert "comparisons of your categories" not in said
        assert all(f"{BASE_URL}/compare/{view.slug}" in part for view in views)


def test_a_vote_that_has_closed_is_told_with_its_result_and_has_no_link():
    open_one, few, many = many_views(3)
    many = replace(
        many,
        a=replace(many.a, community=Community(chosen=4, votes=16)),
        b=replace(many.b, community=Community(chosen=12, votes=16)),
    )
    frozen = render_digest(digest_of([open_one, few, many], best_of="October 2026", closed=[few.slug, many.slug]))
    assert [each for each in marks(frozen.html) if "vote_url" in each] == [vote_url(open_one.slug)]
    for part in (frozen.html, frozen.text):
        said = words_of(part)
        assert "The vote has closed: SkillClaw 2 25 %, SmolVLM2-2B 2 75 % of 16 votes." in said
        assert "The vote has closed: 7 of 10 votes, too few for a result." in said
        assert said.count("The vote has closed") == 2
