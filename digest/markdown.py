"""A small Markdown: what an editor may write in an intro, as HTML for mails and pages and as plain text.

Paragraphs, emphasis, links to http and https, and lists; everything else stays the text that it is. Parsed by
markdown-it-py with all other rules off (CommonMark's for these), and cleaned by nh3 behind it, so that a mistake of the
one is caught by the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from core.text import clean
from digest.addresses import safe_url
from digest.marks import disarm

_RULES = ("paragraph", "list", "emphasis", "link", "escape")
_TAGS = {"p", "em", "strong", "a", "ul", "ol", "li"}
_LONGEST_LINE = 4_000
_LONGEST = 1_000
"""Characters of a paragraph in the text part."""


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero").enable(list(_RULES))
    parser.validateLink = _may_be_linked  # type: ignore[method-assign]
    return parser


def _may_be_linked(url: str) -> bool:
    return safe_url(url, schemes=("https", "http")) is not None


def _cleaned(text: str) -> str:
    """The text line by line without anything that nobody sees; how deep a line is indented means nothing here."""
    return disarm("\n".join(clean(line, limit=_LONGEST_LINE) for line in text.replace("\r\n", "\n").split("\n")))


def html(text: str) -> Markup:
    """The text as HTML that may stand in a mail or page as it is; marks of mails in it are disarmed."""
    rendered = _parser().render(_cleaned(text))
    cleaned = nh3.clean(
        rendered, tags=_TAGS, attributes={"a": {"href"}, "ol": {"start"}}, url_schemes={"https", "http"}, link_rel=None
    )
    return Markup(cleaned)  # noqa: S704 - cleaned a line above


def plain(text: str) -> tuple[str, ...]:
    """The same for a text part, a paragraph or list item each: emphasis is left out, a link is followed by its address."""
    return tuple(filter(None, (clean(each, limit=_LONGEST) for each in _blocks(_parser().parse(_cleaned(text))))))


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    bullets: list[str] = []
    for token in tokens:
        if token.type == "list_item_open":
            bullets.append(f"{token.info}{token.markup} " if token.info else "- ")
        elif token.type == "inline":
            yield (bullets.pop() if bullets else "") + _spoken(token.children or [])


def _spoken(tokens: Sequence[Token]) -> str:
    words: list[str] = []
    open_at = 0
    for token in tokens:
        if token.type == "link_open":
            open_at = len(words)
        elif token.type == "link_close":
            address = next(
                str(each.attrs["href"]) for each in reversed(tokens[: tokens.index(token)]) if each.type == "link_open"
            )
            if "".join(words[open_at:]) != address:
                words.append(f" ({address})")
        else:
            words.append(token.content)
    return "".join(words)
