"""Answers of another day: fields that are missing, null or of another type, and shapes of former years."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
import pytest

from core.errors import ParseError
from core.fact import PricingModel
from tests.ingest import bodies
from tests.ingest.bodies import TRUE
from tests.ingest.making import NOW, atom, ids, parsed
from tests.ingest.test_every_kind import JSON_KINDS, check

Place = tuple[str | int, ...]

MISSING = object()
STRANGE = [MISSING, None, "", 0, 5, 1.5, True, "x", [], {}, [None], [{}], ["x", None]]

ESSENTIAL = {
    "huggingface-models": {"0.id"},
    "huggingface-spaces": {"0.id"},
    "huggingface-datasets": {"0.id"},
    "huggingface-trending": {
        "recentlyTrending.0.repoType",
        "recentlyTrending.0.repoData",
        "recentlyTrending.0.repoData.id",
    },
    "huggingface-papers": {"0.paper", "0.paper.id", "0.paper.title"},
    "hackernews": {"hits.0.objectID", "hits.0.title"},
    "github-search": {"items.0.id", "items.0.full_name"},
    "producthunt-graphql": {
        "data.posts.nodes.0.id",
        "data.posts.nodes.0.name",
        "data.posts.nodes.0.url",
        "data.posts.nodes.0.featuredAt",
    },
    "lobsters": {"0.short_id", "0.title", "0.tags", "0.tags.0"},
    "openrouter": {"data.0.id"},
    "yc-launches": {"hits.0.id", "hits.0.title"},
}
"""Fields without which nothing can be said of an entry. Every other one may hold anything."""


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where every value inside a record stands."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*above, key)
        yield from places(one, (*above, key))


def changed(body: Any, place: Place, value: object) -> Any:
    copy = deepcopy(body)
    parent = copy
    for key in place[:-1]:
        parent = parent[key]
    if value is MISSING:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return copy


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_a_field_that_is_not_essential_costs_itself_and_not_the_entry(kind: str) -> None:
    body = orjson.loads(TRUE[kind])
    lists = {"", "0", *(name.rpartition(".")[0] for name in ESSENTIAL[kind])}
    tried = 0
    for place in places(body):
        name = ".".join(map(str, place))
        if name in ESSENTIAL[kind] or any(each == name or each.startswith(f"{name}.") for each in lists):
            continue
        for value in STRANGE:
            result = parsed(kind, changed(body, place, value))
            check(result)
            assert len(result.sightings) == 1, (name, value, result.bad, result.left_out)
            tried += 1
    assert tried >= 5 * len(STRANGE)


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_an_entry_without_what_is_essential_is_bad_and_never_just_left_out(kind: str) -> None:
    """What is left out counts as wanted silence; a renamed field must not pass for it."""
    body = orjson.loads(TRUE[kind])
    for name in ESSENTIAL[kind]:
        place = tuple(int(key) if key.isdecimal() else key for key in name.split("."))
        if isinstance(place[-1], int):
            continue
        result = parsed(kind, changed(body, place, MISSING))
        assert (len(result.bad), result.left_out) == (1, {}), name


def test_one_bad_item_of_a_list_costs_itself() -> None:
    [one] = parsed("huggingface-models", [{**bodies.MODEL, "tags": [None, "license:mit", 5, "chat"]}]).sightings
    assert (one.licence, one.tags) == ("mit", ("chat",))
    paper = {**bodies.PAPER["paper"], "authors": [{"name": None}, None, {"name": "B. Author"}]}
    [named] = parsed("huggingface-papers", [{"paper": paper}]).sightings
    assert named.author == "B. Author"


@pytest.mark.parametrize(
    "when", ["2026-11-18T10:00:00.000Z", 1795003200, 1795003200.0, 1795003200000, "2026-11-18T12:00:00+02:00"]
)
def test_a_date_is_read_in_every_spelling_in_use(when: object) -> None:
    [one] = parsed("huggingface-models", [{**bodies.MODEL, "createdAt": when}]).sightings
    assert one.created_at
    assert one.created_at.date().isoformat() == "2026-11-18"


def test_old_models_are_named_by_their_model_id() -> None:
    record = {name: value for name, value in bodies.MODEL.items() if name != "id"}
    [one] = parsed("huggingface-models", [{**record, "modelId": "acme/Old"}]).sightings
    assert one.external_id == "acme/Old"


def test_a_paper_without_words_of_its_own_takes_those_of_its_line() -> None:
    paper = {name: value for name, value in bodies.PAPER["paper"].items() if name not in ("title", "summary")}
    [one] = parsed("huggingface-papers", [{"paper": paper, "title": "Foo: Doing Bar", "summary": "We do."}]).sightings
    assert (one.name, one.tagline, one.summary) == ("Foo", "Doing Bar", "We do.")


@pytest.mark.parametrize("number", [42, "42"])
def test_an_id_may_be_a_number_or_a_text(number: int | str) -> None:
    [story] = parsed("hackernews", {"hits": [{**bodies.STORY, "objectID": number}]}).sightings
    [post] = parsed("producthunt-graphql", bodies.posts({**bodies.POST, "id": number})).sightings
    assert (story.external_id, post.external_id) == ("42", "42")


def test_a_story_without_seconds_is_dated_by_its_text() -> None:
    story = {**bodies.STORY, "created_at_i": None, "created_at": "2026-11-18T10:00:00Z"}
    [one] = parsed("hackernews", {"hits": [story]}).sightings
    assert one.created_at
    assert one.created_at.isoformat() == "2026-11-18T10:00:00+00:00"


@pytest.mark.parametrize(
    "change", [{"comment_text": "Yes", "title": None}, {"_tags": ["comment"], "title": None}, {"_tags": ["pollopt"]}]
)
def test_comments_are_known_by_what_they_are(change: dict[str, Any]) -> None:
    result = parsed("hackernews", {"hits": [{**bodies.STORY, **change}]})
    assert (result.bad, list(result.left_out)) == ((), ["no story (a comment or a poll option)"])


def test_posts_without_a_list_of_them_are_an_error_and_no_quiet_day() -> None:
    with pytest.raises(ParseError, match="without a list"):
        parsed("producthunt-graphql", {"data": {"posts": {"items": [], "pageInfo": {}}}})
    edges = {"data": {"posts": {"edges": [{"node": bodies.POST}]}}}
    assert len(parsed("producthunt-graphql", edges).sightings) == 1


def test_a_submitter_may_be_an_object() -> None:
    [one] = parsed("lobsters", [{**bodies.LOBSTER, "submitter_user": {"username": "ada", "karma": 3}}]).sightings
    assert one.author == "ada"


@pytest.mark.parametrize(
    ("prices", "model", "entry"),
    [
        ({"prompt": 0.000003, "completion": 0.000015}, PricingModel.PAID, "3 USD per 1M tokens"),
        ({"prompt": "0.000003", "completion": "0.000015"}, PricingModel.PAID, "3 USD per 1M tokens"),
        ({"prompt": "0", "completion": "0"}, PricingModel.FREE, None),
        ({"prompt": 0, "completion": 0}, PricingModel.FREE, None),
        ({"prompt": "-1", "completion": "-1"}, None, None),
        ({"prompt": "0", "completion": "0", "image": "0.04"}, None, None),
        ({"prompt": "0", "completion": "0", "request": 0.005}, None, None),
        (None, None, None),
    ],
)
def test_prices_as_texts_and_as_numbers(prices: object, model: PricingModel | None, entry: str | None) -> None:
    [one] = parsed("openrouter", {"data": [{**bodies.ROUTED, "pricing": prices}]}).sightings
    assert (one.pricing and one.pricing.model) == model
    assert (str(one.pricing.entry_price) if one.pricing and one.pricing.entry_price else None) == entry


RDF = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://arxiv.org/"><title>cs.AI updates</title></channel>
<item rdf:about="http://arxiv.org/abs/2611.00001"><title>Foo: Doing Bar. (arXiv:2611.00001v1 [cs.AI])</title>
<link>http://arxiv.org/abs/2611.00001</link><description>&lt;p&gt;We do bar.&lt;/p&gt;</description>
<dc:creator>A. Author</dc:creator></item></rdf:RDF>"""


def test_arxiv_in_the_format_of_former_years_is_no_quiet_day() -> None:
    result = parsed("arxiv", RDF)
    [one] = result.sightings
    assert (one.name, one.tagline, one.summary, one.author) == ("Foo", "Doing Bar", "We do bar.", "A. Author")
    assert one.identifiers == ids("arxiv:2611.00001")
    assert not result.empty_is_normal
    replaced = parsed("arxiv", RDF.replace("[cs.AI])", "[cs.AI] UPDATED)"))
    assert replaced.left_out == {"a new version of an old paper": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_records_in_another_encoding_keep_their_letters(encoding: str) -> None:
    text = orjson.dumps([{**bodies.LOBSTER, "title": "Größe – misst “alles”"}]).decode()
    [one] = parsed("lobsters", text.encode(encoding)).sightings
    assert (one.name, one.tagline) == ("Größe", "misst “alles”")


def test_one_torn_letter_costs_no_neighbour() -> None:
    body = orjson.dumps([{**bodies.LOBSTER, "title": "A é B"}, {**bodies.LOBSTER, "short_id": "second"}])
    result = parsed("lobsters", body.replace("é".encode(), b"\xc3"))
    assert len(result.sightings) == 2


def test_arxiv_may_forget_to_escape() -> None:
    [one] = parsed("arxiv", RDF.replace("Doing Bar", "Doing Bar & Caf&eacute;")).sightings
    assert one.tagline == "Doing Bar & Café"


def test_dates_beyond_reason_are_none() -> None:
    for when in (0, -5, 1e18, True, "yesterday", "2026-13-45", NOW.year, "2027-01-01T00:00:00Z"):
        [one] = parsed("huggingface-models", [{**bodies.MODEL, "createdAt": when}]).sightings
        assert one.created_at is None, when


def test_releases_that_are_gone_are_not_called_normal() -> None:
    assert not parsed("github-releases", atom()).empty_is_normal
