"""Assessment: what all sightings of one tool say together. Pure; the order of the sightings does not matter.

**Which sighting speaks.** Sightings are ranked by what they are (a launch page or model card speaks before a repository,
a paper, an article), then by their first day, source and id. The name is that of the first sighting whose name is
a name and not a sentence (at most five words and forty characters); the tagline the first that is not empty; the
description the first text of eighty characters or more, else the longest; the homepage the first that is stated.

**What enters the queue.** A thing that appeared within sixty days, that is about AI, and that is more than an article,
or more than a paper without code or page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from core.fact import Fact
from core.identifier import Identifier, Scheme
from core.intent import Assessment
from core.sighting import Seen, Sighting, Signal, Thing
from core.text import cut
from ingest import pricing
from ingest.category import categorise, is_about_ai
from ingest.priority import Scales, prioritise
from ingest.wording import NAME, TAGLINE, TAGS

QUEUE_DAYS = 60

_SPEAKERS = (
    Thing.LAUNCH,
    Thing.MODEL,
    Thing.SPACE,
    Thing.REPOSITORY,
    Thing.DATASET,
    Thing.PAPER,
    Thing.RELEASE,
    Thing.ARTICLE,
)
_NAME_WORDS, _NAME_LENGTH = 5, 40
_LOOSE_ENDS = " :;,|–—-"
_DESCRIPTION = 80
_FIGURES = ("stars", "likes", "downloads", "upvotes", "points", "votes", "parameters", "context")
_PLACES = {
    Scheme.GITHUB: ("repository", "https://github.com/"),
    Scheme.ARXIV: ("paper", "https://arxiv.org/abs/"),
    Scheme.HF: ("model", "https://huggingface.co/"),
    Scheme.HF_SPACE: ("space", "https://huggingface.co/spaces/"),
    Scheme.HF_DATASET: ("dataset", "https://huggingface.co/datasets/"),
}


def assess(seen: Sequence[Seen], *, scales: Scales, now: datetime) -> Assessment:
    """What every sighting of one tool says together. `seen` holds all of them, at least one; `scales` a sample of
    every signal that occurs, per source. Raises ValueError when `seen` is empty."""
    if not seen:
        raise ValueError("a tool has at least one sighting")
    ranked = sorted(seen, key=_rank)
    sightings = [one.sighting for one in ranked]
    name, newest = _name(sightings), _newest(ranked)
    dated = _is_dated(sightings)
    queue, reason = _queue(sightings, newest, now, dated=dated)
    return Assessment(
        name=name,
        tagline=_tagline(sightings, besides=name),
        description=_description(sightings),
        category=categorise(sightings),
        tags=_tags(sightings),
        homepage=next((one.homepage for one in sightings if one.homepage), None),
        facts=_facts(ranked),
        pricing=pricing.combined([one.pricing for one in sightings if one.pricing]),
        priority=prioritise(ranked, scales=scales, newest=newest, dated=dated, now=now),
        queue=queue,
        queue_reason=reason,
        was_old=min(one.first_seen for one in seen) - newest > timedelta(days=QUEUE_DAYS),
    )


def _rank(one: Seen) -> tuple[int, datetime, str, str]:
    sighting = one.sighting
    return _SPEAKERS.index(sighting.thing), one.first_seen, sighting.source, sighting.external_id


def _name(sightings: Sequence[Sighting]) -> str:
    names = [one.name for one in sightings if one.name]
    short = (name for name in names if len(name) <= _NAME_LENGTH and len(name.split()) <= _NAME_WORDS)
    name = next(short, names[0] if names else "Unnamed")[:NAME]
    return name.rstrip(_LOOSE_ENDS) or name


def _tagline(sightings: Sequence[Sighting], *, besides: str) -> str:
    """A sentence as headline serves as the tagline of a tool whose name came from elsewhere; nothing is said twice."""
    return cut(next((words for words in _said(sightings) if words and words != besides), ""), limit=TAGLINE)


def _said(sightings: Sequence[Sighting]) -> Iterator[str]:
    yield from (one.tagline for one in sightings)
    yield from (one.name for one in sightings if len(one.name.split()) > _NAME_WORDS)
    yield from (one.summary.partition(". ")[0] for one in sightings)


def _description(sightings: Sequence[Sighting]) -> str:
    texts = [one.summary for one in sightings if one.summary]
    return next((text for text in texts if len(text) >= _DESCRIPTION), max(texts, key=len, default=""))


def _tags(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for one in sightings for tag in one.tags))[:TAGS]


def _newest(seen: Sequence[Seen]) -> datetime:
    """When the thing itself last appeared as something new: a launch of an old repository counts, an article about
    it or one more release does not. Without any date, the day on which it was first seen."""
    dated = [(one.sighting.thing, one.sighting.created_at) for one in seen if one.sighting.created_at]
    own = [at for thing, at in dated if thing not in (Thing.ARTICLE, Thing.RELEASE)]
    return max(own or [at for _, at in dated], default=min(one.first_seen for one in seen))


def _is_dated(sightings: Iterable[Sighting]) -> bool:
    """Whether anything says when the thing appeared. A launch without date appears when it is first seen; whatever else
    is listed without one may be years old: what trends mostly is."""
    return any(one.created_at or one.thing is Thing.LAUNCH for one in sightings)


def _queue(sightings: Sequence[Sighting], newest: datetime, now: datetime, *, dated: bool) -> tuple[bool, str]:
    things = {one.thing for one in sightings}
    if things == {Thing.ARTICLE}:
        return False, "Only articles speak of it."
    if things <= {Thing.PAPER, Thing.ARTICLE} and not _has_more_than_paper(sightings):
        return False, "A paper without code or project page."
    if not is_about_ai(sightings):
        return False, "Nothing says that it has to do with AI."
    if now - newest > timedelta(days=QUEUE_DAYS):
        return False, f"It appeared on {newest:%Y-%m-%d}, more than {QUEUE_DAYS} days ago."
    new = f"New within {QUEUE_DAYS} days" if dated else f"Its age is unknown; first seen within {QUEUE_DAYS} days"
    return True, f"{new}, and about AI."


def _has_more_than_paper(sightings: Iterable[Sighting]) -> bool:
    papers = {Scheme.ARXIV, Scheme.DOI, Scheme.HN, Scheme.REDDIT, Scheme.LOBSTERS}
    return any(one.homepage or any(name.scheme not in papers for name in one.identifiers) for one in sightings)


def _facts(seen: Sequence[Seen]) -> tuple[Fact, ...]:
    """The claims that the listings support, one per field: the first speaker that states it, dated by when it was
    last seen to."""
    found: dict[str, Fact] = {}
    for one in seen:
        for field, value in _claims(one.sighting):
            found.setdefault(
                field, Fact(field=field, value=value, source_url=one.sighting.url, observed_at=one.last_seen)
            )
    return tuple(found[field] for field in sorted(found))


def _claims(sighting: Sighting) -> list[tuple[str, str]]:
    claims = [("licence", sighting.licence)] if sighting.licence else []
    claims += [(signal.name, _value(signal)) for signal in sighting.signals if signal.name in _FIGURES]
    claims += [_place(one) for one in sorted(sighting.identifiers) if one.scheme in _PLACES]
    if sighting.created_at and sighting.thing not in (Thing.ARTICLE, Thing.LAUNCH):
        claims.append(("released", f"{sighting.created_at:%Y-%m-%d}"))
    return claims


def _place(identifier: Identifier) -> tuple[str, str]:
    field, prefix = _PLACES[identifier.scheme]
    return field, prefix + identifier.value


def _value(signal: Signal) -> str:
    """Parameters as their makers write them (2.2B), other figures in full."""
    if signal.name == "parameters":
        for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
            if signal.value >= size:
                return f"{signal.value / size:.3g}{unit}"
    return f"{signal.value:.0f}"
