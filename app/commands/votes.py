"""`verdicts votes`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from app import voting
from app.commands import Count, RowId
from app.report import Report
from app.wiring import open_product

app = App(name="votes")

As = Annotated[str, Parameter(name="--as")]


@app.command(name="list")
def list_(*, limit: Count = 100) -> Report:
    """Votes that were set aside, with the reason, the oldest first. Readers are numbers, never addresses."""
    with open_product() as product:
        rows = [
            {
                "comparison": each.comparison,
                "reader": each.reader,
                "choice": each.choice,
                "at": each.at,
                "reason": each.reason,
            }
            for each in voting.set_aside(product, limit=limit)
        ]
    return Report(data=rows, rows=rows, text="" if rows else "No vote is set aside.")


@app.command
def count(slug: str, /, *readers: RowId, as_: As) -> Report:
    """Count votes that were set aside: of these readers, or all of the comparison's."""
    return _settle(slug, readers, count=True, email=as_)


@app.command
def exclude(slug: str, /, *readers: RowId, as_: As) -> Report:
    """Exclude votes that were set aside: of these readers, or all of the comparison's."""
    return _settle(slug, readers, count=False, email=as_)


def _settle(slug: str, readers: tuple[int, ...], *, count: bool, email: str) -> Report:
    with open_product() as product:
        done = voting.settle(product, slug, readers, count=count, email=email)
    word = "counted" if count else "excluded"
    return Report(data={"comparison": slug, word: done}, text=f"{len(done)} {word} on {slug}.")
