"""Compressed bodies, honest and not."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FetchError
from ingest.inflate import inflater


def inflated(encoding: str, *pieces: bytes, room: int = 1_000_000) -> bytes:
    plain, body = inflater(encoding), b""
    for piece in pieces:
        body += plain.feed(piece, room=room - len(body))
        if len(body) > room:
            return body
    plain.finish()
    return body


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_a_body_comes_back_whatever_its_pieces(data: bytes, size: int) -> None:
    for encoding, packed in (("gzip", gzip.compress(data)), ("deflate", zlib.compress(data)), ("", data)):
        assert inflated(encoding, *(packed[at : at + size] for at in range(0, len(packed), size))) == data


def test_deflate_without_its_header_is_read_too() -> None:
    assert inflated("deflate", raw_deflate(b"hello" * 100)) == b"hello" * 100


def test_several_gzip_members_are_one_body() -> None:
    assert inflated("x-gzip", gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate, gzip", "br", "zstd", "gzip, identity, gzip"])
def test_encodings_that_nobody_asked_for_are_refused(encoding: str) -> None:
    with pytest.raises(FetchError, match="not asked for"):
        inflater(encoding)


def test_a_bomb_yields_one_byte_more_than_the_room_and_no_more() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(inflated("gzip", bomb, room=1_000)) == 1_001


def test_a_thousand_bombs_in_a_row_stay_within_the_room() -> None:
    assert len(inflated("gzip", gzip.compress(bytes(10_000)) * 1_000, room=50_000)) == 50_001


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_ends_early_is_no_body(encoding: str) -> None:
    packed = gzip.compress(b"x" * 999) if encoding == "gzip" else zlib.compress(b"x" * 999)
    with pytest.raises(FetchError, match="ended early"):
        inflated(encoding, packed[:-9])


def test_damage_is_an_error() -> None:
    packed = bytearray(gzip.compress(b"some words that are long enough" * 9))
    packed[20] ^= 0xFF
    with pytest.raises(FetchError):
        inflated("gzip", bytes(packed))


def test_an_empty_body_may_claim_to_be_compressed() -> None:
    assert inflated("gzip") == b""
