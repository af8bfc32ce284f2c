"""Feeds in every format and with every fault in use: what each of them has to give."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ParseError
from core.sighting import Sighting
from ingest.sources.feed_worker import careful
from ingest.sources.mending import mended
from tests.ingest.making import parsed
from tests.ingest.test_every_kind import check

XML = '<?xml version="1.0"?>'
CONTENT = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
ITUNES = 'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
PAGE = "https://ex.com/1"
LINK = f"<link>{PAGE}</link>"
FOO = f"<title>Foo</title>{LINK}"
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


def rss(*items: str, version: str = "2.0", spaces: str = "", head: str = XML) -> str:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'{head}<rss version="{version}" {spaces}><channel><title>t</title><link>https://ex.com/</link>{inside}</channel></rss>'


def rdf(item: str, *, space: str = "http://purl.org/rss/1.0/", spaces: str = "") -> str:
    channel = "<channel><title>t</title><link>https://ex.com</link></channel>"
    return f'{XML}<rdf:RDF {RDF} xmlns="{space}" {spaces}>{channel}<item>{item}</item></rdf:RDF>'


def atom(inside: str, *, spaces: str = ATOM, entry: str = "") -> str:
    return f"{XML}<feed {spaces}><title>t</title><entry {entry}><id>tag:1</id>{inside}</entry></feed>"


def only(body: str | bytes | object) -> Sighting:
    result = parsed("feed", body)
    check(result)
    assert result.bad == ()
    [one] = result.sightings
    return one


ATOM_LINK = f'<link href="{PAGE}"/>'

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "RSS 0.90": (rdf(FOO, space="http://my.netscape.com/rdf/simple/0.9/"), {}),
    "RSS 0.91": (rss(f"{FOO}<description>d</description>", version="0.91"), {"summary": "d"}),
    "RSS 0.91 with its DTD": (
        rss(
            FOO,
            version="0.91",
            head=f'{XML}<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">',
        ),
        {},
    ),
    "RSS 0.92 without title": (rss(f"<description>Foo</description>{LINK}", version="0.92"), {"summary": "Foo"}),
    "RSS 1.0": (
        rdf(
            f"{FOO}<dc:date>2026-11-18T12:00:00Z</dc:date><dc:creator>Ada</dc:creator><dc:subject>ai</dc:subject>"
            "<content:encoded><![CDATA[<p>all of it</p>]]></content:encoded>",
            spaces=f"{DC} {CONTENT}",
        ),
        {"created_at": NOON, "author": "Ada", "tags": ("ai",), "summary": "all of it"},
    ),
    "RSS 2.0 with CDATA": (
        rss(
            f"<title><![CDATA[F&o <b>o</b>]]></title><link><![CDATA[{PAGE}]]></link><description><![CDATA[<p>a</p><p>b</p>]]></description>"
        ),
        {"name": "F&o o", "summary": "a b"},
    ),
    "content:encoded": (
        rss(
            f'{FOO}<description>short</description><content:encoded><![CDATA[<p>long <a href="https://github.com/a/b">x</a></p>]]></content:encoded>',
            spaces=CONTENT,
        ),
        {"tagline": "short", "summary": "long x"},
    ),
    "an address in the guid": (rss(f"<title>Foo</title><guid>{PAGE}</guid>"), {"external_id": PAGE}),
    "a guid that is none": (rss(f'{FOO}<guid isPermaLink="false">7</guid>'), {"external_id": "7"}),
    "an Atom link in RSS": (
        rss(
            f'<title>Foo</title><atom:link href="{PAGE}" rel="alternate"/>',
            spaces='xmlns:atom="http://www.w3.org/2005/Atom"',
        ),
        {},
    ),
    "an Atom link to itself before the link": (
        rss(
            f'<title>Foo</title><atom:link href="https://ex.com/self" rel="self"/>{LINK}',
            spaces='xmlns:atom="http://www.w3.org/2005/Atom"',
        ),
        {},
    ),
    "author as mailbox": (rss(f"{FOO}<author>ada@ex.com (Ada L.)</author>"), {"author": "Ada L."}),
    "author as bare address": (rss(f"{FOO}<author>ada@ex.com</author>"), {"author": ""}),
    "categories": (rss(f'{FOO}<category>AI</category><category domain="x">ML</category>'), {"tags": ("ai", "ml")}),
    "pictures with titles": (
        rss(
            f"<media:content><media:title>Pic</media:title></media:content><media:title>Pic</media:title>{FOO}",
            spaces=MEDIA,
        ),
        {},
    ),
    "a podcast": (
        rss(
            f"<itunes:title>Other</itunes:title>{FOO}<itunes:author>Ada</itunes:author><itunes:summary>sum</itunes:summary>",
            spaces=ITUNES,
        ),
        {"author": "Ada", "summary": "sum"},
    ),
    "an episode without a page": (
        rss(
            f'<title>Foo</title><guid isPermaLink="false">7</guid><enclosure url="{PAGE}" length="1" type="audio/mpeg"/>',
            spaces=ITUNES,
        ),
        {"external_id": "7"},
    ),
    "Atom 0.3": (
        atom(
            '<title mode="escaped">Foo</title><link rel="alternate" type="text/html" href="https://ex.com/1"/>'
            "<issued>2026-11-18T12:00:00Z</issued><modified>2026-11-19T12:00:00Z</modified>",
            spaces='version="0.3" xmlns="http://purl.org/atom/ns#"',
        ),
        {"created_at": NOON},
    ),
    "Atom 1.0": (
        atom(
            f'<title>Foo</title>{ATOM_LINK}<author><name>Ada</name><email>a@b.c</email></author><category term="AI"/>'
            "<published>2026-11-18T12:00:00.123456Z</published><updated>2026-11-19T12:00:00Z</updated><summary>s</summary>"
        ),
        {"created_at": NOON, "author": "Ada", "tags": ("ai",), "summary": "s", "external_id": "tag:1"},
    ),
    "Atom with several links": (
        atom(
            '<title>Foo</title><link rel="self" href="https://ex.com/s"/><link rel="edit" href="https://ex.com/e"/>'
            f'<link rel="enclosure" href="https://ex.com/a.mp3"/><link rel="alternate" href="{PAGE}"/>'
        ),
        {},
    ),
    "Atom in XHTML": (
        atom(
            f'<title type="xhtml"><div {XHTML}>F<b>o</b>o</div></title>{ATOM_LINK}'
            f'<content type="xhtml"><div {XHTML}><p>a</p><p>b</p></div></content>'
        ),
        {"summary": "a b"},
    ),
    "Atom with a title in HTML": (
        atom(f'<title type="html">&lt;i&gt;F&lt;/i&gt;oo &amp;amp; Co</title>{ATOM_LINK}'),
        {"name": "Foo & Co"},
    ),
    "Atom with a prefix": (
        f'{XML}<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:id>1</a:id><a:title>Foo</a:title><a:link href="{PAGE}"/></a:entry></a:feed>',
        {},
    ),
    "a base for all entries": (
        atom('<title>Foo</title><link href="1"/>', spaces=f'{ATOM} xml:base="https://ex.com/"'),
        {},
    ),
    "a base for one entry": (atom('<title>Foo</title><link href="1"/>', entry='xml:base="https://ex.com/"'), {}),
    "a text kept elsewhere": (atom(f'<title>Foo</title><content src="{PAGE}" type="text/html"/>'), {}),
    "a comment before the root": (rss(FOO, head=f"{XML}<!-- made by --><!-- x -->"), {}),
    "a comment and no declaration": (rss(FOO, head="<!-- x -->"), {}),
    "a style sheet": (rss(FOO, head=f'{XML}<?xml-stylesheet href="/x.xsl"?>'), {}),
    "blanks before the declaration": ("\n\n  " + rss(FOO), {}),
    "a warning before the declaration": ("<br />\n<b>Warning</b>: x in /y.php\n" + rss(FOO), {}),
    "a script behind the root": (rss(FOO) + "<script>x</script>", {}),
    "entities of HTML": (rss(f"<title>F&ouml;o&nbsp;&mdash; b</title>{LINK}"), {"name": "Föo — b"}),
    "an entity that nobody knows": (rss(f"<title>F&foo; o</title>{LINK}"), {"name": "F&foo; o"}),
    "an ampersand alone": (
        rss("<title>F & o</title><link>https://ex.com/1?a=1&b=2</link>"),
        {"name": "F & o", "url": "https://ex.com/1?a=1&b=2"},
    ),
    "escaped twice": (rss(f"<title>F &amp;amp; &amp;#x27;o&amp;#x27;</title>{LINK}"), {"name": "F & 'o'"}),
    "a control character": (rss(f"<title>F\x0boo</title>{LINK}"), {}),
    "HTML that is not closed": (rss(f"{FOO}<description>x<br>y</description>"), {}),
    "capital letters": (
        f'{XML}<RSS VERSION="2.0"><CHANNEL><ITEM><TITLE>Foo</TITLE><LINK>{PAGE}</LINK></ITEM></CHANNEL></RSS>',
        {},
    ),
    "items outside the channel": (
        f'{XML}<rss version="2.0"><channel><title>t</title></channel><item>{FOO}</item></rss>',
        {},
    ),
    "script in the title": (
        rss(f"<title>&lt;script&gt;x()&lt;/script&gt;Foo</title><link>javascript:x()</link><guid>{PAGE}</guid>"),
        {},
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_feed_of_this_format_gives_its_entry(name: str) -> None:
    body, expected = FORMATS[name]
    one = only(body)
    wanted = {"name": "Foo", "url": PAGE, **expected}
    assert {field: getattr(one, field) for field in wanted} == wanted


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"id": "1", "url": PAGE, "title": "Foo", "author": {"name": "Ada"}, "content_text": "a < b"},
            {"author": "Ada"},
        ),
        (
            {"id": 5, "external_url": PAGE, "content_html": "<p>Foo</p>", "authors": [{"name": "Ada"}]},
            {"author": "Ada", "external_id": "5"},
        ),
        (
            {"id": None, "url": PAGE, "title": None, "summary": "Foo", "tags": None, "authors": None},
            {"external_id": PAGE},
        ),
        ({"url": "/1", "title": "Foo", "tags": ["AI", None]}, {"url": "https://example.com/1", "tags": ("ai",)}),
        ({"url": PAGE, "title": "Foo", "date_published": "2026-11-18T07:00:00-05:00"}, {"created_at": NOON}),
    ],
)
@pytest.mark.parametrize(
    "version", ["https://jsonfeed.org/version/1", "https://jsonfeed.org/version/1.1", "http://jsonfeed.org/version/1"]
)
def test_a_json_feed_gives_its_entry(item: dict[str, Any], expected: dict[str, Any], version: str) -> None:
    body = orjson.dumps({"version": version, "title": "t", "items": [item]})
    for whole in (body, b"\xef\xbb\xbf" + body):
        one = only(whole)
        wanted = {"name": "Foo", "url": PAGE, **expected}
        assert {field: getattr(one, field) for field in wanted} == wanted


def test_what_is_no_object_in_a_json_feed_is_a_bad_entry_beside_its_neighbours() -> None:
    items = [None, 5, "x", [], {}, {"url": PAGE, "title": "Foo"}]
    result = parsed("feed", {"version": "https://jsonfeed.org/version/1", "items": items})
    assert (len(result.sightings), len(result.bad)) == (1, 5)


TITLE = "Größe “Q” €"
WESTERN = rss(f"<title>{TITLE}</title>{LINK}")


def declared(encoding: str, text: str = WESTERN) -> str:
    return text.replace("?>", f' encoding="{encoding}"?>', 1)


@pytest.mark.parametrize(
    "body",
    [
        WESTERN.encode(),
        WESTERN.encode("utf-8-sig"),
        WESTERN.encode("utf-16"),
        WESTERN.encode("utf-16-le"),
        b"\xfe\xff" + WESTERN.encode("utf-16-be"),
        declared("utf-8").encode("utf-16"),
        WESTERN.encode("cp1252"),
        declared("utf-8").encode("cp1252"),
        declared("windows-1252").encode("cp1252"),
        declared("iso-8859-1").encode("cp1252"),
        declared("iso-8859-1").encode(),
        declared("US-ASCII").encode(),
        declared("x-nonsense").encode(),
    ],
    ids=[
        *("utf-8", "mark", "utf-16", "utf-16 without mark", "utf-16 big", "utf-16 called utf-8", "windows undeclared"),
        *(
            "windows called utf-8",
            "windows",
            "windows called latin",
            "utf-8 called latin",
            "utf-8 called ascii",
            "nonsense",
        ),
    ],
)
def test_words_survive_a_wrong_encoding(body: bytes) -> None:
    assert only(body).name == TITLE


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("shift_jis", "日本語"),
        ("euc-jp", "日本"),
        ("gb2312", "中文"),
        ("big5", "中文"),
        ("koi8-r", "Привет"),
        ("windows-1251", "Привет"),
    ],
)
def test_encodings_of_other_scripts_are_read_as_declared(encoding: str, word: str) -> None:
    assert only(declared(encoding, rss(f"<title>{word}</title>{LINK}")).encode(encoding)).name == word


def test_one_broken_letter_spoils_no_other() -> None:
    body = WESTERN.encode().replace("€".encode(), b"\xe2\x82 \x80")
    assert only(body).name.startswith("Größe “Q”")


@pytest.mark.parametrize(
    "when",
    [
        *(
            "Wed, 18 Nov 2026 12:00:00 GMT",
            "18 Nov 2026 12:00:00 GMT",
            "Wed, 18 Nov 26 12:00:00 GMT",
            "Wed, 18 Nov 2026 12:00:00 Z",
        ),
        *("Wed, 18 Nov 2026 07:00:00 EST", "Wed, 18 Nov 2026 05:00:00 PDT", "Wed, 18 Nov 2026 17:30:00 +0530"),
        *(
            "Wednesday, 18-Nov-26 12:00:00 GMT",
            "Wed Nov 18 12:00:00 2026",
            "2026-11-18T12:00:00Z",
            "2026-11-18 12:00:00",
        ),
        *("2026-11-18T12:00Z", "2026-11-18T13:00:00.5+01:00", "Mi, 18 Nov 2026 12:00:00 GMT"),
    ],
)
def test_a_date_is_read_in_every_spelling(when: str) -> None:
    assert only(rss(f"{FOO}<pubDate>{when}</pubDate>")).created_at == NOON


@pytest.mark.parametrize(
    "when",
    [
        "soon",
        "",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ],
)
def test_a_date_that_cannot_be_is_none(when: str) -> None:
    assert only(rss(f"{FOO}<pubDate>{when}</pubDate>")).created_at is None


@pytest.mark.parametrize(
    "body",
    [rss(), f"{XML}<feed {ATOM}><title>t</title></feed>", f'{XML}<rss version="2.0"></rss>', f"{XML}<rdf:RDF {RDF}/>"],
)
def test_an_empty_feed_is_empty_and_no_error(body: str) -> None:
    assert parsed("feed", body).sightings == ()


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>',
        "<!-- cached --><html><body>x</body></html>",
        f"{XML}<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0' 'x'><html {XHTML}><body>x</body></html>",
        "<div><p>hello</p></div>",
        f'{XML}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://ex.com</loc></url></urlset>',
        f'{XML}<opml version="1.0"><body><outline text="x"/></body></opml>',
        '{"title": "t", "items": []}',
        '{"error": "rate limited"}',
    ],
)
def test_what_is_no_feed_is_an_error_with_its_reason(body: str) -> None:
    with pytest.raises(ParseError, match="feed"):
        parsed("feed", body)


@pytest.mark.parametrize(
    "item",
    ["<title>Foo</title>", "<title/>", "", "<title>Foo</title><link>mailto:a@b.c</link>", f"<link>{PAGE}</link>"],
)
def test_an_entry_without_address_or_words_is_refused_and_its_neighbour_lives(item: str) -> None:
    result = parsed("feed", rss(item, FOO.replace("/1", "/2")))
    assert (len(result.sightings), len(result.bad)) == (1, 1)
    assert result.bad[0].reason.startswith("the entry has no")


@settings(deadline=None, max_examples=150)
@given(
    title=st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), exclude_characters="<>&"), min_size=1, max_size=40
    )
)
def test_mending_leaves_a_good_feed_as_it_is_and_mends_a_bad_one_once(title: str) -> None:
    good = rss(f"<title>{title}</title>{LINK}").encode()
    assert mended(good) is good
    for bad in (
        rss(f"<title>{title} & x &nbsp;</title>{LINK}").encode(),
        declared("iso-8859-1", rss(f"<title>{title}é</title>{LINK}")).encode(),
    ):
        once = mended(bad)
        assert once != bad
        assert mended(once) is once


@pytest.mark.parametrize(
    "body",
    [
        b" " * 1_000_000 + declared("latin1").encode("cp1252"),
        b'<?xml version="1.0" encoding="latin1"' + b" " * 1_000_000 + "é?><rss/>".encode("cp1252"),
        b"<rss>" + b" \t" * 500_000 + b"\xe9?>",
        b"&" * 1_000_000,
        b"&a" * 500_000 + b"<![CDATA[" * 100_000,
        b'<rss xmlns:media="x"><title/><title/>' + b"<media:" * 200_000,
        b"\xe2" * 1_000_000,
    ],
    ids=["blanks", "blanks inside", "blanks behind", "ampersands", "sections", "prefixes", "torn letters"],
)
def test_hostile_bytes_are_mended_in_no_time(body: bytes) -> None:
    begun = time.process_time()
    mended(body)
    assert time.process_time() - begun < 3


def test_a_section_of_characters_is_not_touched() -> None:
    body = rss(f"<title>a & b</title>{LINK}<description><![CDATA[&nbsp; & <b>&foo;</b>]]></description>").encode()
    once = mended(body)
    assert b"<![CDATA[&nbsp; & <b>&foo;</b>]]>" in once
    assert b"<title>a &amp; b</title>" in once
    assert len(careful(once) or []) == 1
