"""The words of a catalogue: what tools say, as vectors in which rare words weigh most (tf-idf)."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import mul

_WORD = re.compile(r"[^\W_]{3,}")
_SMALL_WORDS = (
    "about after all also and any are because been before being both but can could does done each even every few for "
    "from get had has have her here his how into its itself just like made make makes many may more most much must "
    "nor not nobody nothing now off one only other our out over own same say says she should since some still such "
    "than that the their them then there these they thing things this those through too under until upon use used "
    "uses using very was way were what when where which while who whom whose why will with within without would yet "
    "you your ship skip"
)
_STOP = frozenset(_SMALL_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text that say something: three letters or more, plural and singular as one, no small words."""
    return [_singular(word) for word in _WORD.findall(text.casefold()) if word not in _STOP]


def _singular(word: str) -> str:
    return word[:-1] if word[-1] == "s" and len(word) > 3 and word[-2] != "s" else word  # noqa: PLR2004 - "gas"


def idf(holders: int, of: int) -> float:
    """How much it says that two tools share what `holders` of all have: nearly nothing when everybody has it, never
    less than nothing (the form used in BM25)."""
    return math.log(1 + (of - holders + 0.5) / (holders + 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A sparse vector of length 1, or empty: word numbers in rising order, and a weight for each.

    Arrays rather than a dict, which would take five times the memory in a large catalogue.
    """

    words: array[int]
    weights: array[float]

    def __bool__(self) -> bool:
        return bool(self.words)

    def products(self, other: Vector) -> list[tuple[int, float]]:
        """What each word that both have gives to their likeness."""
        mine = _as_dict(self)
        theirs = zip(other.words, other.weights, strict=True)
        return [(word, mine[word] * weight) for word, weight in theirs if word in mine]

    def cosine(self, other: Vector) -> float:
        """Likeness of two texts, 0 to 1. Exactly symmetric: the sum is exact whatever its order."""
        mine = _as_dict(self)
        return math.fsum(map(mul, map(mine.get, other.words, repeat(0.0)), other.weights))

    def likeness(self) -> Callable[[Vector], float]:
        """`cosine` but for rounding, and faster where one is held against many."""
        weight = _as_dict(self).get
        return lambda other: sum(map(mul, map(weight, other.words, repeat(0.0)), other.weights))


# One vector is held against hundreds of others in a row.
@lru_cache(maxsize=4)
def _as_dict(vector: Vector) -> dict[int, float]:
    return dict(zip(vector.words, vector.weights, strict=True))


class Vocabulary:
    """All words of a catalogue, numbered, with one vector per tool in the order of the tools."""

    def __init__(self, tools: Iterable[Sequence[str]]) -> None:
        self._numbers: dict[str, int] = {}
        counted = [self._count(texts) for texts in tools]
        self.spelling = list(self._numbers)
        """Number -> word."""
        self.holders = Counter[int]()
        """Number -> how many tools have the word."""
        for numbers, _ in counted:
            self.holders.update(numbers)
        self._idf = [idf(self.holders[number], len(counted)) for number in range(len(self.spelling))]
        self.vectors = [self._vector(numbers, counts) for numbers, counts in counted]

    def _count(self, texts: Sequence[str]) -> tuple[array[int], array[int]]:
        """Word numbers in rising order, and how often each is said."""
        number = self._numbers
        said = Counter(number.setdefault(word, len(number)) for text in texts for word in words(text))
        numbers = sorted(said)
        return array("I", numbers), array("I", (said[word] for word in numbers))

    def _vector(self, numbers: array[int], counts: array[int]) -> Vector:
        said = zip(numbers, counts, strict=True)
        weights = [(1 + math.log(count)) * self._idf[number] for number, count in said]
        length = math.sqrt(math.fsum(weight * weight for weight in weights)) or 1.0
        return Vector(numbers, array("f", (weight / length for weight in weights)))

    def shared(self, one: Vector, other: Vector, *, limit: int) -> list[str]:
        """The words that bring two texts together most, the strongest first."""
        spelled = sorted((-gives, self.spelling[number]) for number, gives in one.products(other))
        return [word for _, word in spelled[:limit]]
