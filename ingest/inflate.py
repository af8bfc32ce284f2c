"""Inflating: compressed bodies read piece by piece, with a bound on what comes out.

A hundred kilobytes can inflate to gigabytes, and encodings stacked on each other multiply; a check after the library
has inflated a piece is too late.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from core.errors import FetchError

ACCEPTED = "gzip, deflate"
_GZIP, _ZLIB, _RAW = 31, 15, -15


class Inflater(Protocol):
    """Takes a body as it arrives and gives it back plain."""

    def feed(self, data: bytes, *, room: int) -> bytes:
        """The next plain bytes, at most `room` + 1 of them: one more than allowed shows that there are more."""
        ...

    def finish(self) -> None:
        """Raise FetchError when the body is not complete."""
        ...


class _Plain:
    def feed(self, data: bytes, *, room: int) -> bytes:
        return data[: room + 1]

    def finish(self) -> None:
        return None


class _Deflated:
    """gzip (several members in a row are one body, RFC 1952) or deflate, which some servers send without its header."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inflater = zlib.decompressobj(_GZIP if gzip else _ZLIB)
        self._begun = False

    def feed(self, data: bytes, *, room: int) -> bytes:
        plain = b""
        while data and len(plain) <= room:
            plain += self._inflate(data, room + 1 - len(plain))
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            if self._inflater.eof and data:
                if not self._gzip:
                    break  # padding behind a complete body
                self._inflater = zlib.decompressobj(_GZIP)
        return plain

    def _inflate(self, data: bytes, most: int) -> bytes:
        begun, self._begun = self._begun, True
        try:
            return self._inflater.decompress(data, most)
        except zlib.error as error:
            if begun or self._gzip:
                raise FetchError(f"The compressed body is damaged ({error}).") from None
            self._inflater = zlib.decompressobj(_RAW)
            return self._inflate(data, most)

    def finish(self) -> None:
        if self._begun and not self._inflater.eof:
            raise FetchError("The compressed body ended early.")


def inflater(encoding: str) -> Inflater:
    """What turns a body with this Content-Encoding into plain bytes. Raises FetchError for encodings that were not
    asked for, and for several stacked on each other."""
    names = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if not names:
        return _Plain()
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        raise FetchError(f"The body is encoded as {encoding[:80]!r}, which was not asked for.", permanent=True)
    return _Deflated(gzip=names[0] != "deflate")
