"""Text from outside, made safe to store as text, and names made into addresses."""

from __future__ import annotations

import re
import unicodedata

# Marks that change the direction or the look of what follows (Unicode TR 36, "bidirectional text spoofing"),
# and characters nobody sees. The two joiners stay: scripts and emoji need them.
_HIDDEN = {
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0x061C,
    0x200B,
    0x200E,
    0x200F,
    0x2060,
    0xFEFF,
    0x00AD,
}
_SLACK = 200
"""Characters beyond the limit that are looked at first: room for blanks that are folded."""
_SPACE = re.compile(r"\s+")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "œ": "oe", "ı": "i"})
_PRINTABLE = bytes(range(32, 127))


def is_plain(text: str) -> bool:
    """Whether a text holds nothing but printable ASCII. `str.isprintable` looks each character up, at five times the cost."""
    return text.isascii() and not text.encode("ascii").translate(None, _PRINTABLE)


def clean(text: str, *, limit: int) -> str:
    """One line of plain text: no control, surrogate or direction characters, white space folded, NFC, at most
    `limit` characters (an ellipsis marks a cut)."""
    return cut(one_line(text, enough=limit), limit=limit)


def one_line(text: str, *, enough: int) -> str:
    """The same without the cut: of a text that gives more than `enough` characters, so many and some more."""
    # Nearly all there is: its beginning is ASCII, printable, and as long as may be kept.
    head = text[: enough + _SLACK]
    if is_plain(head):
        folded = _folded(head)
        if len(folded) > enough or len(head) == len(text):
            return folded
    # Ten times the limit is enough to survive the folding, and bounds the work on a hostile megabyte.
    line = " ".join(text[: enough * 10 + 100].split())
    if is_plain(line):
        return line
    visible = line if line.isprintable() else "".join(map(_visible, line))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def _folded(text: str) -> str:
    """Printable ASCII without blanks at its ends and without two in a row."""
    return " ".join(filter(None, map(str.strip, text.split("  "))))


def cut(line: str, *, limit: int) -> str:
    """A line of at most `limit` characters; an ellipsis marks a cut."""
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    if ord(character) in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co"):
        return ""
    return character


def _ascii(text: str) -> str:
    """Letters without their marks, in lower case; what has no ASCII form left out."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LATIN)
    return folded.encode("ascii", "ignore").decode()


def slugify(name: str, *, limit: int = 60) -> str:
    """A name as an address part: `SmolVLM2-2B` becomes `smolvlm2-2b`.

    Letters with marks lose them; what has no ASCII form is left out, and a name without any becomes
    `tool`. The piece `-vs-` is the separator of comparison addresses and therefore never part of a slug.
    """
    words = (word for word in _NOT_SLUG.split(_ascii(name)) if word not in ("", "vs"))
    return "-".join(words)[:limit].strip("-") or "tool"
