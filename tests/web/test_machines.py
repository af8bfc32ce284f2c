"""Feeds, sitemap, llms.txt, badges, pictures and the JSON API, read by the programs they are for."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta

import feedparser
import jsonschema
import pytest
from lxml import etree

from app import announcing
from tests.web import shelf
from tests.web.conftest import BASE_URL
from tests.web.samples import EMPTY, EVERY, HOSTILE_VIEW, PARTIAL, VIEW
from web.application import create_app

COMPARISON = f"{BASE_URL}/compare/{VIEW.slug}"

# ------------------------------------------------------------ feeds


@pytest.mark.parametrize("path", ["/feed.atom", "/categories/agents/feed.atom", "/changes.atom"])
def test_feeds_are_well_formed_and_say_where_they_live(site, path):
    response = site.get(path)
    assert response.headers["content-type"].startswith("application/atom+xml")
    found = feedparser.parse(response.content)
    assert not found.bozo
    assert found.version == "atom10"
    assert found.feed.id == BASE_URL + path
    assert {link.rel: link.href for link in found.feed.links}["self"] == BASE_URL + path
    assert found.feed.updated_parsed


def test_a_feed_holds_the_newest_comparisons_with_lasting_ids(site):
    entries = feedparser.parse(site.get("/feed.atom").content).entries
    assert {entry.link for entry in entries} == {f"{BASE_URL}/compare/{view.slug}" for view in EVERY}
    assert len({entry.id for entry in entries}) == len(entries)
    (entry,) = (each for each in entries if each.link == COMPARISON)
    assert entry.title == VIEW.title
    assert entry.id == f"tag:verdicts.example,2026:compare/{VIEW.slug}"
    assert "panel ship 100 %, 4-0" in entry.summary
    assert "2 of 4 lenses agree." in entry.summary
    assert [tag.term for tag in entry.tags] == ["agents", "vision-language-models"]


def test_a_feed_of_a_category_holds_only_that_category(site):
    entries = feedparser.parse(site.get("/categories/agents/feed.atom").content).entries
    assert {entry.link for entry in entries} == {f"{BASE_URL}/compare/{v.slug}" for v in (VIEW, PARTIAL)}


def test_hostile_names_stay_text_in_a_feed(site):
    root = etree.fromstring(site.get("/feed.atom").content)
    titles = [title.text for title in root.iter("{http://www.w3.org/2005/Atom}title")]
    assert any("<script>" in title for title in titles)
    assert not root.xpath("//*[local-name()='script' or local-name()='img']")


# ------------------------------------------------------------ sitemap

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{ns}" targetNamespace="{ns}"
 elementFormDefault="qualified">
<xs:simpleType name="loc"><xs:restriction base="xs:anyURI"><xs:pattern value="https?://.+"/><xs:minLength value="12"/>
<xs:maxLength value="2048"/></xs:restriction></xs:simpleType>
<xs:element name="urlset"><xs:complexType><xs:sequence><xs:element name="url" maxOccurs="50000"><xs:complexType>
<xs:sequence><xs:element name="loc" type="loc"/><xs:element name="lastmod" type="xs:dateTime" minOccurs="0"/>
</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
<xs:element name="sitemapindex"><xs:complexType><xs:sequence><xs:element name="sitemap" maxOccurs="50000">
<xs:complexType><xs:sequence><xs:element name="loc" type="loc"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""
NS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap(content: bytes) -> dict[str, str | None]:
    """Address -> lastmod, of a document that keeps to the protocol."""
    root = etree.fromstring(content)
    etree.XMLSchema(etree.fromstring(SCHEMA.format(ns=NS))).assertValid(root)
    return {line.findtext(f"{{{NS}}}loc"): line.findtext(f"{{{NS}}}lastmod") for line in root}


def test_the_sitemap_lists_every_public_page_once_with_the_day_of_its_approval(site):
    found = sitemap(site.get("/sitemap.xml").content)
    assert found[COMPARISON] is not None
    assert f"{BASE_URL}/tools/skillclaw" in found
    assert f"{BASE_URL}/editions/2026-W48" in found
    assert f"{BASE_URL}/lenses/builder" in found
    assert f"{BASE_URL}/categories/agents" in found
    paths = [address.removeprefix(BASE_URL) for address in found]
    assert {path: site.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    assert f"Sitemap: {BASE_URL}/sitemap.xml" in site.get("/robots.txt").text


def test_a_large_site_has_an_index_whose_parts_hold_the_same(site, monkeypatch):
    whole = sitemap(site.get("/sitemap.xml").content)
    monkeypatch.setattr(announcing, "PART", 2)
    parts = sitemap(site.get("/sitemap.xml").content)
    assert len(parts) > 3
    found: dict[str, str | None] = {}
    for part in parts:
        content = site.get(part.removeprefix(BASE_URL)).content
        found |= sitemap(content) if b"<url>" in content else {}
    assert found == whole


# ------------------------------------------------------------ llms.txt, badges, pictures


def test_llms_txt_names_the_rules_and_the_newest_comparisons_each_on_one_line(site):
    text = site.get("/llms.txt").text
    assert text.startswith("# Weekly Verdicts\n\n> ")
    assert f"({COMPARISON})" in text
    (line,) = (each for each in text.splitlines() if HOSTILE_VIEW.slug in each)
    assert "<" not in line.replace("(https", "")
    assert line.count("](") == 1


def test_a_badge_is_a_static_svg_that_other_sites_may_show(site):
    response = site.get("/badge/smolvlm2-2b.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    root = etree.fromstring(response.content)
    assert root.get("aria-label") == "Weekly Verdicts: ship, 100 %, 4-0"
    assert {etree.QName(each).localname for each in root.iter()} == {"svg", "title", "rect", "text"}
    assert site.get("/badge/smolvlm2-2b.svg", headers={"If-None-Match": response.headers["etag"]}).status_code == 304
    assert "no verdict yet" in site.get("/badge/bare.svg").text


@pytest.mark.parametrize(
    "path", [*(f"compare/{view.slug}" for view in EVERY), "tools/skillclaw", "tools/hostile", "site"]
)
def test_a_picture_for_link_previews_is_a_png_of_1200_by_630(site, path):
    response = site.get(f"/images/{path}.png")
    assert response.headers["content-type"] == "image/png"
    content = io.BytesIO(response.content)
    assert content.read(8) == b"\x89PNG\r\n\x1a\n"
    content.seek(16)
    assert struct.unpack(">II", content.read(8)) == (1200, 630)
    assert len(response.content) < 300_000


def test_every_page_names_its_picture(site):
    pages = "/ /editions /editions/2026-W48 /lenses/builder /categories/agents /methodology /corrections /subscribe"
    for path in (f"/compare/{VIEW.slug}", "/tools/skillclaw", *pages.split()):
        picture = etree.HTML(site.get(path).text).xpath("//meta[@property='og:image']/@content")
        assert len(picture) == 1
        assert site.get(picture[0].removeprefix(BASE_URL)).status_code == 200


# ------------------------------------------------------------ the JSON API


@pytest.fixture
def api(site):
    """Ask the API; every answer is held against the description that the same server gives."""
    document = site.get("/api/openapi.json").json()

    def get(path: str, template: str, *, status: int = 200, **params):
        response = site.get(path, params=params or None)
        assert response.status_code == status, response.text
        answer = document["paths"][template]["get"]["responses"][str(status)]
        kind = response.headers["content-type"]
        schema = answer["content"][kind]["schema"] | {"components": document["components"]}
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(response.json())
        assert response.headers["access-control-allow-origin"] == "*"
        return response.json()

    get.document = document
    return get


def test_the_description_is_whole(api):
    document = api.document
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": BASE_URL}]
    for path, item in document["paths"].items():
        names = {each["name"] for each in item["get"]["parameters"] if each["in"] == "path"}
        assert names == {piece.strip("{}") for piece in path.split("/") if piece.startswith("{")}
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_answer_is_as_the_description_says(api):
    tools = api("/api/tools", "/api/tools", limit=50)["tools"]
    assert {"skillclaw", "hostile", "bare"} <= {each["slug"] for each in tools}
    for each in tools:
        api(f"/api/tools/{each['slug']}", "/api/tools/{slug}")
    comparisons = api("/api/comparisons", "/api/comparisons")["comparisons"]
    assert {each["slug"] for each in comparisons} == {view.slug for view in EVERY}
    for each in comparisons:
        api(f"/api/comparisons/{each['slug']}", "/api/comparisons/{slug}")
    (edition,) = api("/api/editions", "/api/editions")["editions"]
    assert (edition["week"], edition["comparisons"]) == ("2026-W48", 1)
    api("/api/editions/2026-W48", "/api/editions/{week}")


def test_lists_are_given_in_slices_that_meet(api):
    whole = [each["slug"] for each in api("/api/comparisons", "/api/comparisons", limit=50)["comparisons"]]
    seen, following = [], f"{BASE_URL}/api/comparisons?limit=2"
    while following:
        page = api(following.removeprefix(BASE_URL), "/api/comparisons")
        assert len(page["comparisons"]) <= 2
        seen += [each["slug"] for each in page["comparisons"]]
        following = page["next"]
    assert seen == whole
    assert api("/api/tools", "/api/tools", limit=1)["next"].startswith(f"{BASE_URL}/api/tools?limit=1&before=")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "51"},
        {"limit": "x"},
        {"limit": "-1"},
        {"before": "1.5"},
        {"page": "2"},
        {"before": "9" * 30},
        {"limit": "٣"},
        {"limit": ""},
    ],
)
def test_a_parameter_that_is_not_as_described_is_refused(api, params):
    assert api("/api/tools", "/api/tools", status=400, **params)["status"] == 400


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/api/tools/nothing", "/api/tools/{slug}"),
        ("/api/tools/secret-one", "/api/tools/{slug}"),
        ("/api/comparisons/secret-one-vs-secret-two", "/api/comparisons/{slug}"),
        ("/api/editions/2026-W49", "/api/editions/{week}"),
        ("/api/editions/next", "/api/editions/{week}"),
    ],
)
def test_what_is_not_public_is_a_problem_of_404(api, path, template):
    api(path, template, status=404)


def test_votes_below_the_minimum_are_a_number_and_nothing_more(api):
    few = api(f"/api/comparisons/{PARTIAL.slug}", "/api/comparisons/{slug}")
    assert few["b"]["community"] == {"votes": 7, "chosen": None, "percent": None}
    many = api(f"/api/comparisons/{VIEW.slug}", "/api/comparisons/{slug}")
    assert many["b"]["community"] == {"votes": 14, "chosen": 9, "percent": 64}


def test_no_address_from_outside_leaves_the_api_unless_it_is_one(api):
    found = api("/api/tools/hostile", "/api/tools/{slug}")
    assert found["homepage"] is None
    assert found["pricing"]["source_url"] is None
    assert {fact["source_url"] for fact in found["facts"]} == {None}


# ------------------------------------------------------------ validators

PUBLIC = [
    "/",
    f"/compare/{VIEW.slug}",
    "/tools/skillclaw",
    "/lenses/builder",
    "/categories/agents",
    "/editions",
    "/editions/2026-W48",
    "/search?q=skill",
    "/methodology",
    "/corrections",
    "/feed.atom",
    "/changes.atom",
    "/categories/agents/feed.atom",
    "/sitemap.xml",
    "/llms.txt",
    "/badge/skillclaw.svg",
    f"/images/compare/{VIEW.slug}.png",
    "/images/tools/skillclaw.png",
    "/images/site.png",
    "/subscribe",
    "/robots.txt",
    "/sitemaps/comparisons-1.xml",
    "/api/tools",
    "/api/tools/skillclaw",
    "/api/comparisons",
    f"/api/comparisons/{VIEW.slug}",
    "/api/editions",
    "/api/editions/2026-W48",
    "/api/openapi.json",
]
PRIVATE = [
    "/confirm/",
    "/unsubscribe/",
    "/undo/",
    "/move/",
    "/preferences/",
    "/vote/",
    "/corrections/report",
    "/desk",
    "/webhooks/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/",
]


def test_every_public_address_is_among_those_that_are_held_to_it(fresh):
    best_of = "/editions/{week}/best-of"  # is there with a monthly edition alone
    public = [
        each for each in create_app(fresh).routes if not each.path.startswith(tuple(PRIVATE)) and each.path != best_of
    ]
    assert len(public) > 20
    for route in public:
        assert any(route.path_regex.fullmatch(path.partition("?")[0]) for path in PUBLIC), route.path


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_answer_has_both_validators_and_is_not_sent_twice(site, path):
    first = site.get(path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    for name, held in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        again = site.get(path, headers={name: first.headers[held]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    old = (datetime.now(UTC) - timedelta(days=4000)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert site.get(path, headers={"If-Modified-Since": old}).status_code == 200
    assert site.get(path, headers={"If-Modified-Since": "yesterday"}).status_code == 200
    both = {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]}
    assert site.get(path, headers=both).status_code == 200


def test_a_vote_changes_the_page_and_its_validators(fresh, fresh_site):
    shelf.publish(fresh, EMPTY)
    page = f"/compare/{EMPTY.slug}"
    before = fresh_site.get(page)
    shelf.vote(fresh, EMPTY, for_a=1, for_b=0)
    after = fresh_site.get(page, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert "1 of 10 votes" in after.text
