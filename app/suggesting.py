"""Pairs on an editor's desk: what pairing found at its last look, and the editor's answers.

To weigh pairs takes a look at every judged tool. So it is done when somebody asks for it, or by the daily flow, and kept;
the page only reads.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app import editing, pairing
from app.reviewing import require_editor
from app.wiring import Product
from core.comparison import Comparison, comparison_slug, split_comparison_slug
from core.errors import NotFound, Refused
from core.text import clean
from core.tool import Reason
from review.weighing import Numbers
from store import audit, proposals, rivals, tools, worklists
from store.proposals import ACCEPTED, Answered
from store.rivals import RivalRow
from store.worklists import Suggested

KEPT = 40
_NAME = 200
_BY_HAND = (0.0, (Reason(words="paired by hand", points=0.0),))


def look(product: Product) -> int:
    """Weigh all judged tools again, and keep the best pairs and the rivals that nobody has ingested. Returns how many
    pairs there are."""
    result = pairing.weighed(product, limit=KEPT)
    now = product.now
    with product.database.write() as connection:
        rows = []
        for each in result.proposals:
            low, high = sorted(tools.find(connection, slug).id for slug in (each.a, each.b))
            numbers = result.numbers.get(comparison_slug(each.a, each.b))
            rows.append(
                {
                    "low": low,
                    "high": high,
                    "score": each.score,
                    "reasons": [[why.words, why.points] for why in each.reasons],
                    "numbers": _flat(numbers) if numbers else {},
                    "at": now,
                }
            )
        worklists.suggest(connection, rows)
        rivals.keep(connection, pairing.not_ingested(connection, result.unknown_rivals), now=now)
    return len(rows)


def _flat(numbers: Numbers) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in asdict(numbers).items():
        if isinstance(value, dict):
            found |= {f"{name}: {part}".replace("_", " "): each for part, each in value.items() if each is not None}
        else:
            found[name] = float(value)
    return found


def listed(product: Product) -> list[Suggested]:
    """Pairs that wait for an answer, the best first."""
    with product.database.read() as connection:
        return worklists.suggested(connection, limit=KEPT)


def unknown_rivals(product: Product, *, limit: int = 20) -> list[RivalRow]:
    """Rivals that texts name and that nobody has ingested, as of the last look, the most often named first."""
    with product.database.read() as connection:
        return rivals.listed(connection, limit=limit)


def dismiss_rival(product: Product, name: str, *, by: str) -> None:
    """Say that a named rival is none, or none for us: it is listed no more. Raises Refused for no name, or when it was
    dismissed already."""
    said = clean(name, limit=_NAME)
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        if not said:
            raise Refused("No rival was named.", mend="Press the button beside one.")
        if not rivals.dismiss(connection, said, by=editor.email, now=product.now):
            raise Refused(f"{said} was dismissed already.", mend="Look at the list again.")
        audit.note(connection, now=product.now, actor=editor.email, action="rival.dismiss", subject=f"rival:{said}")


def list_rival_again(product: Product, name: str, *, by: str) -> None:
    """Take a dismissal back. Raises NotFound when there is none."""
    said = clean(name, limit=_NAME)
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        if not rivals.take_back(connection, said):
            raise NotFound(f"Nobody has dismissed {said or 'that'}.", mend="Look at the list again.")
        audit.note(connection, now=product.now, actor=editor.email, action="rival.take_back", subject=f"rival:{said}")


def answered(product: Product, *, limit: int = 20) -> list[Answered]:
    """What editors said last."""
    return pairing.answers(product, limit=limit)


def accept(product: Product, a: str, b: str, *, by: str) -> Comparison:
    """Put two side by side as a draft, with what spoke for it if pairing suggested it; else it is a pair by hand.

    One that is there already stays as it is. Raises NotFound and Refused.
    """
    now = product.now
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        weighed = _weighed(connection, a, b)
    made = editing.create_comparison(product, a, b, actor=editor.email, weighed=weighed)
    with product.database.write() as connection:
        one, other = (tools.find(connection, slug) for slug in split_comparison_slug(made.slug))
        proposals.answer(connection, one.id, other.id, answer=ACCEPTED, reason="", by=editor.email, now=now)
        worklists.withdraw_suggestion(connection, one.id, other.id)
    return made


def _weighed(connection: Any, a: str, b: str) -> tuple[float, tuple[Reason, ...]]:
    pair = sorted((a, b))
    found = (each for each in worklists.suggested(connection, limit=KEPT) if sorted((each.a, each.b)) == pair)
    return next(((each.score, each.reasons) for each in found), _BY_HAND)


def ask_again(product: Product, a: str, b: str, *, by: str) -> None:
    """Take a rejection back: the pair is suggested again. Raises NotFound when it was not rejected."""
    with product.database.write() as connection:
        editor = require_editor(connection, by)
        one, other = (tools.find(connection, slug) for slug in (a, b))
        if not worklists.forget_answer(connection, one.id, other.id):
            raise NotFound(f"Nobody turned down {a} and {b}.", mend="Look at the list again.")
        subject = f"comparison:{comparison_slug(one.slug, other.slug)}"
        audit.note(connection, now=product.now, actor=editor.email, action="proposal.ask_again", subject=subject)
