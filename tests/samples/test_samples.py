"""The samples hold what the demo needs, and every adapter reads its own."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from app.lenses import STANDARD, read_lenses
from app.samples import FOLDER, ROUTES, load_panel
from core.category import CATEGORIES
from core.clock import from_iso
from core.errors import UsageError
from core.fact import PricingModel
from core.panel import Basis, Decision, Role, Verdict
from core.sighting import Thing
from core.source import Cursor, Response
from core.text import slugify
from core.week import Week
from ingest.catalogue import read_sources
from ingest.sources import ADAPTERS
from review.pairing import Candidate, propose
from review.tally import ships, tally

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
QUORUM = 4
FULL = {"smolvlm2-2b", "moondream2", "skillclaw", "metaclaw", "kokoro-82m", "chatterbox", "opencode", "aider"}


@pytest.fixture(scope="module")
def panel():
    return load_panel((FOLDER / "panel.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def parsed():
    """Source key -> what its adapter reads from the sample."""
    text = (FOLDER / "sources.toml").read_text(encoding="utf-8").replace("{base}", "http://127.0.0.1:1")
    return {source.key: _read(source) for source in read_sources(text, filename="sources.toml")}


def _read(source):
    adapter = ADAPTERS[source.kind]
    (request,) = adapter.requests(source, Cursor(), NOW)
    file, content_type = ROUTES[urlsplit(request.url).path]
    response = Response(
        request=request,
        url=request.url,
        status=200,
        headers={"content-type": content_type},
        body=(FOLDER / file).read_bytes(),
        fetched_at=NOW,
    )
    return adapter.parse(source, response, NOW)


@pytest.fixture(scope="module")
def sightings(parsed):
    return [sighting for result in parsed.values() for sighting in result.sightings]


# ---- sources


def test_every_source_reads_without_a_bad_entry_or_a_further_page(parsed):
    counts = {key: len(result.sightings) for key, result in parsed.items()}
    assert counts == {"hf-models": 14, "hf-papers": 10, "hn": 12, "tool-drawer": 6, "bench-notes": 6}
    assert not [result for result in parsed.values() if result.bad or result.following]


def test_the_quantised_copy_is_left_out(parsed):
    assert sum(parsed["hf-models"].left_out.values()) == 1


def test_everything_appeared_in_the_week_before_the_demos_clock(sightings):
    assert all(NOW - timedelta(days=7) <= sighting.created_at < NOW for sighting in sightings)
    assert Week.of(NOW) == Week(2026, 47)
    assert NOW.date() == date(2026, 11, 20)


def test_one_tool_is_seen_by_two_sources(parsed):
    papers = {one for sighting in parsed["hf-papers"].sightings for one in sighting.identifiers}
    posts = {one for sighting in parsed["hn"].sightings for one in sighting.identifiers}
    assert sorted(map(str, papers & posts)) == ["github:aiming-lab/metaclaw"]


def test_posts_without_an_address_and_without_a_product_are_among_them(parsed):
    posts = parsed["hn"].sightings
    assert any(sighting.homepage is None and sighting.thing is Thing.LAUNCH for sighting in posts)
    texts = json.loads((FOLDER / "api/v1/search_by_date.json").read_text(encoding="utf-8"))["hits"]
    assert sum("url" not in hit for hit in texts) == 3
    assert {"show_hn", "launch_hn"} <= {tag for hit in texts for tag in hit["_tags"]}


def test_categories_hold_groups_that_can_be_compared(panel):
    groups = Counter(tool.category for tool in panel.tool)
    assert len([name for name, size in groups.items() if size >= 2]) >= 3
    assert set(groups) <= set(CATEGORIES)


def test_every_file_is_served_or_read():
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    served = {file for file, _ in ROUTES.values()}
    assert files == served | {"README.md", "panel.toml", "sources.toml", "subscribers.csv"}


def test_subscribers_live_in_reserved_domains_and_have_consented():
    with (FOLDER / "subscribers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["email", "consent", "name", "categories", "confirmed_at"]
    assert {row["email"].split("@")[1] for row in rows} == {"example.com", "example.org", "example.net"}
    assert all(row["consent"] and from_iso(row["confirmed_at"]) < NOW for row in rows)
    assert {name for row in rows for name in row["categories"].split(",") if name} <= set(CATEGORIES)


# ---- the panel


def test_every_tool_of_the_panel_is_one_that_the_sources_saw(panel, sightings):
    seen = {identifier for sighting in sightings for identifier in sighting.identifiers}
    assert [tool.slug for tool in panel.tool if tool.identifier not in seen] == []


def verdicts_of(panel, tool):
    return [
        Verdict(
            seat=seat,
            lens=verdict.lens,
            version=1,
            decision=verdict.decision,
            quote=verdict.quote,
            basis=verdict.basis,
            reviewer=panel.reviewer(verdict.lens).name,
            machine=False,
            disclosure=verdict.disclosure,
            submitted_at=NOW - timedelta(hours=1),
        )
        for seat, verdict in enumerate(tool.verdict)
    ]


def test_the_results_of_the_panel(panel):
    results = {tool.slug: tally(verdicts_of(panel, tool), quorum=QUORUM) for tool in panel.tool}
    assert {slug for slug, result in results.items() if result.closed} == FULL
    assert (results["smolvlm2-2b"].ship_percent, results["smolvlm2-2b"].count) == (100, "4-0")
    assert (results["skillclaw"].ship_percent, ships(results["skillclaw"])) == (50, False)
    assert (results["goose"].total, results["goose"].closed) == (2, False)
    assert len({result.ship_percent for result in results.values()}) >= 4


def test_quotes_are_20_to_60_words_and_none_says_the_same(panel):
    quotes = [verdict.quote for tool in panel.tool for verdict in tool.verdict]
    assert all(20 <= len(quote.split()) <= 60 for quote in quotes)
    assert len(set(quotes)) == len(quotes)


def test_both_bases_and_both_decisions_occur_and_somebody_discloses(panel):
    verdicts = [verdict for tool in panel.tool for verdict in tool.verdict]
    assert {verdict.basis for verdict in verdicts} == set(Basis)
    assert {verdict.decision for verdict in verdicts} == set(Decision)
    assert any(verdict.disclosure for verdict in verdicts)
    assert any(all(verdict.basis is Basis.DOCS for verdict in tool.verdict) for tool in panel.tool)  # a first look


def test_everybody_is_marked_as_a_sample_and_lives_in_a_reserved_domain(panel):
    assert all(person.name.startswith("Sample ") for person in panel.person)
    assert {person.email.split("@")[1] for person in panel.person} <= {"example.com", "example.org"}
    keys = [lens.key for lens in read_lenses(STANDARD)]
    assert [panel.reviewer(key).lenses for key in keys] == [(key,) for key in keys]
    assert [panel.having(role).name for role in (Role.EDITOR, Role.OPERATOR)] == ["Sample Editor", "Sample Operator"]


def test_the_standard_lenses_are_complete_and_in_order():
    lenses = read_lenses(STANDARD)
    assert [lens.key for lens in lenses] == ["builder", "skeptic", "futurist", "founder", "creator"]
    assert [lens.position for lens in lenses] == [1, 2, 3, 4, 5]
    assert all(lens.motto and lens.asks and lens.excites and lens.tires for lens in lenses)


def test_slugs_are_slugs(panel):
    assert [tool.slug for tool in panel.tool if tool.slug != slugify(tool.slug)] == []


def candidate(panel, tool, sightings):
    mine = [sighting for sighting in sightings if tool.identifier in sighting.identifiers]
    prices = [sighting.pricing.model for sighting in mine if sighting.pricing]
    return Candidate(
        slug=tool.slug,
        name=tool.name,
        category=tool.category,
        closed=tally(verdicts_of(panel, tool), quorum=QUORUM).closed,
        reviewed_at=NOW - timedelta(hours=1),
        tags=tuple(tag for sighting in mine for tag in sighting.tags),
        texts=(tool.tagline, tool.description, *(verdict.quote for verdict in tool.verdict)),
        verdicts={verdict.lens: verdict.decision for verdict in tool.verdict},
        price=prices[0] if prices else PricingModel.UNKNOWN,
        identifiers=frozenset(one for sighting in mine for one in sighting.identifiers),
    )


@pytest.mark.parametrize("with_open_panels", [True, False])
def test_the_panel_yields_sensible_pairs_with_reasons(panel, sightings, with_open_panels):
    candidates = [candidate(panel, tool, sightings) for tool in panel.tool]
    catalogue = [one for one in candidates if with_open_panels or one.closed]
    result = propose(catalogue, compared={}, now=NOW, limit=4)
    assert {(proposal.a, proposal.b) for proposal in result.proposals} == {
        ("moondream2", "smolvlm2-2b"),
        ("aider", "opencode"),
        ("chatterbox", "kokoro-82m"),
        ("metaclaw", "skillclaw"),
    }
    assert all(len(proposal.reasons) >= 3 for proposal in result.proposals)
    assert result.duplicates == ()
    assert result.unknown_rivals == {"EvoSkill": ("skillclaw",)}


# ---- reading a panel file

PERSON = '[[person]]\nemail="b@example.com"\nname="B"\nroles=["reviewer"]\nlenses=["b"]\n'
TOOL = '[[tool]]\nidentifier="hf:a/b"\nslug="b"\nname="B"\ncategory="other"\ntagline="t"\ndescription="d"\n'
VERDICT = '[[tool.verdict]]\nlens="b"\ndecision="ship"\nquote="q"\nbasis="docs"\n'


def test_a_small_panel_is_read():
    panel = load_panel(PERSON + TOOL + VERDICT)
    assert str(panel.tool[0].identifier) == "hf:a/b"
    assert panel.tool[0].verdict[0].decision is Decision.SHIP


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[tool", "not TOML"),
        ("", "person"),
        (PERSON + TOOL + VERDICT.replace("ship", "maybe"), "tool.0.verdict.0.decision"),
        (PERSON + TOOL.replace("hf:", "nowhere:") + VERDICT, "tool.0.identifier"),
        (PERSON + TOOL + VERDICT.replace('"b"', '"poet"'), "poet, behind which nobody sits"),
        (PERSON + TOOL + VERDICT + VERDICT, "judged twice"),
    ],
)
def test_an_error_in_a_panel_file_says_where_it_is(text, says):
    with pytest.raises(UsageError, match=says):
        load_panel(text)
