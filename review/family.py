"""Names and families: when two tools are one product, or two versions of one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from core.identifier import Identifier, Scheme

_PART = re.compile(r"[^\W_]+(?:\.\d[^\W_]*)*")
_SIZE_OR_VERSION = re.compile(r"\d.*|v\d.*|[ae]\d+[bm]|(?:bf|fp|int|q|w)\d+")
_TRAILING_NUMBER = re.compile(r"\d+(?:\.\d+)*$")
_VARIANTS = (
    "ai app base beta chat cli cloud dev flash free gguf instruct io it large lite max medium mini nano plus preview "
    "pro small thinking tiny turbo ultra xl xs xxl"
)
_VARIANT = frozenset(_VARIANTS.split())
_OWNED = frozenset({Scheme.HF, Scheme.HF_DATASET, Scheme.HF_SPACE, Scheme.GITHUB})


def name_key(name: str) -> str:
    """Letters and digits of a name, case folded: `SmolVLM2-2B` and `smolvlm2 2b` are one."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def stem(name: str) -> tuple[str, ...]:
    """The words of a name that do not merely say which version, size or variant.

    `SmolVLM2-2.2B-Instruct` and `SmolVLM2-500M` both have `("smolvlm",)`. A name made of nothing else keeps its
    whole key, so that `Turbo` and `Nano` are no family.
    """
    parts = _PART.findall(unicodedata.normalize("NFKC", name).casefold())
    words = [_TRAILING_NUMBER.sub("", part) for part in parts if not _SIZE_OR_VERSION.fullmatch(part)]
    kept = tuple(word for word in words if word and word not in _VARIANT)
    return kept if len("".join(kept)) > 2 else (name_key(name),)  # noqa: PLR2004 - "o3" and "o4" say too little


def makers(identifiers: Iterable[Identifier], domains: Iterable[str]) -> frozenset[str]:
    """Who a tool is by: owners on Hugging Face and GitHub, and its own domains."""
    owners = (one.value.partition("/")[0].casefold() for one in identifiers if one.scheme in _OWNED)
    return frozenset(owners) | {domain.casefold() for domain in domains}
