"""docs/sources.md names every kind and every option."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.sources import ADAPTERS, KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_described_with_its_options(kind: str) -> None:
    assert f"| `{kind}` |" in TEXT
    [section] = [part for part in TEXT.split("\n### ")[1:] if kind in part.partition("\n")[0].split(", ")]
    for option in ADAPTERS[kind].options.model_fields:
        assert f"`{option}`" in section
