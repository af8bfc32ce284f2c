"""Every page with the worst text in every field: shown, never obeyed."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from lxml import etree

from app import voting
from app.lenses import load_standard_lenses
from app.tokens import Purpose
from core.week import Week
from tests.web import shelf
from tests.web.samples import HOSTILE, VIEW, with_text, with_url
from web.application import create_app

TEXTS = {
    "script": HOSTILE,
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#x3C;img src=x onerror=alert(1)&#x3E; &amp;amp; ]]> <!-- --!>",
    "attribute": "\" autofocus onfocus=alert(1) x='` ${alert(1)} {{7*7}} {% raw %}",
    "bidi": "abc\u202edcba\u2066\u2069\u200f\u200b\ufeff\u00ad",
    "long": "x" * 10_000,
    "zalgo": "a" + "\u0301" * 3000,
    "controls": "a\x01\x02\x08\x1b[31mb\x7f\u2028\u2029\ufffe",
}
URLS = [
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://a.example/"><script>',
    "//evil.example",
]
PAGES = [
    "/",
    f"/compare/{VIEW.slug}",
    "/tools/skillclaw",
    "/lenses/builder",
    "/editions",
    "/editions/2026-W48",
    "/search?q=x",
    "/corrections",
    f"/corrections/report?about=compare/{VIEW.slug}",
]
XML = ["/feed.atom", "/changes.atom", "/sitemap.xml", "/badge/skillclaw.svg"]


@pytest.fixture(params=TEXTS)
def text(request) -> str:
    return TEXTS[request.param]


@pytest.fixture
def site(server, client, fresh, text):
    load_standard_lenses(fresh)
    shelf.publish(fresh, VIEW)  # so that the hostile one replaces verdicts
    shelf.publish(fresh, with_url(with_text(VIEW, text), URLS[len(text) % len(URLS)]))
    shelf.edition(fresh, Week(2026, 48), [VIEW.slug], subject=text, intro=text)
    server.stage.app = create_app(fresh)
    return client


def test_no_page_has_markup_or_a_link_from_outside(site):
    for path in PAGES:
        response = site.get(path)
        assert response.status_code == 200, path
        soup = BeautifulSoup(response.text, "lxml")
        assert soup.select("img, iframe, object, style, base, svg, [autofocus], [onerror], [onfocus], [style]") == []
        assert {script["type"] for script in soup.select("script")} <= {"application/ld+json"}
        for link in soup.select("a[href], link[href], form[action]"):
            address = link.get("href") or link.get("action")
            assert address.startswith(("/", "#", "https://verdicts.example/")), (path, address)
            assert not address.startswith("//"), path
        for script in soup.select("script"):
            json.loads(script.string)


def test_every_document_for_machines_stays_well_formed(site):
    for path in XML:
        root = etree.fromstring(site.get(path).content)
        assert not root.xpath("//*[local-name()='script' or local-name()='img' or local-name()='foreignObject']"), path
    for path in ("/api/tools", "/api/comparisons", f"/api/comparisons/{VIEW.slug}", "/api/editions/2026-W48"):
        assert site.get(path).json() is not None
    assert "](javascript" not in site.get("/llms.txt").text
    for path in (f"/images/compare/{VIEW.slug}.png", "/images/tools/skillclaw.png"):
        assert site.get(path).status_code == 200


def test_the_vote_page_shows_it_too(site, fresh, text):
    reader = shelf.reader(fresh)
    link = shelf.link(fresh, Purpose.VOTE, reader, VIEW.slug)
    soup = BeautifulSoup(site.get(link).text, "lxml")
    assert [button["value"] for button in soup.select("main button")] == [VIEW.a.slug, VIEW.b.slug]
    assert soup.select("script, img, [onfocus]") == []
    assert voting.ballot(fresh, link.removeprefix("/vote/")).choice is None


@pytest.mark.parametrize("field", ["about", "claim", "source", "address", "choice", "nonce", "q", "after", "below"])
@pytest.mark.parametrize("value", ["x" * 10_000, HOSTILE, "\0", "%00%ff", "javascript:alert(1)"])
def test_no_field_of_a_form_or_query_breaks_a_page(fresh_site, field, value):
    for path in ("/corrections/report", "/subscribe", "/vote/forged", "/preferences/forged"):
        response = fresh_site.post(path, data={field: value})
        assert response.status_code in (200, 400, 404), path
        assert BeautifulSoup(response.text, "lxml").select("script, img") == []
    for path in ("/search", "/categories/agents", "/corrections", "/editions", "/corrections/report"):
        response = fresh_site.get(path, params={field: value})
        assert response.status_code in (200, 404), path
        assert BeautifulSoup(response.text, "lxml").select("script, img") == []
