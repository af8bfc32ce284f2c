"""What holds for every kind of source, whatever it is sent."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import tracemalloc
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from core.errors import ParseError, UsageError
from core.source import Cursor, Parsed
from ingest.identity import url_key
from ingest.sources import ADAPTERS, KINDS, adapter_of
from ingest.sources.feed_worker import careful
from ingest.wording import AUTHOR, NAME, SUMMARY, TAG, TAGLINE, TAGS, URL
from tests.ingest.bodies import TRUE
from tests.ingest.making import NOW, parsed, source

EACH = pytest.mark.parametrize("kind", KINDS)
JSON_KINDS = [kind for kind in KINDS if TRUE[kind][:1] in b"[{"]
XML_KINDS = [kind for kind in KINDS if TRUE[kind].startswith(b"<?xml")]


def check(result: Parsed) -> None:
    """Everything that a sighting promises."""
    keys = [one.external_id for one in result.sightings]
    assert len(keys) == len(set(keys))
    for one in result.sightings:
        assert 0 < len(one.external_id) <= 320
        assert url_key(one.url) is not None
        assert len(one.url) <= URL
        assert 0 < len(one.name) <= NAME
        for text, limit in ((one.tagline, TAGLINE), (one.summary, SUMMARY), (one.author, AUTHOR), (one.name, NAME)):
            assert len(text) <= limit
            assert text.isprintable() or not any(character in text for character in "\n\r\t\0\x1b\u202e")
            text.encode()  # no lone surrogate
        assert len(one.tags) <= TAGS
        assert all(0 < len(tag) <= TAG for tag in one.tags)
        assert one.homepage is None or one.homepage.startswith(("http://", "https://"))
        assert one.created_at is None or one.created_at.utcoffset() is not None
        assert all(signal.value >= 0 for signal in one.signals)
        assert one.content_hash


@EACH
def test_a_true_body_gives_its_sighting(kind: str) -> None:
    result = parsed(kind, TRUE[kind])
    assert len(result.sightings) == 1
    assert result.bad == ()
    check(result)


@EACH
def test_the_same_body_gives_the_same_sightings(kind: str) -> None:
    assert parsed(kind, TRUE[kind]) == parsed(kind, TRUE[kind])


@EACH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html><title>Just a moment...</title><body>Checking your browser</body></html>",
        b'{"error":"rate limit exceeded"}',
        b'{"message":"Not Found","documentation_url":"x"}',
        b"null",
        b"42",
        b'"text"',
        b"upstream connect error",
        b"<xml>",
        b"\x00\xff\xfe binary",
        b'<?xml version="1.0"?><error>no</error>',
    ],
)
def test_another_body_than_promised_is_a_parse_error(kind: str, body: bytes) -> None:
    with pytest.raises(ParseError) as error:
        parsed(kind, body)
    assert error.value.message


@pytest.mark.parametrize("kind", JSON_KINDS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_bent_json_never_breaks_a_parser(kind: str, data: st.DataObject) -> None:
    body = orjson.loads(TRUE[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        body = bent(body, data)
    try:
        check(parsed(kind, orjson.dumps(body)))
    except ParseError:
        return


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "<script>alert(1)</script>",
            "x" * 10000,
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "-1",
            "1e400",
            "\u202eevil",
            "javascript:alert(1)",
            "https://" + "a" * 3000,
            "https://[::1",
            "../..",
            "Post/1",
            "https://github.com/a/b",
            {"a": []},
            [[]],
            [None],
            [1],
        ]
    ),
)


def bent(value: Any, data: st.DataObject) -> Any:
    """The value with one part of it replaced by something strange."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: bent(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 9)):
        place = data.draw(st.integers(0, len(value) - 1))
        return [bent(one, data) if at == place else one for at, one in enumerate(value)]
    return data.draw(STRANGE)


STRANGE_WORDS = st.one_of(
    st.just(""),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "x" * 10_000,
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "-1",
            "\u202eevil",
            "javascript:alert(1)",
            "https://" + "a" * 3000,
            "https://[::1",
            "../..",
            "t3_",
            "tag:github.com,2008:Repository/7/",
            "oai:arXiv.org:cs/0112017v1",
            "https://github.com/a",
            '<a href="https://github.com/a/b">[link]</a>',
        ]
    ),
)


def bent_xml(body: bytes, data: st.DataObject) -> bytes:
    """The document with some of its elements gone, doubled, renamed, or saying something strange."""
    root = etree.fromstring(body)
    for _ in range(data.draw(st.integers(1, 3))):
        inside = [one for one in root.iter(etree.Element) if one is not root]
        if not inside:
            break
        one = inside[data.draw(st.integers(0, len(inside) - 1))]
        parent = one.getparent()
        assert parent is not None
        what = data.draw(st.sampled_from(["gone", "doubled", "renamed", "text", "attribute", "no attributes"]))
        if what == "gone":
            parent.remove(one)
        elif what == "doubled":
            parent.append(deepcopy(one))
        elif what == "renamed":
            one.tag = data.draw(st.sampled_from(["id", "link", "title", "category", "other", "{urn:x}title"]))
        elif what == "text":
            one.text = data.draw(STRANGE_WORDS)
        elif what == "attribute":
            one.set(data.draw(st.sampled_from(["href", "term", "rel", "type"])), data.draw(STRANGE_WORDS))
        else:
            one.attrib.clear()
    return etree.tostring(root)


@pytest.mark.parametrize("kind", XML_KINDS)
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_bent_xml_never_breaks_a_parser(kind: str, data: st.DataObject) -> None:
    survives(kind, bent_xml(TRUE[kind], data))


@EACH
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_torn_and_flipped_bytes_never_break_a_parser(kind: str, data: st.DataObject) -> None:
    body = bytearray(TRUE[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(1, len(body)))
    survives(kind, bytes(body[:end]))


def survives(kind: str, body: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # The careful parser runs in a process of its own, too slow for a fuzzer; tests/ingest/test_syndication has it.
        patch.setattr("ingest.sources.syndication.entries_in_worker", lambda *_: None)
        try:
            check(parsed(kind, body))
        except ParseError:
            return


@EACH
@settings(deadline=None, max_examples=25)
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_never_break_a_parser(kind: str, body: bytes) -> None:
    for whole in (body, b"{" + body, b'<?xml version="1.0"?>' + body, b"<feed><entry>" + body):
        survives(kind, whole)


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_deep_nesting_is_refused_quickly(kind: str) -> None:
    begun = time.monotonic()
    survives(kind, b"[" * 200_000 + b"]" * 200_000)
    survives(kind, b'{"data":' * 100_000 + b"1" + b"}" * 100_000)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("kind", XML_KINDS)
@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n + 1, n, n) for n in range(40))
        + b"]><feed><entry><title>&a40;</title></entry></feed>",
        b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&x;</title></item></channel></rss>',
        b"<feed " + b"".join(b'xmlns:n%d="urn:%d" ' % (n, n) for n in range(100_000)) + b"/>",
    ],
    ids=["bomb", "file", "namespaces"],
)
def test_hostile_declarations_are_refused_unread(kind: str, body: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(ParseError):
        parsed(kind, body)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("kind", XML_KINDS)
def test_no_document_makes_a_parser_ask_or_open_anything(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.dtd"
        body = TRUE[kind].decode().partition("?>")[2]
        declared = (
            f'<!DOCTYPE feed SYSTEM "{address}">',
            f'<!DOCTYPE feed PUBLIC "x" "{address}">',
            f'<?xml-stylesheet type="text/xsl" href="{address}"?>',
        )
        included = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'
        for head in declared:
            whole = f'<?xml version="1.0"?>{head}{body}'
            assert len(parsed(kind, whole).sightings) == 1
            careful(whole.encode())
        result = parsed(kind, f'<?xml version="1.0"?>{body.replace("</title>", included + "</title>")}')
        assert "secret of this" not in str(result)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("kind", [*XML_KINDS, "github-trending"])
def test_deep_markup_takes_neither_stack_nor_time(kind: str) -> None:
    begun = time.monotonic()
    for opened in (b"<a>", b"<entry>", b'<article class="Box-row">'):
        survives(kind, b'<feed xmlns="http://www.w3.org/2005/Atom">' + opened * 50_000)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("kind", ["feed", "producthunt-feed", "github-releases", "reddit"])
def test_hostile_html_inside_entries_takes_no_time(kind: str) -> None:
    for text in (
        "<p " * 50_000,
        "<a href=" * 30_000,
        "&lt;!--" * 50_000,
        '<p style="' + "x:" * 60_000,
        "<" * 200_000,
        "&amp;" * 100_000,
    ):
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        body = TRUE[kind].replace(b"</entry>", f'<content type="html">{escaped}</content></entry>'.encode())
        begun = time.monotonic()
        check(parsed(kind, body))
        assert time.monotonic() - begun < 1.5


def test_a_large_body_stays_within_memory() -> None:
    records = orjson.loads(TRUE["huggingface-models"])
    body = orjson.dumps([{**records[0], "id": f"acme/Foo-{number}"} for number in range(8_000)])
    tracemalloc.start()
    result = parsed("huggingface-models", body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(result.sightings) == 5_000
    assert result.left_out == {"beyond the first 5000 entries": 3_000}
    assert peak < 150_000_000


@EACH
def test_what_stands_in_the_address_is_asked_for(kind: str) -> None:
    asked = replace(source(kind), url="http://127.0.0.1:4711/some/path?key=value")
    for request in ADAPTERS[kind].requests(asked, Cursor(), NOW):
        assert request.url.startswith("http://127.0.0.1:4711/some/path?key=value")


@EACH
def test_an_adapter_knows_its_own_kind_and_file(kind: str) -> None:
    adapter = adapter_of(kind)
    assert adapter.kind == kind
    assert adapter.options().model_dump() is not None
    assert adapter.default_url.startswith("https://") or kind in ("feed", "github-releases")


def test_a_kind_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="'gopher'"):
        adapter_of("gopher")


def test_naming_the_kinds_imports_no_parser() -> None:
    code = "import sys, ingest.sources; assert len(ingest.sources.KINDS) == 17; print([n for n in ('pydantic', 'lxml', 'bs4', 'httpx') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
