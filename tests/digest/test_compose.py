from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RenderError
from core.fact import Per, Price, Pricing, PricingModel
from core.panel import Basis, Decision
from core.week import Week
from digest.addresses import safe_url
from digest.compose import (
    SUBJECT_LENGTH,
    Correction,
    choose,
    compose,
    dates,
    entry,
    strength,
    suggest_preheader,
    suggest_subject,
)
from tests.digest.samples import (
    BASE_URL,
    POSTAL,
    cell,
    digest_of,
    edition_of,
    many_views,
    row,
    sample_view,
    steady,
    views,
)


def renamed(a: str, b: str):
    view = sample_view()
    return replace(view, slug=f"{a}-vs-{b}".lower(), a=replace(view.a, name=a), b=replace(view.b, name=b))


def test_a_digest_keeps_the_order_of_its_views_and_numbers_them():
    chosen = many_views(3)[::-1]
    digest = digest_of(chosen)
    assert [block.slug for block in digest.blocks] == [view.slug for view in chosen]
    assert [block.number for block in digest.blocks] == [1, 2, 3]


def test_an_edition_without_a_comparison_is_refused():
    with pytest.raises(RenderError, match="needs a comparison"):
        digest_of([])


def test_a_comparison_twice_is_refused_by_name():
    with pytest.raises(RenderError, match="skillclaw-vs-smolvlm2-2b stands in the edition twice"):
        digest_of([sample_view(), sample_view()])


@pytest.mark.parametrize("base_url", ["", "verdicts.example", "javascript:alert(1)", "https://a b/", "ftp://x.example"])
def test_a_base_url_that_is_no_web_address_is_refused(base_url):
    view = sample_view()
    with pytest.raises(RenderError, match="not a public address"):
        compose(edition=edition_of([view]), views=[view], left_over=0, base_url=base_url, postal_address=POSTAL)


def test_addresses_are_those_of_the_contract():
    digest = digest_of([sample_view()])
    assert digest.blocks[0].url == f"{BASE_URL}/compare/skillclaw-vs-smolvlm2-2b"
    assert digest.edition_url == f"{BASE_URL}/editions/2026-W47"
    votes = [(vote.tool, vote.page, vote.anchor) for vote in digest.blocks[0].votes]
    page = "{{vote_url:skillclaw-vs-smolvlm2-2b}}"
    assert votes == [("SkillClaw", page, "for-skillclaw"), ("SmolVLM2-2B", page, "for-smolvlm2-2b")]


def test_the_editor_s_subject_and_preheader_win_over_suggestions():
    digest = digest_of([sample_view()], subject="Small models, big claims", preheader="And a registry")
    assert (digest.subject, digest.preheader) == ("Small models, big claims", "And a registry")


@pytest.mark.parametrize(
    ("count", "intro", "said"),
    [
        (
            1,
            "",
            ("Here is this week's comparison: what the panel would ship, what it would skip, and where it parts.",),
        ),
        (
            3,
            " \n",
            ("Here are this week's 3 comparisons: what the panel would ship, what it would skip, and where it parts.",),
        ),
        (3, "Small models.", ("Small models.",)),
    ],
)
def test_an_intro_that_nobody_has_written_says_what_the_mail_holds(count, intro, said):
    chosen = many_views(count)
    for front in range(1, count + 1):  # a variant holds the same comparisons
        assert digest_of(chosen[:front], also=chosen[front:], intro=intro).intro_text == said


def test_the_subject_names_the_two_strongest_pairings():
    views = [renamed("Ollama", "vLLM"), renamed("Zed", "Cursor"), renamed("Aider", "Cline")]
    weaker = replace(views[1], split=replace(views[1].split, only_b=()))
    assert suggest_subject([weaker, views[0], views[2]]) == "Aider vs Cline, Ollama vs vLLM and 1 more"


def test_two_pairings_that_are_too_long_become_one_and_a_count():
    views = [renamed(f"A quite long name {n}", f"Another quite long name {n}") for n in range(2)]
    assert suggest_subject(views) == "A quite long name 0 vs Another quite long name 0 and 1 more"


@steady
@given(chosen=st.lists(views(), max_size=4))
def test_a_suggested_subject_is_one_short_line(chosen):
    subject = suggest_subject(chosen)
    assert 0 < len(subject) <= SUBJECT_LENGTH
    assert len(subject.splitlines()) == 1


def test_the_preheader_tells_what_the_subject_does_not():
    assert suggest_preheader([sample_view()]) == "Panel ship: SkillClaw (25 %, 1-3) vs SmolVLM2-2B (75 %, 3-1)."
    assert suggest_preheader(many_views(3)).endswith("And 2 more comparisons.")
    assert suggest_preheader([]) == ""


def test_strength_is_distance_and_parted_lenses_and_hands_on_use():
    assert strength(sample_view()) == 50 + 10 * 2 + 5 * 1


def in_categories(view, a, b):
    return replace(view, a=replace(view.a, category=a), b=replace(view.b, category=b))


def test_choose_takes_the_strongest_and_leaves_the_rest_in_order():
    views = [in_categories(view, f"c{number}", f"d{number}") for number, view in enumerate(many_views(12))]
    best = replace(views[7], a=replace(views[7].a, panel=replace(views[7].a.panel, ship_percent=0)))
    views[7] = best
    chosen, left_over = choose(views, limit=10)
    assert chosen[0] is best
    assert len(chosen) == 10
    assert {view.slug for view in (*chosen, *left_over)} == {view.slug for view in views}
    assert choose(views[::-1], limit=10) == (chosen, left_over)


def test_a_tool_stands_in_an_edition_once():
    first, second = many_views(2)
    again = replace(second, slug="skillclaw-0-vs-zeta", a=first.a)
    chosen, left_over = choose([first, again])
    assert (len(chosen), len(left_over)) == (1, 1)


def test_a_category_stands_in_an_edition_twice_at_the_most():
    views = [in_categories(view, "agents", f"d{number}") for number, view in enumerate(many_views(5))]
    chosen, left_over = choose(views)
    assert (len(chosen), len(left_over)) == (2, 3)


def test_the_strongest_quote_agrees_with_the_panel_comes_from_a_person_and_from_use():
    ship, skip = Decision.SHIP, Decision.SKIP
    rows = (
        row("builder", cell(skip, "against the panel", basis=Basis.HANDS_ON), None),
        row("skeptic", cell(ship, "a machine", machine=True, basis=Basis.HANDS_ON), None),
        row("futurist", cell(ship, "from documents"), None),
        row("founder", cell(ship, "from use", basis=Basis.HANDS_ON), None),
    )
    view = sample_view()
    view = replace(view, rows=rows, a=replace(view.a, panel=replace(view.a.panel, ships=3, skips=1)))
    quotes = digest_of([view]).blocks[0].quotes
    assert [(quote.words, quote.lens, quote.basis) for quote in quotes] == [
        ("from use", "Founder / Creator", "hands-on")
    ]


def test_on_a_tie_the_quote_is_that_of_a_skip():
    rows = (
        row("builder", cell(Decision.SHIP, "ship", basis=Basis.HANDS_ON), None),
        row("skeptic", cell(Decision.SKIP, "skip"), None),
    )
    view = sample_view()
    view = replace(view, rows=rows, a=replace(view.a, panel=replace(view.a.panel, ships=1, skips=1)))
    assert digest_of([view]).blocks[0].quotes[0].words == "skip"


def test_a_lens_that_parts_the_two_has_a_row_and_the_others_stand_in_sentences():
    block = digest_of([sample_view()]).blocks[0]
    assert [(row.lens, row.a.words, row.b.words) for row in block.parted] == [
        ("Builder", "SKIP", "SHIP"),
        ("Founder / Creator", "SKIP", "SHIP"),
    ]
    assert block.others == ("Skeptic: SKIP both.", "Futurist (machine-written on SkillClaw): SHIP both.")


def test_a_missing_verdict_reads_no_verdict_yet_and_a_machine_s_says_so():
    rows = (row("builder", None, cell(Decision.SHIP, "yes", machine=True)), row("skeptic", None, None))
    block = digest_of([replace(sample_view(), rows=rows)]).blocks[0]
    assert block.parted == ()
    assert block.others == (
        "Builder (machine-written on SmolVLM2-2B): SHIP SmolVLM2-2B, no verdict yet on SkillClaw.",
        "Skeptic: no verdict yet on either.",
    )


@steady
@given(view=views())
def test_every_lens_stands_in_a_row_or_in_a_sentence(view):
    block = digest_of([view]).blocks[0]
    for each in view.rows:
        parted = each.a is not None and each.b is not None and each.a.decision is not each.b.decision
        assert (each.lens_name in [row.lens for row in block.parted]) is parted
        assert parted or any(each.lens_name in sentence for sentence in block.others)


def test_the_panel_that_is_ahead_is_marked_and_a_tie_is_nobody_s():
    line = digest_of([sample_view()]).blocks[0].line
    assert (line.a.ahead, line.b.ahead) == (False, True)
    view = sample_view()
    tied = replace(view, a=replace(view.a, panel=view.b.panel))
    line = digest_of([tied]).blocks[0].line
    assert (line.a.ahead, line.b.ahead) == (False, False)


def test_what_does_not_stand_in_front_has_a_line_and_is_never_twice_in_a_mail():
    first, second, third = many_views(3)
    digest = digest_of([second], also=[first, third])
    assert [block.slug for block in digest.blocks] == [second.slug]
    assert [line.url for line in digest.also] == [f"{BASE_URL}/compare/{view.slug}" for view in (first, third)]
    assert digest.also[0].words == "SkillClaw 0 (25 %, 1-3) vs SmolVLM2-2B 0 (75 %, 3-1)"
    with pytest.raises(RenderError, match="stands in the edition twice"):
        digest_of([second], also=[second])


def test_a_correction_leads_to_its_page_in_the_editor_s_words():
    told = Correction(about="compare/ada-vs-bea", name="Ada vs Bea", note="It is not free.\nIt never was.")
    [line] = digest_of([sample_view()], corrections=[told]).corrections
    assert line.url == f"{BASE_URL}/compare/ada-vs-bea"
    assert line.note == "It is not free. It never was."


def test_an_entry_price_has_its_source_and_its_date():
    read = entry(
        Pricing(
            model=PricingModel.FREEMIUM,
            entry_price=Price(amount=Decimal("12.50"), currency="USD", per=Per.USER_MONTH),
            source_url="https://www.tool.example/pricing",
            observed_at=datetime(2026, 2, 3, tzinfo=UTC),
        )
    )
    assert (read.label, read.price, read.seen) == ("Freemium", "12.50 USD per user and month", "3 February 2026")
    assert (read.source_name, read.source_url) == ("tool.example", "https://www.tool.example/pricing")


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "http://plain.example/",
        "javascript:alert(1)",
        "https://user:secret@host.example/",
        'https://a.example/"onclick=',
        "https://a.example/\nb",
        "https://[bad",
        "https:///nohost",
        "https://a.example/" + "x" * 600,
        "https://é.example/",
    ],
)
def test_a_foreign_address_that_is_not_plain_https_is_not_linked(url):
    assert safe_url(url) is None


@pytest.mark.parametrize(
    ("week", "words"),
    [
        (Week(2026, 47), "16 to 22 November 2026"),
        (Week(2026, 49), "30 November to 6 December 2026"),
        (Week(2026, 53), "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_written_with_its_days(week, words):
    assert dates(week) == words


def test_the_title_is_not_printed_twice_over_the_address():
    view = sample_view()
    digest = compose(
        edition=edition_of([view]),
        views=[view],
        left_over=0,
        base_url=BASE_URL,
        postal_address="Weekly Verdicts\n\n 1 Panel Street ",
    )
    assert digest.postal_address == ("1 Panel Street",)
