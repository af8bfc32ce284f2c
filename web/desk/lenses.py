"""Lenses: what each asks, their order, which are in use; and how many verdicts close a panel of each category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from app import history, staffing
from core.errors import Refused, StaleVersion
from core.panel import Lens
from web.desk.log import told
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit

PATH = "/desk/lenses"
_WORDS = ("name", "motto", "asks", "excites", "tires")


@dataclass(frozen=True, slots=True, kw_only=True)
class LensPages:
    """Handlers about lenses and quorums."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show_list, act=self.add, roles=OPERATORS),
            route(f"{PATH}/quorum/{{category}}", act=self.set_quorum, roles=OPERATORS),
            route(f"{PATH}/{{lens}}", show=self.show, act=self.change, roles=OPERATORS),
            route(f"{PATH}/{{lens}}/move", act=self.move, roles=OPERATORS),
        ]

    # ------------------------------------------------------------ all

    def show_list(self, visit: Visit) -> Response:
        """The lenses in their order, and the quorums."""
        return self._list(visit)

    def _list(self, visit: Visit, *, problem: Refused | None = None) -> Response:
        product = self.desk.product
        rows = staffing.lenses(product)
        return self.desk.page(
            visit,
            "lenses.html",
            status=400 if problem else 200,
            rows=rows,
            many=staffing.MANY,
            quorums=staffing.quorums(product),
            usual=product.settings.quorum,
            active=sum(each.lens.active for each in rows),
            most=staffing.MOST_VERDICTS,
            typed=visit.form,
            problem=problem,
        )

    def add(self, visit: Visit) -> Response:
        """A new lens, behind all others and not in use until somebody switches it on."""
        words = {name: visit.text(name) for name in _WORDS}
        wanted = Lens(key=visit.text("key"), position=0, active=False, **words)
        try:
            made = staffing.add_lens(self.desk.product, wanted, actor=visit.who.person.email)
        except Refused as refusal:
            return self._list(visit, problem=refusal)
        said = f"{made.name} is here, and off. Invite somebody who looks through it, then switch it on."
        return self.desk.done(visit, to=f"{PATH}/{made.key}", said=said)

    def move(self, visit: Visit) -> Response:
        """One place up or down."""
        key, up = visit.word("lens"), visit.text("to") == "up"
        moved = staffing.move_lens(
            self.desk.product, key, up=up, place=visit.number("place"), actor=visit.who.person.email
        )
        fields = {"to": "down" if up else "up", "place": str(moved.position)}
        undo = Undo(address=f"{PATH}/{key}/move", label="Undo", fields=fields)
        said = f"{moved.name} moved {'up' if up else 'down'}."
        return self.desk.done(visit, to=PATH, said=said, undo=undo)

    def set_quorum(self, visit: Visit) -> Response:
        """Another number for one category; empty: as the setting says."""
        category = visit.word("category")
        wanted = visit.number("quorum") if visit.text("quorum") else None
        seen = visit.number("seen") if visit.text("seen") else None
        closed = staffing.set_quorum(self.desk.product, category, wanted, seen=seen, actor=visit.who.person.email)
        said = "The quorum is kept." + (f" {closed} panels had enough verdicts and are closed." if closed else "")
        fields = {"quorum": "" if seen is None else str(seen), "seen": "" if wanted is None else str(wanted)}
        # A panel that has closed stays closed: taking the number back opens none.
        undo = Undo(address=f"{PATH}/quorum/{category}", label="Undo", fields=fields)
        return self.desk.done(visit, to=PATH, said=said, undo=undo)

    # ------------------------------------------------------------ one

    def show(self, visit: Visit) -> Response:
        """One lens: its words, whether it is in use, and what was done to it."""
        return self._lens(visit)

    def _lens(
        self, visit: Visit, *, typed: Mapping[str, str] | None = None, problem: Exception | None = None
    ) -> Response:
        product = self.desk.product
        lens = staffing.find_lens(product, visit.word("lens"))
        row = next(each for each in staffing.lenses(product) if each.lens.key == lens.key)
        stale = isinstance(problem, StaleVersion)
        return self.desk.page(
            visit,
            "lens.html",
            status=200 if problem is None else 409 if stale else 400,
            lens=lens,
            row=row,
            mark=staffing.mark(lens),
            fields=dict(typed) if typed is not None else _fields(lens),
            stale=stale,
            problem=problem,
            many=staffing.MANY,
            past=[told(each) for each in history.search(product, subject=f"lens:{lens.key}").entries[:10]],
        )

    def change(self, visit: Visit) -> Response:
        """Keep other words, or switch it on or off. Who was faster is shown beside what was typed."""
        key = visit.word("lens")
        words = {name: visit.text(name) for name in _WORDS}
        wanted = Lens(key=key, position=0, active=bool(visit.text("active")), **words)
        try:
            before, after = staffing.change_lens(
                self.desk.product, wanted, seen=visit.text("seen"), actor=visit.who.person.email
            )
        except (StaleVersion, Refused) as problem:
            return self._lens(visit, typed=visit.form, problem=problem)
        undo = Undo(address=f"{PATH}/{key}", label="Undo", fields=_fields(before) | {"seen": staffing.mark(after)})
        return self.desk.done(visit, to=f"{PATH}/{key}", said=f"{after.name} is changed.", undo=undo)


def _fields(lens: Lens) -> dict[str, str]:
    """The form that would make a lens what it is."""
    words = {name: str(getattr(lens, name)) for name in _WORDS}
    return words | ({"active": "on"} if lens.active else {})
