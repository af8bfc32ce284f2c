"""MJML made into mail HTML: our check of the source, the preparation that the compiler needs, and its result.

The compiler (mjml-python, a binding of mrml) is fast and says nothing of mistakes, so `check` names them: a table
of the components that our mails use, their attributes and what may stand in what. `prepare` works around what
mrml 6 does differently from the reference compiler, each measured:

- attribute values are printed as Rust literals (a line break becomes a backslash and an n, a quote ends the value):
  inside tags everything but plain ASCII becomes a character reference and white space is folded;
- the title is printed into an attribute as it stands: the same for its text;
- a text that begins with a line break between two inline tags is dropped and words join: white space is folded to a
  single space beforehand, and away altogether where a block begins or ends, which also saves a tenth of the mail.

There is no HTML minifier behind it: on what is left minify-html saves another 1 %, and for that it takes the quotes
off `href="{{unsubscribe_url}}"`, turns `&amp;` in addresses into `&`, and, when it may touch styles, writes media
queries in a form that mail programs do not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

import mjml

from core.errors import RenderError

BODY_WIDTH = 600

_LENGTHS = r"(?:\d+(?:px|%))(?: \d+(?:px|%)){0,3}"  # a bare 0 breaks the widths that Outlook is given
_ONE = r"\d+(?:px|%)"
_PX = r"\d+px"
_COLOUR = r"#[0-9a-f]{6}"
_ANY = r"[^\x00-\x1f]+"
_BOX = {"padding": _LENGTHS, **{f"padding-{side}": _ONE for side in ("top", "right", "bottom", "left")}}
_FONT = {
    "color": _COLOUR,
    "font-family": _ANY,
    "font-size": _PX,
    "font-weight": r"[1-9]00",
    "line-height": _ONE,
}
_ALIGN = "left|center|right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One MJML component as we use it: attribute -> pattern of its values, and which components may stand in it.

    `raw` components hold HTML or text instead.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    raw: bool = False
    required: frozenset[str] = frozenset()


_SECTION = {**_BOX, "background-color": _COLOUR, "border-top": _ANY, "border-bottom": _ANY, "text-align": _ALIGN}
_TEXT = {**_BOX, **_FONT, "align": _ALIGN}
_BUTTON = {
    **_BOX,
    **_FONT,
    "align": _ALIGN,
    "background-color": _COLOUR,
    "border": _ANY,
    "border-radius": _PX,
    "href": _ANY,
    "inner-padding": _LENGTHS,
}

COMPONENTS: Mapping[str, Component] = {
    "mjml": Component(
        attributes={"lang": "[a-z]{2}", "dir": "ltr|rtl"},
        children=frozenset({"mj-head", "mj-body"}),
        required=frozenset({"lang", "dir"}),
    ),
    "mj-head": Component(children=frozenset({"mj-title", "mj-preview", "mj-attributes", "mj-style", "mj-raw"})),
    "mj-title": Component(raw=True),
    "mj-preview": Component(raw=True),
    "mj-style": Component(raw=True),
    "mj-raw": Component(raw=True),
    "mj-attributes": Component(children=frozenset({"mj-all", "mj-section", "mj-column", "mj-text", "mj-button"})),
    "mj-all": Component(attributes={"font-family": _ANY}),
    "mj-body": Component(
        attributes={"width": f"{BODY_WIDTH}px", "background-color": _COLOUR},
        children=frozenset({"mj-section"}),
        required=frozenset({"width"}),
    ),
    "mj-section": Component(attributes=_SECTION, children=frozenset({"mj-column"})),
    "mj-column": Component(
        attributes={**_BOX, "width": _ONE, "vertical-align": "top|middle|bottom"},
        children=frozenset({"mj-text", "mj-button"}),
    ),
    "mj-text": Component(attributes=_TEXT, raw=True),
    "mj-button": Component(attributes=_BUTTON, raw=True),
}

_EVERYWHERE = {"css-class": r"[a-z][a-z0-9 -]*"}
_VOID = frozenset({"br", "hr", "img", "meta"})
_FORBIDDEN = frozenset(
    {"script", "style", "link", "iframe", "form", "object", "base"}
)  # dropped by mail programs, or worse
_DEPTH = 40

_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"(?<=<mj-title>).*?(?=</mj-title>)", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]+")  # not \s: a no-break space is meant
_BLOCKS = r"mj-[a-z]+|mjml|table|tbody|thead|tr|td|th|p|h1|h2|h3|ol|ul|li|div|blockquote|br|style|hr|meta"  # end a line anyway
_AROUND_BLOCKS = re.compile(rf"\s*(</?(?:{_BLOCKS})(?: [^<>]*)?>)\s*")
_IN_A_TAG = re.compile(r"[^\x20-\x7e]|\\")


def compile_mjml(source: str) -> str:
    """MJML to the HTML of a mail: checked, prepared, compiled, and looked through. Raises RenderError."""
    prepared = prepare(source)
    check(prepared)
    try:
        html: str = mjml.mjml2html(prepared, fonts={})  # no fonts: the default asks Google for them
    except ValueError as error:
        raise RenderError(
            f"The MJML does not compile: {error}.", mend="Mend the template that it came from."
        ) from error
    if "<mj-" in html:
        raise RenderError("A component was left in the compiled mail.", mend="Use only those of digest/markup.py.")
    return html.replace("<br />", "<br>")


def prepare(source: str) -> str:
    """The same source, folded and encoded so that the compiler prints what it says."""
    titled = _TITLE.sub(lambda found: _references(_fold(found[0].strip())).replace('"', "&quot;"), source)
    tagged = _TAG.sub(lambda found: _references(_fold(found[0])), titled)
    return _AROUND_BLOCKS.sub(r"\1", _fold(tagged)).strip()


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text)


def _references(text: str) -> str:
    return _IN_A_TAG.sub(lambda found: f"&#{ord(found[0])};", text)


def check(source: str) -> None:
    """Raises RenderError naming every component, attribute, value and nesting that our table does not know."""
    reader = _Checker()
    reader.feed(source)
    reader.close()
    faults = reader.faults + [f"<{tag}> is never closed" for tag in reader.open]
    if faults:
        raise RenderError(f"The MJML is wrong: {'; '.join(faults[:5])}.", mend="Mend the template that it came from.")


class _Checker(HTMLParser):
    """Walks a prepared source and collects what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check the tag against the table and its parent, then stand in it."""
        self._look_at(tag, dict(attrs))
        if tag not in _VOID:
            self.open.append(tag)
        if len(self.open) > _DEPTH:
            self.faults.append(f"<{tag}> is nested {len(self.open)} deep")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag that closes itself."""
        self._look_at(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """Leave the tag; only the innermost can be left."""
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.faults.append(f"</{tag}> closes nothing")

    def _look_at(self, tag: str, attributes: dict[str, str | None]) -> None:
        parent = next((name for name in reversed(self.open) if name in COMPONENTS), None)
        known = COMPONENTS.get(tag)
        if known is None:
            self._look_at_html(tag, parent, attributes)
            return
        if parent is not None and tag not in COMPONENTS[parent].children:
            self.faults.append(f"<{tag}> may not stand in <{parent}>")
        in_defaults = parent == "mj-attributes"
        self.faults += _attribute_faults(tag, known, attributes, defaults=in_defaults)

    def _look_at_html(self, tag: str, parent: str | None, attributes: Mapping[str, str | None]) -> None:
        if tag.startswith("mj-") or parent is None or not COMPONENTS[parent].raw:
            self.faults.append(f"<{tag}> may not stand in <{parent or 'nothing'}>")
        if tag in _FORBIDDEN:
            self.faults.append(f"<{tag}> has no place in a mail")
        if tag == "img" and not (attributes.get("alt") or "").strip():
            self.faults.append("an <img> has no alt text")


def _attribute_faults(tag: str, known: Component, attributes: Mapping[str, str | None], *, defaults: bool) -> list[str]:
    allowed = {**known.attributes, **_EVERYWHERE}
    faults = [
        f'{name}="{value}" may not stand in <{tag}>'
        for name, value in attributes.items()
        if name not in allowed or not re.fullmatch(allowed[name], value or "")
    ]
    missing = [] if defaults else sorted(known.required - attributes.keys())
    return faults + [f"<{tag}> lacks {name}" for name in missing]
