"""Pairing in a catalogue of 100,000 reviewed tools: a week's 100 new ones, and what the index misses.

    python -m bench.pairing [TOOLS] [NEW]

Tools are generated: 40 categories of very different size, words and tags by Zipf's law with a vocabulary per
category, some rival names; every fifth states no tags. The peer is brute force, every pair through the gates and
weighed, on a sample of the new tools; recall at 10 is the share of its ten best pairs that the index finds too.
"""

from __future__ import annotations

import itertools
import random
import resource
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.fact import PricingModel
from core.panel import Decision
from review.gates import barrier
from review.pairing import PROPOSED_FROM, Candidate, Catalogue, nearest, propose
from review.weighing import Weighing, weigh

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LENSES = ("builder", "skeptic", "futurist", "founder", "creator")
SAMPLE = 20


class Generator:
    def __init__(self, tools: int, seed: int = 47) -> None:
        self.random = random.Random(seed)
        self.categories = [f"category-{n}" for n in range(40)]
        self.category_weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(40)))
        self.ranks = range(6_000)
        self.word_weights = list(itertools.accumulate(1 / (rank + 10) for rank in self.ranks))
        self.tools = tools

    def candidates(self) -> list[Candidate]:
        return [self.candidate(number) for number in range(self.tools)]

    def candidate(self, number: int) -> Candidate:
        category = self.random.choices(range(40), cum_weights=self.category_weights)[0]
        texts = [self.text(category, length=count) for count in (8, 40, 35, 35, 35, 35)]
        if self.random.random() < 0.05:
            texts.append(f"An alternative to Tool{self.random.randrange(self.tools)}x for the patient.")
        return Candidate(
            slug=f"tool{number}x",
            name=f"Tool{number}x",
            category=self.categories[category],
            closed=True,
            reviewed_at=NOW - timedelta(days=self.random.expovariate(1 / 200)),
            tags=self.tags(category) if number % 5 else (),
            texts=tuple(texts),
            verdicts={lens: self.random.choice(list(Decision)) for lens in self.random.sample(LENSES, 4)},
            price=self.random.choice(list(PricingModel)),
            demand=int(self.random.expovariate(1 / 20)),
        )

    def text(self, category: int, *, length: int) -> str:
        """Half of the words are everybody's, half the category's own."""
        ranks = self.random.choices(self.ranks, cum_weights=self.word_weights, k=length)
        return " ".join(f"w{rank}" if position % 2 else f"c{category}w{rank}" for position, rank in enumerate(ranks))

    def tags(self, category: int) -> tuple[str, ...]:
        pick = self.random.paretovariate
        uses = {f"use-{category}-{int(pick(0.7)) % 30}" for _ in range(2)}
        features = {f"feature-{int(pick(0.5)) % 400}" for _ in range(4)}
        return (*uses, *features, f"for-{int(pick(1)) % 8}")


def brute_force(catalogue: Catalogue, slug: str) -> list[Weighing]:
    entry = catalogue.entries[slug]
    others = (other for other in catalogue.entries.values() if other is not entry)
    free = (other for other in others if barrier(catalogue, entry, other, compared={}) is None)
    weighings = (weigh(catalogue, entry, other, now=NOW) for other in free)
    worthy = [weighing for weighing in weighings if weighing.numbers.comparability >= PROPOSED_FROM]
    return sorted(worthy, key=lambda weighing: (-weighing.numbers.score, weighing.slug))


def best_ten(catalogue: Catalogue, slug: str) -> tuple[int, int, float, float]:
    """How many of the ten best pairs the index finds, how many there are (a tool may have fewer, or none), CPU seconds
    of the index, CPU seconds of brute force."""
    start = time.process_time()
    found = {weighing.slug for weighing in nearest(catalogue, slug, compared={}, now=NOW)[:10]}
    middle = time.process_time()
    wanted = {weighing.slug for weighing in brute_force(catalogue, slug)[:10]}
    return len(found & wanted), len(wanted), middle - start, time.process_time() - middle


def main(arguments: Sequence[str]) -> None:
    tools, new = (int(value) for value in (*arguments, *("100000", "100")[len(arguments) :]))
    start = time.process_time()
    candidates = Generator(tools).candidates()
    print(f"generated {tools:,} tools                     {time.process_time() - start:8.2f} s CPU (not counted)")
    start = time.process_time()
    catalogue = Catalogue(candidates)
    print(f"index built                               {time.process_time() - start:8.2f} s CPU")
    newest = [one.slug for one in sorted(candidates, key=lambda one: one.reviewed_at, reverse=True)[:new]]
    start = time.process_time()
    result = propose(catalogue, compared={}, now=NOW, limit=20, among=newest)
    print(f"{new} new tools, {len(result.proposals)} pairs proposed           {time.process_time() - start:8.2f} s CPU")
    measured = [best_ten(catalogue, slug) for slug in newest[:SAMPLE]]
    found, wanted, indexed, brute = (sum(column) for column in zip(*measured, strict=True))
    print(f"one tool by the index                     {1000 * indexed / len(measured):8.1f} ms CPU")
    print(f"one tool by brute force                   {1000 * brute / len(measured):8.1f} ms CPU")
    print(f"recall at 10 over {len(measured)} tools                {found / wanted:8.3f}   {found} of {wanted} pairs")
    print(
        f"peak memory                               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
