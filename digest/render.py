"""Rendering: values and the templates of `templates/mail/<name>/` become a mail. The same inputs give the same bytes.

One folder per mail: `subject.txt`, `body.txt` (written, not stripped from the HTML) and `body.mjml`. The templates
are read once. What differs per recipient stays in the result as marks (digest/marks.py).
"""

from __future__ import annotations

import bisect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from core.edition import Frozen
from core.errors import RenderError
from digest.compose import Digest
from digest.marks import Mark, disarm
from digest.markup import compile_mjml

SIZE_LIMIT = 90_000
"""Bytes of HTML. Gmail cuts a mail at about 102 KB, and what it cuts first is the footer with the unsubscribe link."""

TEXT_WIDTH = 72

_FOLDER = Path(__file__).resolve().parent.parent / "templates" / "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailParts:
    """The three texts of a rendered mail."""

    subject: str
    html: str
    text: str


def render_digest(digest: Digest) -> Frozen:
    """A digest as it will be frozen and sent. Raises RenderError when its HTML is above `SIZE_LIMIT` bytes."""
    frozen = _freeze(digest)
    size = len(frozen.html.encode())
    if size > SIZE_LIMIT:
        raise RenderError(
            f"The digest of {digest.week} has {size} bytes of HTML, {SIZE_LIMIT} is the limit.",
            mend="Take comparisons out of the edition; the web shows them all.",
        )
    return frozen


def fit(digest: Digest, *, limit: int = SIZE_LIMIT) -> tuple[Frozen, int]:
    """A digest rendered with as many of its comparisons as fit into `limit` bytes of HTML, and how many were cut.

    They are cut from the end and counted in "n more on the web". Raises RenderError when not even one fits.
    """
    whole = len(digest.blocks)
    kept = whole
    if not _fits(_keep(digest, kept), limit):
        # A comparison more is always a longer mail, so the number that fits is found by halving.
        kept = bisect.bisect_left(range(1, whole), x=True, key=lambda some: not _fits(_keep(digest, some), limit))
    if not kept:
        raise RenderError(
            f"Not even one comparison of {digest.week} fits into {limit} bytes.",
            mend="Shorten its intro or its quotes.",
        )
    return _keep(digest, kept), whole - kept


def _fits(frozen: Frozen, limit: int) -> bool:
    return len(frozen.html.encode()) <= limit


def _keep(digest: Digest, kept: int) -> Frozen:
    cut = len(digest.blocks) - kept
    return _freeze(replace(digest, blocks=digest.blocks[:kept], left_over=digest.left_over + cut))


def _freeze(digest: Digest) -> Frozen:
    parts = render_letter("digest", {"digest": digest})
    slugs = tuple(block.slug for block in digest.blocks)
    return Frozen(subject=parts.subject, html=parts.html, text=parts.text, comparisons=slugs)


def render_letter(name: str, context: Mapping[str, Any]) -> MailParts:
    """The mail of the templates in `templates/mail/<name>/`, filled from `context`.

    Raises RenderError for an unknown name, a name that the templates want and the context lacks, and MJML
    that does not pass digest/markup.py.
    """
    subject, text, body = fill_in(name, context)
    return MailParts(subject=" ".join(subject.split()), html=compile_mjml(body), text=_tidy(text))


def fill_in(name: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """The subject, the text and the MJML of a mail as its templates give them. Raises as `render_letter` does, but for
    wrong MJML."""
    try:
        subject, text, body = (_template(f"{name}/{file}").render(context) for file in _FILES)
    except jinja2.TemplateNotFound as error:
        raise RenderError(
            f"There is no mail template {error.name}.", mend=f"Templates lie in {_FOLDER.name}/."
        ) from error
    except jinja2.TemplateError as error:
        raise RenderError(
            f"The mail {name} cannot be filled in: {error}.", mend="Give every name it prints."
        ) from error
    return subject, text, body


_FILES = ("subject.txt", "body.txt", "body.mjml")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=jinja2.select_autoescape(enabled_extensions=("mjml",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_disarmed,
        auto_reload=False,
    )
    environment.filters["wrap"] = wrap
    return environment


@cache
def _template(path: str) -> jinja2.Template:
    return _environment().get_template(path)


def _disarmed(printed: Any) -> Any:
    """What a template prints, with double braces parted unless it is a mark: names from outside stay names.

    A macro's result (it has `__html__`) consists of parts that came through here already.
    """
    foreign = isinstance(printed, str) and not isinstance(printed, Mark) and not hasattr(printed, "__html__")
    return disarm(printed) if foreign else printed


def wrap(text: str, indent: int = 0, first: int | None = None) -> str:
    """Text in lines of at most `TEXT_WIDTH` columns, each indented; words longer than that (addresses) stay whole.

    `first` is the indent of the first line where it differs (0 after a bullet that the template prints).
    """
    return textwrap.fill(
        text,
        width=TEXT_WIDTH,
        initial_indent=" " * (indent if first is None else first),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _tidy(text: str) -> str:
    """No blanks at line ends, never more than two empty lines, one line feed at the end."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for at, line in enumerate(lines) if line or any(lines[max(0, at - 2) : at])]
    return "\n".join(kept).strip("\n") + "\n"
