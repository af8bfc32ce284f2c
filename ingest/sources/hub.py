"""Hugging Face's records: what models, datasets and spaces have in common (huggingface.co/docs/hub/api)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from core.identifier import Identifier, Scheme
from core.sighting import Thing
from core.source import Cursor, Request, Source
from ingest.identity import arxiv_id, hugging_face
from ingest.wording import tags_of

SITE = "https://huggingface.co"

QUANTISED = "a quantised copy"
UNSUITABLE = "not suitable for work"
PRIVATE = "private"

_UNSUITABLE = re.compile(
    r"(?:^|[^a-z])(?:nsfw|porn\w*|hentai|xxx|nudes?|nudity|erotic\w*|sex\w*)(?:[^a-z]|$)", re.IGNORECASE
)
_COPY = re.compile(r"[-_.](?:gguf|awq|gptq|exl[23]|mlx|bnb|[2-8]bit|nvfp4|mxfp4)$", re.IGNORECASE)
_TECHNICAL = re.compile(
    r"^(?:[a-z_\-]+:.*|safetensors|endpoints_compatible|autotrain_compatible|custom_code|eval-results|[2348]-bit|fp8|imatrix"
    r"|compressed-tensors|gguf|pytorch|onnx|transformers|diffusers|[a-z]{2})$",
)
_SCHEMES = {"model": Scheme.HF, "dataset": Scheme.HF_DATASET, "space": Scheme.HF_SPACE}
_THINGS = {"model": Thing.MODEL, "dataset": Thing.DATASET, "space": Thing.SPACE}
_PATHS = {"model": "", "dataset": "datasets/", "space": "spaces/"}


def listing(source: Source, _cursor: Cursor, _now: datetime) -> tuple[Request, ...]:
    """What is asked of a listing: the address as it stands."""
    return (Request(url=source.url, accept="application/json"),)


def thing(kind: str) -> Thing:
    """What a `model`, `dataset` or `space` is in our words."""
    return _THINGS[kind]


def page(kind: str, name: str) -> str:
    """The address of a record's page."""
    return f"{SITE}/{_PATHS[kind]}{name}"


def identifier(kind: str, name: str) -> Identifier | None:
    """The identifier of a record; None for an id that is not `owner/name` (old models have no owner)."""
    return hugging_face(_SCHEMES[kind], name)


def unwanted(name: str, tags: Sequence[str], *, quantised: bool, unsuitable: bool) -> str | None:
    """Why a record is left out: a re-upload in fewer bits, or not suitable for work; None when it is wanted.

    The two switches let either kind in.
    """
    if not quantised and (any(tag.startswith("base_model:quantized:") for tag in tags) or _COPY.search(name)):
        return QUANTISED
    if not unsuitable and ("not-for-all-audiences" in tags or any(map(_UNSUITABLE.search, (name, *tags)))):
        return UNSUITABLE
    return None


def tagged(tags: Sequence[str], prefix: str) -> str | None:
    """The value of the first tag `prefix:value`."""
    return next((tag[len(prefix) + 1 :] for tag in tags if tag.startswith(f"{prefix}:")), None)


def topics(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags that say what a record is about, without those that describe its files or languages."""
    return tags_of([tag for tag in tags if not _TECHNICAL.match(tag)])


def cited(tags: Sequence[str]) -> frozenset[Identifier]:
    """What a record's tags speak of: papers, base models, datasets. Citing a paper does not make one that paper."""
    found = {_cited(*tag.partition(":")[::2]) for tag in tags[:200]}
    return frozenset(one for one in found if one is not None)


def _cited(prefix: str, value: str) -> Identifier | None:
    if prefix == "arxiv":
        number = arxiv_id(value)
        return Identifier(Scheme.ARXIV, number) if number else None
    if prefix == "base_model":
        return hugging_face(Scheme.HF, value.rpartition(":")[2])
    return hugging_face(Scheme.HF_DATASET, value) if prefix == "dataset" else None
