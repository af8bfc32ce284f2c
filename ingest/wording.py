"""Words from outside: HTML made into plain text, capped; links found in it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

import nh3

from core.names import split_title
from core.text import clean, cut, one_line
from ingest.hosts import host_key

NAME = 120
TAGLINE = 200
SUMMARY = 1_000
AUTHOR = 100
TAG = 50
TAGS = 20
URL = 2_000

_MARGIN = 40
"""Characters beyond the limit that have to be seen before the rest of a text goes unread: of a beginning the last ones may be
half an entity."""
_READ = 20_000
"""Characters of a text that are looked at: far more than is kept, and a bound on the work for a hostile one."""

# Made once: the tables of what to keep cost as much as a short text.
_CLEANER = nh3.Cleaner(tags=set(), clean_content_tags={"script", "style"}, attributes={}, link_rel=None)
# A tag that ends a line when shown; without it `<p>one</p><p>two</p>` would become `onetwo`.
_BREAK = re.compile(r"<(?=/?(?:p|br|div|li|ul|ol|h[1-6]|tr|td|th|pre|blockquote|section|article|hr)\b)", re.IGNORECASE)
_FORMULA = re.compile(r"\$([^$\s](?:[^$]{0,78}[^$\s])?)\$")
_NO_NAMES = frozenset(
    {
        "a survey",
        "abstract",
        "benchmark",
        "extended abstract",
        "position",
        "position paper",
        "report",
        "review",
        "survey",
        "system card",
        "technical report",
        "tutorial",
        "vision",
        "viewpoint",
        "white paper",
    }
)
_MARKUP = re.compile(r"<[a-zA-Z!/?]|&[#a-zA-Z]")
# Bounded on purpose: an unclosed `a ` must not be searched to the end of the text each time.
_HREF = re.compile(r"a\s[^<>]{0,500}?href\s*=\s*[\"']?([^\"'<>\s]{1,2000})", re.IGNORECASE)
# A link as most pages write it. Where every address of a text stands in one, there is nothing else to look for.
_ANCHORS = re.compile(r"<a href=\"(https?://[^\"'<>\s&]{1,2000})\"[^<>]{0,500}>")
_BARE = re.compile(r"https?://[^\s<>\"'`\])}\\]{1,2000}", re.IGNORECASE)
# An address that the careful way would give back as it is: nearly all of them.
_PLAIN_URL = re.compile(
    r"https?://(?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z]{2,24}(?:/[\w~!$&()*+,=:@%./-]*)?(?:\?[\w=&%.+-]+)?", re.ASCII
)
_SHORT = 250
# Characters that no address holds, and that would end an attribute if a page were careless; browsers quote them too.
_QUOTED = str.maketrans({character: f"%{ord(character):02X}" for character in " \"'<>\\`"})


def words(text: str) -> frozenset[str]:
    """A set of words written as one text, for tables in code."""
    return frozenset(text.split())


def plain(text: str, *, limit: int) -> str:
    """HTML or plain text as one line of plain text of at most `limit` characters.

    Scripts and styles go with their content; entities are read once.
    """
    text = text[: min(_READ, 10 * limit + 2_000)]
    if not _MARKUP.search(text):
        return clean(text, limit=limit)
    # Most of a long text is cut off again, and to clean it costs the more the longer it is.
    beginning = text[: limit + limit // 2 + _MARGIN]
    line = one_line(_visible(beginning), enough=limit + _MARGIN)
    if len(beginning) < len(text) and len(line) < limit + _MARGIN:
        line = one_line(_visible(text), enough=limit)
    return cut(line, limit=limit)


def _visible(text: str) -> str:
    """What HTML shows, with blanks where a line ends."""
    shown = _CLEANER.clean(_BREAK.sub(" <", text))
    return html.unescape(shown) if "&" in shown else shown


def paper_title(title: str) -> tuple[str, str]:
    """A paper's title as name and tagline, without the dollar signs of its formulas. `Position: Agents Should ...` has
    no name in front."""
    name, tagline = split_title(_FORMULA.sub(r"\1", title))
    return (name, tagline) if name.casefold() not in _NO_NAMES else (f"{name}: {tagline}" if tagline else name, "")


def tags_of(words: object) -> tuple[str, ...]:
    """Tags in lower case, each once, in their order. Anything that is not a text is left out."""
    if not words or not isinstance(words, list | tuple):
        return ()
    cleaned = (clean(word, limit=TAG).lower() for word in words[:200] if isinstance(word, str))
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))[:TAGS]


def web_url(text: object, *, base: str = "") -> str | None:
    """A http or https address of at most 2,000 characters, made absolute with `base`; None for anything else."""
    if not isinstance(text, str) or not text.strip() or len(text) > URL:
        return None
    if len(text) < _SHORT and _PLAIN_URL.fullmatch(text):
        return text
    try:
        absolute = urljoin(base, text.strip())
        parts = urlsplit(absolute)
        usable = parts.scheme in ("http", "https") and parts.port != 0 and host_key(parts.hostname or "") is not None
    except ValueError:  # brackets that are no IPv6 address, a port that is no number
        return None
    safe = absolute.translate(_QUOTED)
    return safe if usable and len(safe) <= URL and safe.isprintable() else None


def links(text: str) -> tuple[str, ...]:
    """Every http(s) address that a text links to or spells out, in order, each once."""
    text = text[:_READ]
    if "http" not in text and "http" not in text.lower():
        return ()
    urls = (web_url(url) for url in dict.fromkeys(_targets(text)))
    return tuple(dict.fromkeys(url for url in urls if url))


def _targets(text: str) -> Iterable[str]:
    """What links point to, and addresses in the text between tags."""
    found = [] if "&" in text else _ANCHORS.findall(text)  # an entity may be a slash
    return found if found and len(found) == text.count("://") else _careful_targets(text)


def _careful_targets(text: str) -> Iterator[str]:
    """The same where addresses stand outside of links, or links are written in another way. Cut at every `<`, which
    costs a tenth of looking for either at every character."""
    for number, piece in enumerate(text.split("<")):
        tag, closed, visible = piece.partition(">") if number else ("", ">", piece)
        if tag[:1] in ("a", "A") and (target := _HREF.match(tag)):
            yield html.unescape(target[1])
        if "://" in (shown := visible if closed else tag):
            yield from (html.unescape(found[0]).rstrip(".,;:!?") for found in _BARE.finditer(shown))
