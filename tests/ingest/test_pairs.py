"""The labelled pairs, decided: nothing is joined silently that is not one product, and hardly anything is missed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.intent import Ask, Known, NewTool
from core.sighting import Sighting
from ingest.match import decide
from tests.ingest.making import NOW
from tests.ingest.pairs import Pair, Truth, pairs

PAIRS = pairs()
DOCUMENT = Path(__file__).parents[2] / "docs" / "matching.md"


def verdict(one: Sighting, other: Sighting) -> str:
    """joined, asked or apart, when both come in one batch."""
    intents = decide([one, other], Known(), now=NOW)
    if sum(isinstance(each, NewTool) for each in intents) == 1:
        return "joined"
    return "asked" if any(isinstance(each, Ask) for each in intents) else "apart"


VERDICTS = {id(pair): verdict(pair.one, pair.other) for pair in PAIRS}


def table(chosen: Sequence[Pair]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for pair in chosen:
        counts.setdefault(pair.truth, Counter())[VERDICTS[id(pair)]] += 1
    return counts


def recall(chosen: Sequence[Pair], *verdicts: str) -> float:
    same = [pair for pair in chosen if pair.truth is Truth.SAME]
    return sum(VERDICTS[id(pair)] in verdicts for pair in same) / len(same)


def test_there_are_three_hundred_pairs_and_each_is_of_its_own() -> None:
    assert len(PAIRS) >= 300
    assert min(Counter(pair.truth for pair in PAIRS).values()) >= 30
    assert len({pair.kind for pair in PAIRS}) >= 30


def test_nothing_is_joined_silently_that_is_not_one_product() -> None:
    wrong = [
        f"{pair.kind}: {pair.one.name} / {pair.other.name}"
        for pair in PAIRS
        if pair.truth is not Truth.SAME and VERDICTS[id(pair)] == "joined"
    ]
    assert wrong == []


def test_of_pairs_that_share_an_identifier_hardly_one_is_missed() -> None:
    sharing = [pair for pair in PAIRS if pair.share_an_identifier]
    missed = [pair.kind for pair in sharing if pair.truth is Truth.SAME and VERDICTS[id(pair)] != "joined"]
    assert recall(sharing, "joined") >= 0.95, missed


def test_every_new_version_is_a_question() -> None:
    silent = [
        f"{pair.kind}: {pair.one.name} / {pair.other.name}"
        for pair in PAIRS
        if pair.truth is Truth.VERSION and VERDICTS[id(pair)] != "asked"
    ]
    assert silent == []


@pytest.mark.parametrize("turned", [False, True])
def test_one_after_the_other_gives_what_both_at_once_give(*, turned: bool) -> None:
    for pair in PAIRS:
        first, second = (pair.other, pair.one) if turned else (pair.one, pair.other)
        assert verdict(second, first) == VERDICTS[id(pair)], pair.kind


def figures() -> dict[str, str]:
    sharing = [pair for pair in PAIRS if pair.share_an_identifier]
    joined = [pair for pair in PAIRS if VERDICTS[id(pair)] == "joined"]
    right = sum(pair.truth is Truth.SAME for pair in joined)
    return {
        "pairs": str(len(PAIRS)),
        "precision of silent joins": f"{right / len(joined):.3f}",
        "recall, silent": f"{recall(PAIRS, 'joined'):.3f}",
        "recall, silent or asked": f"{recall(PAIRS, 'joined', 'asked'):.3f}",
        "recall of pairs that share an identifier, silent": f"{recall(sharing, 'joined'):.3f}",
        **{
            f"{truth}: joined, asked, apart": ", ".join(str(counts[each]) for each in ("joined", "asked", "apart"))
            for truth, counts in table(PAIRS).items()
        },
    }


def test_the_document_shows_these_figures() -> None:
    shown = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE))
    for name, figure in figures().items():
        print(f"{name:<50} {figure}")  # noqa: T201 - whoever runs this with -s wants to see them
        assert shown.get(name) == figure, f"docs/matching.md: {name} is {figure}"
