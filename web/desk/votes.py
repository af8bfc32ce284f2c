"""Votes set aside: what looks like a program or a crowd, for an editor to count or exclude."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from starlette.responses import Response

from app import voting
from core.errors import NotFound, Refused
from store.votes import AsideRow
from web.desk.paging import page
from web.desk.room import EDITORS, Desk, DeskRoute, Visit

LIST = "/desk/votes"
A_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        return [
            self.desk.route(LIST, roles=EDITORS, show=self.listed),
            self.desk.route(f"{LIST}/{{slug}}", roles=EDITORS, act=self.settle),
        ]

    def listed(self, visit: Visit) -> Response:
        """What waits, by comparison, the oldest first, page by page. Readers are numbers here, never addresses."""
        after = visit.text("after")
        found = voting.set_aside(self.desk.product, limit=A_PAGE + 1, after=after)
        shown = page(LIST, found, size=A_PAGE, behind=voting.place_of, kept={}, after=after)
        by_comparison: dict[str, list[AsideRow]] = defaultdict(list)
        for each in shown.rows:
            by_comparison[each.comparison].append(each)
        return self.desk.page(visit, "votes.html", comparisons=dict(by_comparison), page=shown)

    def settle(self, visit: Visit) -> Response:
        """Count or exclude the ticked votes: exactly those, so that what came since waits for its own look."""
        slug, decision = visit.word("slug"), visit.text("decision")
        readers = [int(each) for each in visit.picked("reader") if each.isascii() and each.isdigit()]
        if decision not in ("count", "exclude") or not readers:
            raise Refused("No vote was ticked.", mend="Tick those you mean, then press count or exclude.")
        try:
            done = voting.settle(
                self.desk.product, slug, readers, count=decision == "count", email=visit.who.person.email
            )
        except NotFound:
            return self.desk.done(visit, to=LIST, said="Somebody has settled those votes already.")
        word = "counted" if decision == "count" else "excluded"
        left = f" {len(readers) - len(done)} had been settled already." if len(done) < len(readers) else ""
        return self.desk.done(visit, to=LIST, said=f"{len(done)} {word} on {slug}.{left}")
