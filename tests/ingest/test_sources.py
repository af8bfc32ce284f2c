"""What is particular to one kind of source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from core.errors import ParseError
from core.fact import PricingModel
from core.sighting import Sighting, Thing
from core.source import Cursor, Parsed, Request
from ingest.sources import ADAPTERS
from tests.ingest import bodies
from tests.ingest.making import NOW, atom, entry, ids, parsed, response, source


def only(result: Parsed) -> Sighting:
    assert result.bad == ()
    [one] = result.sightings
    return one


def first_request(kind: str, **options: Any) -> Request:
    return ADAPTERS[kind].requests(source(kind, **options), Cursor(), NOW)[0]


def query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


# --- Hugging Face -------------------------------------------------------------------------------------------------


def test_a_model_cites_papers_and_models_without_being_them() -> None:
    one = only(parsed("huggingface-models", [bodies.MODEL]))
    assert one.identifiers == ids("hf:acme/Foo-7B")
    assert one.mentions == ids("arxiv:2611.00001", "hf:acme/Base")
    assert (one.licence, one.pricing and one.pricing.model) == ("mit", PricingModel.OPEN_SOURCE)
    assert one.tags == ("chat",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tags": ["base_model:quantized:acme/Foo-7B"]}, "a quantised copy"),
        ({"id": "acme/Foo-7B-GGUF"}, "a quantised copy"),
        ({"id": "acme/Foo_NSFW_v2"}, "not suitable for work"),
        ({"tags": ["not-for-all-audiences"]}, "not suitable for work"),
        ({"private": True}, "private"),
    ],
)
def test_unwanted_models_are_left_out_and_counted(change: dict, reason: str) -> None:
    result = parsed("huggingface-models", [{**bodies.MODEL, **change}, {**bodies.MODEL, "id": "acme/Sussex"}])
    assert result.left_out == {reason: 1}
    assert len(result.sightings) == 1


def test_a_relative_next_link_is_followed_as_far_as_asked() -> None:
    asked = source("huggingface-models", pages=3)
    request, seen = Request(url="https://huggingface.co/api/models?limit=1"), []
    for _ in range(5):
        answer = response([bodies.MODEL], request, headers={"link": '</api/models?cursor=x&limit=1>; rel="next"'})
        following = ADAPTERS["huggingface-models"].parse(asked, answer, NOW).following
        if not following:
            break
        request = following[0]
        seen.append((request.url, request.slot))
    assert seen == [
        ("https://huggingface.co/api/models?cursor=x&limit=1", "page 2"),
        ("https://huggingface.co/api/models?cursor=x&limit=1", "page 3"),
    ]


def test_a_next_link_to_another_site_is_not_followed() -> None:
    answer = response([bodies.MODEL], headers={"link": '<https://evil.example/next>; rel="next"'})
    assert ADAPTERS["huggingface-models"].parse(source("huggingface-models", pages=3), answer, NOW).following == ()


def test_a_space_has_the_words_of_its_card() -> None:
    one = only(parsed("huggingface-spaces", [bodies.SPACE]))
    assert (one.name, one.tagline, one.homepage) == ("Foo Demo", "Try Foo", "https://acme-foo-demo.hf.space")
    assert one.identifiers == ids("hf-space:acme/foo-demo")
    assert one.mentions == ids("hf:acme/Foo-7B", "url:acme-foo-demo.hf.space")


def test_a_paper_is_named_by_the_head_of_its_title() -> None:
    one = only(parsed("huggingface-papers", [bodies.PAPER]))
    assert (one.name, one.tagline, one.author) == ("Foo", "Doing Bar with Agents", "A. Author et al.")
    assert one.identifiers == ids("arxiv:2611.00001", "github:acme/foo", "url:foo.dev")
    assert one.created_at is not None
    assert one.created_at.isoformat() == "2026-11-18T00:00:00+00:00"


def test_a_project_page_that_is_an_organisation_names_nothing() -> None:
    paper = {**bodies.PAPER["paper"], "projectPage": "https://github.com/ClawGym", "githubRepo": None}
    one = only(parsed("huggingface-papers", [{"paper": paper}]))
    assert one.identifiers == ids("arxiv:2611.00001")
    assert one.homepage is None


def test_trending_models_say_how_large_they_are() -> None:
    record = {"id": "acme/Foo", "numParameters": 2_200_000_000, "likes": 1}
    one = only(parsed("huggingface-trending", {"recentlyTrending": [{"repoType": "model", "repoData": record}]}))
    assert {signal.name: signal.value for signal in one.signals} == {"likes": 1, "parameters": 2.2e9}


# --- Hacker News --------------------------------------------------------------------------------------------------


def test_a_text_post_presents_its_first_link_and_mentions_the_others() -> None:
    one = only(parsed("hackernews", {"hits": [bodies.STORY]}))
    assert (one.name, one.tagline, one.thing) == ("Foo", "does bar", Thing.LAUNCH)
    assert one.identifiers == ids("hn:42", "url:foo.dev")
    assert one.mentions == ids("github:acme/dep")
    assert one.summary.startswith("Hi! See foo and dep.")
    assert one.pricing
    assert one.pricing.model is PricingModel.FREEMIUM


def test_the_window_is_encoded_and_reaches_back_as_far_as_asked() -> None:
    request = first_request("hackernews", days=2, points=5)
    end = int(NOW.timestamp()) + 1
    assert query(request)["numericFilters"] == f"created_at_i>={end - 172_800},created_at_i<{end},points>=5"
    assert ">" not in request.url
    assert request.slot == "recent"


def test_a_window_at_the_cap_is_halved_until_an_hour() -> None:
    hits = [{**bodies.STORY, "objectID": str(number)} for number in range(1_000)]
    full = {"hits": hits, "nbHits": 1_400, "page": 0, "nbPages": 1}
    request = first_request("hackernews", days=1)
    early, late = ADAPTERS["hackernews"].parse(source("hackernews"), response(full, request), NOW).following
    end = int(NOW.timestamp()) + 1
    assert query(early)["numericFilters"].startswith(f"created_at_i>={end - 86_400},created_at_i<{end - 43_200},")
    assert query(late)["numericFilters"].startswith(f"created_at_i>={end - 43_200},created_at_i<{end},")
    assert early.slot != late.slot
    for _ in range(9):
        following = ADAPTERS["hackernews"].parse(source("hackernews"), response(full, early), NOW).following
        if not following:
            break
        early = following[0]
    assert following == ()


def test_an_answer_beyond_the_cap_is_an_error_and_no_silence() -> None:
    with pytest.raises(ParseError, match="1000 hits"):
        parsed("hackernews", {"hits": [], "nbHits": 1_400, "message": "you can only fetch the 1000 hits"})


# --- GitHub -------------------------------------------------------------------------------------------------------


def test_each_query_is_asked_for_young_repositories() -> None:
    requests = ADAPTERS["github-search"].requests(
        source("github-search", queries=["topic:ai", "topic:mcp"], days=7, stars=9), Cursor(), NOW
    )
    assert [query(one)["q"] for one in requests] == [
        f"{topic} created:>=2026-11-13 stars:>=9" for topic in ("topic:ai", "topic:mcp")
    ]
    assert "Authorization" not in requests[0].headers


def test_a_key_stands_in_the_request_by_name_only() -> None:
    assert first_request("github-search", token_env="GITHUB_TOKEN").headers["Authorization"] == "Bearer ${GITHUB_TOKEN}"


def test_a_repository_is_known_by_name_and_number() -> None:
    one = only(parsed("github-search", {"items": [bodies.REPOSITORY]}))
    assert one.identifiers == ids("github:acme/foo", "github-id:77", "url:foo.dev")
    assert (one.url, one.licence, one.external_id) == ("https://github.com/Acme/foo", "mit", "77")


def test_invitations_are_no_homepages_and_forks_no_news() -> None:
    items = [{**bodies.REPOSITORY, "homepage": "https://discord.gg/x"}, {**bodies.REPOSITORY, "id": 78, "fork": True}]
    result = parsed("github-search", {"items": items})
    assert only(result).homepage is None
    assert result.left_out == {"a fork": 1}


def test_a_search_that_github_broke_off_says_so() -> None:
    result = parsed("github-search", {"items": [bodies.REPOSITORY], "incomplete_results": True})
    assert result.bad[0].where == "the search"
    assert len(result.sightings) == 1


def test_the_sponsor_button_is_not_the_repository() -> None:
    one = only(parsed("github-trending", f"<html>{bodies.TRENDING_ROW}</html>"))
    assert one.external_id == "acme/foo"
    assert {signal.name: signal.value for signal in one.signals} == {"stars": 1139, "stars_gained": 39, "forks": 20}


def test_a_page_that_says_that_nothing_trends_is_empty() -> None:
    result = parsed(
        "github-trending", "<html><p>It looks like we don’t have any trending repositories for your choices.</p></html>"
    )
    assert (result.sightings, result.empty_is_normal) == ((), True)


@pytest.mark.parametrize("tag", ["v1.0.0-rc.1", "0.0.1-alpha.34", "2.0b1", "nightly-2026", "v3-beta"])
def test_pre_releases_can_be_left_out(tag: str) -> None:
    body = atom(bodies.RELEASE.replace("v1.2.0", tag), bodies.RELEASE)
    result = parsed("github-releases", body, prereleases=False)
    left = 0 if tag.startswith("nightly") else 1
    assert len(result.sightings) == 2 - left


# --- Product Hunt -------------------------------------------------------------------------------------------------


def test_a_launch_is_unescaped_once_and_has_no_date() -> None:
    one = only(parsed("producthunt-feed", atom(bodies.PRODUCT)))
    assert (one.tagline, one.created_at, one.external_id) == ("Data & AI", None, "123")


@pytest.mark.parametrize(
    ("name", "slug", "own"),
    [
        ("Juggler", "juggler", True),
        ("BrainFlow", "brainflow-2", True),
        ("Infinite", "infinite-the-agent", True),
        ("Simba Voice Agents", "speechify", False),
        ("Claude Code", "claude", False),
    ],
)
def test_a_product_page_names_the_launch_only_where_the_names_agree(name: str, slug: str, *, own: bool) -> None:
    body = entry(
        1,
        id="<id>Post/9</id>",
        title=f"<title>{name}</title>",
        link=f'<link href="https://www.producthunt.com/products/{slug}"/>',
    )
    one = only(parsed("producthunt-feed", atom(body)))
    assert (ids(f"producthunt:{slug}") <= one.identifiers) is own
    assert (ids(f"producthunt:{slug}") <= one.mentions) is not own


def test_posts_are_asked_page_by_page() -> None:
    request = first_request("producthunt-graphql", pages=2)
    variables = orjson.loads(request.body or b"")["variables"]
    assert variables == {"first": 20, "postedAfter": "2026-11-18T09:00:00Z", "topic": "artificial-intelligence"}
    assert request.headers["Authorization"] == "Bearer ${PRODUCTHUNT_TOKEN}"
    answer = response(bodies.posts(bodies.POST, more=True), request)
    [following] = ADAPTERS["producthunt-graphql"].parse(source("producthunt-graphql", pages=2), answer, NOW).following
    assert orjson.loads(following.body or b"")["variables"]["after"] == "MjA"
    answer = replace(answer, request=following)
    assert ADAPTERS["producthunt-graphql"].parse(source("producthunt-graphql", pages=2), answer, NOW).following == ()


def test_an_answer_of_errors_is_an_error() -> None:
    with pytest.raises(ParseError, match="invalid_oauth_token"):
        parsed("producthunt-graphql", {"data": None, "errors": [{"error": "invalid_oauth_token"}]})


def test_redacted_makers_are_nobody() -> None:
    assert only(parsed("producthunt-graphql", bodies.posts(bodies.POST))).author == "Maker"


# --- arXiv, Reddit, Lobsters, OpenRouter, Y Combinator, feeds -------------------------------------------------------


def test_the_authors_own_link_names_the_repository() -> None:
    one = only(parsed("arxiv", atom(bodies.PREPRINT)))
    assert one.identifiers == ids("arxiv:2611.00001", "github:acme/foo")
    assert one.summary == "We do bar."


def test_new_versions_of_old_papers_are_left_out() -> None:
    body = atom(bodies.PREPRINT.replace(">new<", ">replace-cross<"))
    assert parsed("arxiv", body).left_out == {"a new version of an old paper": 1}
    assert len(parsed("arxiv", body, replacements=True).sightings) == 1


def test_a_sunday_without_papers_is_normal() -> None:
    result = parsed(
        "arxiv",
        '<?xml version="1.0"?><rss version="2.0"><channel><title>cs.AI</title><skipDays><day>Sunday</day></skipDays></channel></rss>',
    )
    assert (result.sightings, result.empty_is_normal) == ((), True)


def test_a_link_post_presents_what_it_links_to() -> None:
    one = only(parsed("reddit", atom(bodies.REDDIT)))
    assert (one.name, one.tagline, one.thing, one.homepage) == (
        "Foo",
        "a bar machine",
        Thing.LAUNCH,
        "https://github.com/acme/foo",
    )
    assert one.identifiers == ids("reddit:1abcd", "github:acme/foo")


def test_adult_posts_of_the_listing_are_left_out() -> None:
    post = {"id": "1abcd", "title": "Foo", "permalink": "/r/x/comments/1abcd/foo/", "over_18": True}
    assert parsed("reddit", {"data": {"children": [{"data": post}]}}).left_out == {"not suitable for work": 1}


def test_being_refused_is_nothing_unusual_for_reddit_alone() -> None:
    assert [kind for kind, adapter in ADAPTERS.items() if adapter.fragile] == ["reddit"]


def test_a_story_by_its_author_is_a_launch() -> None:
    assert only(parsed("lobsters", [bodies.LOBSTER])).thing is Thing.LAUNCH
    assert only(parsed("lobsters", [{**bodies.LOBSTER, "user_is_author": False}])).thing is Thing.ARTICLE


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        ("0", "0", "free"),
        ("0.000003", "0.000015", "paid"),
        ("0", "0.000001", "paid"),
        ("-1", "-1", None),
        (None, "1", None),
        ("x", "0", None),
    ],
)
def test_prices_of_a_router(prompt: str | None, completion: str, expected: str | None) -> None:
    model = {**bodies.ROUTED, "pricing": {"prompt": prompt, "completion": completion}}
    one = only(parsed("openrouter", {"data": [model]}))
    assert (one.pricing.model if one.pricing else None) == expected


def test_a_routed_model_is_the_model_on_hugging_face() -> None:
    one = only(parsed("openrouter", {"data": [bodies.ROUTED]}))
    assert one.identifiers == ids("openrouter:acme/foo", "hf:acme/Foo-7B")
    assert (one.name, one.author, one.category) == ("Foo", "Acme", "image-text-to-text")


def test_variants_and_old_models_are_left_out() -> None:
    old = {**bodies.ROUTED, "id": "acme/old", "created": 1_600_000_000}
    result = parsed("openrouter", {"data": [bodies.ROUTED, {**bodies.ROUTED, "id": "acme/foo:free"}, old]})
    assert result.left_out == {"a variant of a model": 1, "older than the window": 1}


@pytest.mark.parametrize("body", [[bodies.LAUNCH], {"hits": [bodies.LAUNCH]}, {"launches": [bodies.LAUNCH]}])
def test_launches_in_each_envelope(body: object) -> None:
    one = only(parsed("yc-launches", body))
    assert (one.name, one.tagline, one.author) == ("Foo", "Bar, done", "Foo Inc (F26)")
    assert one.identifiers == ids("yc:abc-foo", "url:foo.dev")


def test_a_headline_that_is_a_sentence_leaves_the_company_its_name() -> None:
    one = only(parsed("yc-launches", [{**bodies.LAUNCH, "title": "The fastest way to get all of your bars done"}]))
    assert one.name == "Foo Inc"


def test_entries_that_share_an_id_are_told_apart_whatever_their_order() -> None:
    twins = [
        entry(1, title=f"<title>{word}</title>", link=f'<link href="https://example.com/{word}"/>')
        for word in ("a", "b")
    ]
    one, other = parsed("feed", atom(*twins)), parsed("feed", atom(*reversed(twins)))
    assert len({each.external_id for each in one.sightings}) == 2
    assert {each.external_id: each.name for each in one.sightings} == {
        each.external_id: each.name for each in other.sightings
    }


def test_an_exact_repetition_is_one_entry() -> None:
    assert len(parsed("feed", atom(entry(1), entry(1))).sightings) == 1


def test_a_feed_may_be_keyed_by_address_where_its_ids_rotate() -> None:
    first, second = (parsed("feed", atom(entry(1, id=f"<id>{number}</id>")), key="link") for number in (1, 2))
    assert first.sightings[0].external_id == second.sightings[0].external_id


def test_a_bad_entry_stands_beside_its_neighbours() -> None:
    result = parsed("feed", atom(entry(1), entry(2, link="", id="<id>nowhere</id>"), entry(3)))
    assert [one.name for one in result.sightings] == ["Entry 1", "Entry 3"]
    assert [(bad.where, bad.reason) for bad in result.bad] == [("entry 2", "the entry has no address")]


def test_old_entries_can_be_left_out() -> None:
    old = entry(2, updated=f"<updated>{(NOW - timedelta(days=9)).isoformat()}</updated>")
    assert parsed("feed", atom(entry(1), old), days=7).left_out == {"older than the window": 1}


def test_scripts_in_titles_do_not_survive() -> None:
    evil = entry(1, title="<title>&lt;script&gt;alert(1)&lt;/script&gt;Foo &lt;b&gt;bar&lt;/b&gt;\u202e</title>")
    assert only(parsed("feed", atom(evil))).name == "Foo bar"


@pytest.mark.parametrize(
    "date",
    ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00", "2031-01-01T00:00:00Z", "yesterday", "1970-01-01T00:00:00Z"],
)
def test_a_date_that_cannot_be_is_no_date(date: str) -> None:
    one = only(parsed("feed", atom(entry(1, updated=f"<updated>{date}</updated>"))))
    assert one.created_at is None


def test_an_id_of_ten_thousand_characters_is_shortened_and_stays_itself() -> None:
    long = [entry(number, id=f"<id>{'x' * 9_999}{number}</id>") for number in (1, 2)]
    one, other = parsed("feed", atom(*long)).sightings
    assert one.external_id != other.external_id
    assert len(one.external_id) < 300


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("I built Foo: a bar machine", "Foo"),
        ("We’ve just open-sourced Foo Bar - agents that wait", "Foo Bar"),
        ("[P] Foo: a bar machine", "Foo"),
        ("Introducing Foo", "Foo"),
        ("I built a search: it waits", "I built a search"),
        ("I made my own agent", "I made my own agent"),
        ("I built", "I built"),
    ],
)
def test_a_launch_at_reddit_is_called_by_its_name(title: str, name: str) -> None:
    body = atom(bodies.REDDIT.replace("I built Foo: a bar machine", title))
    assert only(parsed("reddit", body)).name == name
