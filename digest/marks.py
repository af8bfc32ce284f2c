"""Substitution marks: the places of a frozen mail that differ per recipient, written `{{unsubscribe_url}}`.

A mark is a name in lower case, with an argument after a colon where one mail holds several of a kind
(`{{vote_url:ollama-vs-vllm}}`). Templates print marks as `Mark`; whatever else they print has its double braces
parted (`disarm`), so that a tool or a person whose name looks like a mark stays a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape

from core.errors import RenderError

_MARK = re.compile(r"(\{\{[a-z_]+(?::[a-z0-9-]+)?\}\})")

_DOUBLE_BRACE = re.compile(r"\{(?=\{)")


class Mark(str):
    """A mark that a template means, as opposed to a text that merely looks like one."""

    __slots__ = ()

    @classmethod
    def named(cls, name: str, argument: str = "") -> Mark:
        """`named("vote_url", "a-vs-b")` is `{{vote_url:a-vs-b}}`. Raises RenderError when that is no mark."""
        mark = cls("{{" + name + (f":{argument}" if argument else "") + "}}")
        if not _MARK.fullmatch(mark):
            raise RenderError(f"{mark} is not a substitution mark.", mend="Use lower-case letters, digits and hyphens.")
        return mark


UNSUBSCRIBE_URL = Mark.named("unsubscribe_url")
PREFERENCES_URL = Mark.named("preferences_url")
HELLO = Mark.named("hello")
CONFIRMED_ON = Mark.named("confirmed_on")


def vote_url(slug: str) -> Mark:
    """The mark of one comparison's vote link."""
    return Mark.named("vote_url", slug)


@lru_cache(maxsize=16)  # batch after batch asks for the same few texts
def marks(text: str) -> tuple[str, ...]:
    """Every mark of a text, each once, in the order of first appearance, braces included."""
    return tuple(dict.fromkeys(_MARK.findall(text)))


def disarm(text: str) -> str:
    """The same text with every double brace parted, so that nothing in it is a mark."""
    return _DOUBLE_BRACE.sub("{ ", text) if "{{" in text else text


@lru_cache(maxsize=16)
def segments(text: str) -> tuple[str, ...]:
    """A text cut at its marks: fixed text at even places, marks at odd ones; joined they are the text."""
    return tuple(_MARK.split(text))


def substitute(text: str, substitutions: Mapping[str, str], *, html: bool) -> str:
    """The text with every mark replaced, in one pass: a mark inside a value is never expanded again.

    Values are plain text and are escaped when `html`. Raises RenderError naming the marks without a value.
    """
    require(marks(text), substitutions)
    return _MARK.sub(lambda found: value(substitutions[found[1]], html=html), text)


def value(plain: str, *, html: bool) -> str:
    """One substitution value as the part it goes into wants it."""
    return escape(plain, quote=True) if html else plain


def require(wanted: tuple[str, ...], substitutions: Mapping[str, str]) -> None:
    """Raises RenderError naming every wanted mark that has no value."""
    missing = [mark for mark in wanted if mark not in substitutions]
    if missing:
        raise RenderError(
            f"No value for {', '.join(missing)}.", mend="Give every recipient a substitution for each mark of the mail."
        )
