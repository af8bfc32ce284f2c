"""XML for machines: built as a tree, so that text stays text, and without the characters that XML cannot hold."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

# XML 1.0, section 2.2: what is left out here may not stand in a document, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fit(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def root(name: str, *, namespace: str) -> etree._Element:
    """The root of a document whose elements are all of one namespace."""
    default: dict[Any, str] = {None: namespace}  # lxml's way to write it without a prefix
    return etree.Element(f"{{{namespace}}}{name}", nsmap=default)


def add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A child in its parent's namespace."""
    namespace = parent.tag[: parent.tag.find("}") + 1]  # as `{namespace}`; a QName takes longer than the element
    child = etree.SubElement(parent, namespace + name, {key: fit(value) for key, value in attributes.items()})
    if text is not None:
        child.text = fit(text)
    return child


def document(root: etree._Element) -> bytes:
    """The document, in UTF-8 with its declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
