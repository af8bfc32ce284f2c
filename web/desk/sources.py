"""Sources: how each of them does, with its last runs as a plot; paused, resumed, or asked at the next run."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import history, rounds
from core.source import Outcome
from store.fetches import Run, SourceRow
from web.desk.log import told
from web.desk.paging import page
from web.desk.plots import Plot, bars
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit

PATH = "/desk/sources"
STATES = ("on", "failing", "paused", "gone", "off")
_KINDS = {Outcome.FAILED: "lost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A source with its plot, and the plot in words."""

    row: SourceRow
    plot: Plot
    words: str


def _shown(row: SourceRow) -> Shown:
    return Shown(row=row, plot=_plot(row.runs), words=_words(row))


def _plot(runs: tuple[Run, ...]) -> Plot:
    values = [(each.entries, _KINDS.get(each.outcome, "some" if each.entries else "none")) for each in reversed(runs)]
    # A failed run has no entries: it stands out by its colour, as high as a word.
    most = max((value for value, _ in values), default=0) or 1
    return bars([(most if kind == "lost" else value, kind) for value, kind in values], places=rounds.RUNS)


def _words(row: SourceRow) -> str:
    if not row.runs:
        return f"{row.key} has not been asked yet."
    entries = [each.entries for each in row.runs]
    failed = sum(each.outcome is Outcome.FAILED for each in row.runs)
    runs = "the last run" if len(entries) == 1 else f"the last {len(entries)} runs"
    last = f"Entries of {runs} of {row.key}, oldest first: "
    return f"{last}between {min(entries)} and {max(entries)}, {entries[0]} in the newest; {failed} failed."


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePages:
    """Handlers about sources."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show_list, roles=OPERATORS),
            route(f"{PATH}/{{source}}", show=self.show, roles=OPERATORS),
            route(f"{PATH}/{{source}}/pause", act=self.pause, roles=OPERATORS),
            route(f"{PATH}/{{source}}/resume", act=self.resume, roles=OPERATORS),
            route(f"{PATH}/{{source}}/ask", act=self.ask, roles=OPERATORS),
        ]

    def show_list(self, visit: Visit) -> Response:
        """Fifty sources a page, by key, of one state when asked for."""
        after, state = visit.text("after"), visit.text("state")
        chosen = state if state in STATES else ""
        watch = rounds.watch(self.desk.product, after=after, state=chosen)
        rows = [_shown(each) for each in watch.rows]
        shown = page(
            PATH, rows, size=rounds.PAGE, behind=lambda each: each.row.key, kept={"state": chosen}, after=after
        )
        return self.desk.page(
            visit,
            "sources.html",
            page=shown,
            chosen=chosen,
            states=[(each, watch.states.get(each, 0)) for each in STATES],
            total=sum(watch.states.values()),
            prefect=rounds.schedules_page(),
        )

    def show(self, visit: Visit) -> Response:
        """One source: everything known, its last runs, and what was decided about it."""
        key, after = visit.word("source"), visit.text("after")
        product = self.desk.product
        row, records = rounds.source(product, key, before=visit.number("after") if after else None)
        return self.desk.page(
            visit,
            "source.html",
            shown=_shown(row),
            row=row,
            page=page(f"{PATH}/{key}", records, size=rounds.RECORDS, behind=lambda each: each.id, kept={}, after=after),
            past=[told(each) for each in history.search(product, subject=f"source:{key}").entries[:10]],
        )

    def pause(self, visit: Visit) -> Response:
        """Ask it no more."""
        return self._switch(visit, on=False)

    def resume(self, visit: Visit) -> Response:
        """Ask it again."""
        return self._switch(visit, on=True)

    def _switch(self, visit: Visit, *, on: bool) -> Response:
        key = visit.word("source")
        row = rounds.switch(self.desk.product, key, on=on, seen=visit.text("seen"), actor=visit.who.person.email)
        back = "pause" if on else "resume"
        undo = Undo(address=f"{PATH}/{key}/{back}", label="Undo", fields={"seen": row.state})
        said = f"{key} is asked again when it is due." if on else f"{key} is not asked any more."
        return self.desk.done(visit, to=f"{PATH}/{key}", said=said, undo=undo)

    def ask(self, visit: Visit) -> Response:
        """Let the next run ask it."""
        key = visit.word("source")
        rounds.ask(self.desk.product, key, actor=visit.who.person.email)
        said = f"{key} is due: the next run of the schedules asks it, within an hour at the latest."
        return self.desk.done(visit, to=f"{PATH}/{key}", said=said)
