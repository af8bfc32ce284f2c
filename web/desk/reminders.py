"""Reminders: who was told what and why, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from starlette.responses import Response

from app import reminding
from core.panel import Role
from store.reminders import Told
from web.desk.paging import page
from web.desk.room import OPERATORS, Desk, DeskRoute, Visit

PATH = "/desk/reminders"

WHY = {
    "soon": "due within a day",
    "due": "due",
    "late": "a day late",
    "reopened": "three days late, open to everybody again",
}
"""The steps of the ladder in words."""

_WHO = {Role.REVIEWER: "its reviewers", Role.EDITOR: "editors", Role.OPERATOR: "operators"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail with the steps that it told."""

    id: int
    person: int
    name: str
    claimed_at: datetime
    sent_at: datetime | None
    steps: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPages:
    """Handlers of reminders."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their one address, an operator's."""
        return [self.desk.route(PATH, show=self.show, roles=OPERATORS)]

    def show(self, visit: Visit) -> Response:
        """The newest mails, twenty a page; on the first page also what comes next."""
        product, after = self.desk.product, visit.text("after")
        told = reminding.told(product, before=visit.number("after") if after else None)
        mails = [_mail(list(steps)) for _, steps in groupby(told, key=lambda each: each.mail)]
        shown = page(PATH, mails, size=reminding.PAGE, behind=lambda each: each.id, kept={}, after=after)
        begins, ends = product.settings.quiet
        return self.desk.page(
            visit,
            "reminders.html",
            page=shown,
            coming=[] if after else reminding.coming(product),
            quiet=None if begins == ends else (begins, ends),
            why=WHY,
            who=_WHO,
        )


def _mail(steps: list[Told]) -> Mail:
    first = steps[0]
    return Mail(
        id=first.mail,
        person=first.person,
        name=first.name,
        claimed_at=first.claimed_at,
        sent_at=first.sent_at,
        steps=tuple(steps),
    )
