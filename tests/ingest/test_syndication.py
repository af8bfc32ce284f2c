"""Feeds of any format as plain entries, and the parsers that may be killed."""

from __future__ import annotations

import time

import pytest

from core.errors import ParseError
from ingest.sources import syndication, workers
from ingest.sources.syndication import entries_of
from tests.ingest.making import atom, entry, parsed, response

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><guid>1</guid><title>One &amp; only</title><link>https://example.com/1</link><pubDate>Thu, 19 Nov 2026 10:00:00 GMT</pubDate></item>
<item><title>No id</title><link>https://example.com/2</link></item></channel></rss>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="https://example.com"><title>t</title></channel>
<item rdf:about="https://example.com/1"><title>One</title><link>https://example.com/1</link></item></rdf:RDF>"""
JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "items": [
        {
            "id": 1,
            "url": "https://example.com/1",
            "title": "One",
            "content_html": "<p>x</p>",
            "date_published": "2026-11-19T10:00:00Z",
            "authors": [{"name": "A"}],
            "tags": ["t"],
        }
    ],
}


@pytest.mark.parametrize("body", [RSS, RDF, atom(entry(1)), JSON], ids=["rss", "rdf", "atom", "json"])
def test_every_format_gives_entries(body: object) -> None:
    first = entries_of(response(body))[0]
    assert first.link == "https://example.com/1"
    assert first.title in ("One", "One & only", "Entry 1")


def test_an_entry_without_id_is_known_by_its_address() -> None:
    assert [one.external_id for one in parsed("feed", RSS).sightings] == ["1", "https://example.com/2"]


def test_what_the_fast_parser_refuses_is_read_by_the_careful_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> list:
        raise ValueError

    monkeypatch.setattr("ingest.sources.feed_worker.fast", refuse)
    first = entries_of(response(RSS))[0]
    assert (first.title, first.published) == ("One & only", "2026-11-19T10:00:00+00:00")


def test_a_comment_before_the_root_and_a_byte_order_mark_do_no_harm() -> None:
    body = RSS.replace('<?xml version="1.0"?>', '<?xml version="1.0"?><!-- cached -->')
    assert len(entries_of(response(body))) == 2
    assert len(entries_of(response(b"\xef\xbb\xbf" + RSS.encode()))) == 2


def test_other_encodings_are_read_as_declared() -> None:
    text = RSS.replace("One &amp; only", "Größe")
    for encoding in ("iso-8859-1", "utf-16", "windows-1252"):
        body = text.replace('version="1.0"?', f'version="1.0" encoding="{encoding}"?').encode(encoding)
        assert entries_of(response(body))[0].title == "Größe"


def test_an_empty_feed_is_no_error_and_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syndication, "entries_in_worker", lambda *_: pytest.fail("a process was started"))
    assert entries_of(response(atom())) == ()


@pytest.mark.parametrize(
    "body",
    [
        "<opml version='2.0'><body/></opml>",
        "<urlset/>",
        '{"items": []}',
        '{"version": "https://jsonfeed.org/version/1"}',
        "plain words",
    ],
)
def test_what_is_no_feed_is_a_parse_error(body: str) -> None:
    with pytest.raises(ParseError):
        entries_of(response(body))


def test_an_error_in_the_form_of_a_feed_is_an_error() -> None:
    error = entry(
        1,
        id="<id>https://example.com/api/errors#x</id>",
        title="<title>Error</title>",
        summary="<summary>bad query</summary>",
    )
    with pytest.raises(ParseError, match="bad query"):
        entries_of(response(atom(error)))


def test_a_parser_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_SECONDS", 0.6)
    # Quadratic in feedparser: the pattern that looks for an author's e-mail address.
    slow = RSS.replace("<guid>1</guid>", f"<author>{'a.' * 60_000}</author>").encode()
    begun = time.monotonic()
    assert workers.entries_in_worker("careful", slow) is None
    assert time.monotonic() - begun < 3


def test_a_large_body_is_read_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syndication, "_LARGE", 100)
    monkeypatch.setattr("ingest.sources.feed_worker.fast", lambda _: pytest.fail("read in this process"))
    assert len(entries_of(response(RSS))) == 2


def test_words_about_entities_are_not_declarations_of_them() -> None:
    body = RSS.replace("No id", "<![CDATA[How <!ENTITY x> attacks work]]>")
    assert len(entries_of(response(body))) == 2
