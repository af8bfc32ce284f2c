"""Sending: an edition's figures while it goes out, what is uncertain, and the levers: pause, resume, cancel, settle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from app import dispatches, figures, scheduling, sending
from app.dispatches import Live
from core.delivery import DeliveryState
from core.edition import EditionState
from core.errors import NotFound, Refused, UsageError
from core.week import Week
from web.desk.paging import page
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit, ago, clock

PATH = "/desk/sending"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPages:
    """Handlers about editions on their way."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show_list, roles=OPERATORS),
            route(f"{PATH}/{{week}}", show=self.show, roles=OPERATORS),
            route(f"{PATH}/{{week}}/figures", show=self.show_figures, roles=OPERATORS),
            route(f"{PATH}/{{week}}/mails", show=self.show_mails, roles=OPERATORS),
            route(f"{PATH}/{{week}}/pause", act=self.pause, roles=OPERATORS),
            route(f"{PATH}/{{week}}/resume", act=self.resume, roles=OPERATORS),
            route(f"{PATH}/{{week}}/cancel", act=self.cancel, roles=OPERATORS),
            route(f"{PATH}/{{week}}/retry", act=self.retry, roles=OPERATORS),
            route(f"{PATH}/{{week}}/settle", act=self.settle, roles=OPERATORS),
        ]

    def show_list(self, visit: Visit) -> Response:
        """Editions that are approved or further, the newest first."""
        after = visit.text("after")
        rows = dispatches.listed(self.desk.product, before=after)
        shown = page(PATH, rows, size=dispatches.PAGE, behind=lambda each: each.week, kept={}, after=after)
        return self.desk.page(visit, "sending.html", page=shown)

    def show(self, visit: Visit) -> Response:
        """One edition, live: the script asks again every few seconds for what is shown, as JSON."""
        live = dispatches.live(self.desk.product, _week(visit))
        shown = self._figures(visit, live)
        if visit.by_script:
            return self.desk.json(shown)
        return self.desk.page(
            visit,
            "dispatch.html",
            week=live.dispatch.week,
            dispatch=live.dispatch,
            progress=live.progress,
            shown=shown,
            troubled=dispatches.TROUBLED,
            moving=live.dispatch.state is EditionState.SENDING,
        )

    def _figures(self, visit: Visit, live: Live) -> dict[str, Any]:
        """What changes while it is watched, as it is shown: each stands where `data-figure` names it."""
        progress, now, zone = live.progress, self.desk.product.now, visit.who.zone
        pace = f"{progress.per_minute:,.0f} a minute" if progress.per_minute else "—"
        done = f"{clock(progress.done_at, zone)}, {ago(progress.done_at, now)}" if progress.done_at else "—"
        batches = ", ".join(f"{many} {state}" for state, many in sorted(live.dispatch.batches.items())) or "none yet"
        return {
            "state": _state(live),
            "percent": f"{progress.percent:.0f} %",
            "waiting": f"{progress.waiting:,}",
            "under_way": f"{progress.under_way:,}",
            "handed_over": f"{progress.handed_over:,}",
            "uncertain": f"{progress.uncertain:,}",
            "failed": f"{progress.failed:,}",
            "suppressed": f"{progress.suppressed:,}",
            "pace": pace,
            "done": done,
            "batches": batches,
            "bar": round(progress.percent, 1),
            # When one of these changes, the page itself is another one.
            "mark": f"{live.dispatch.state}:{','.join(str(each.batch) for each in progress.doubts)}",
        }

    def show_figures(self, visit: Visit) -> Response:
        """What became of it, counted from every mail: not quick for a great many readers, so a page of its own."""
        week = _week(visit)
        found = figures.figures(self.desk.product, week)
        status = sending.status(self.desk.product, week)
        return self.desk.page(visit, "dispatch_figures.html", week=str(week), found=found, counts=status)

    def show_mails(self, visit: Visit) -> Response:
        """Mails in one state with the last word on each, fifty a page."""
        week, state, after = _week(visit), visit.text("state"), visit.text("after")
        chosen = state if state in dispatches.TROUBLED else DeliveryState.REFUSED
        rows = dispatches.words(
            self.desk.product, week, DeliveryState(chosen), after=visit.number("after") if after else 0
        )
        shown = page(
            f"{PATH}/{week}/mails",
            rows,
            size=dispatches.WORDS,
            behind=lambda each: each.delivery,
            kept={"state": chosen},
            after=after,
        )
        return self.desk.page(
            visit, "dispatch_mails.html", week=str(week), page=shown, chosen=chosen, states=dispatches.TROUBLED
        )

    # ------------------------------------------------------------ levers

    def pause(self, visit: Visit) -> Response:
        """Stop after the batch under way."""
        week = _week(visit)
        sending.pause(self.desk.product, week, actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/{week}/resume", label="Let it go on")
        return self.desk.done(visit, to=f"{PATH}/{week}", said=f"Edition {week} is paused.", undo=undo)

    def resume(self, visit: Visit) -> Response:
        """Let it go on."""
        week = _week(visit)
        sending.resume(self.desk.product, week, actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/{week}/pause", label="Pause it again")
        said = f"Edition {week} goes on with the next run of the schedule, within a quarter of an hour."
        return self.desk.done(visit, to=f"{PATH}/{week}", said=said, undo=undo)

    def cancel(self, visit: Visit) -> Response:
        """Stop it for good; the button asks first, since nothing brings it back."""
        week = _week(visit)
        _require_said(visit)
        done = scheduling.cancel(self.desk.product, week, actor=visit.who.person.email)
        said = f"Edition {week} is cancelled. {done.sent:,} mails had gone out."
        return self.desk.done(visit, to=f"{PATH}/{week}", said=said)

    def retry(self, visit: Visit) -> Response:
        """Make those ready again whose mail failed or was settled as not sent."""
        week = _week(visit)
        _require_said(visit)
        done = scheduling.retry(self.desk.product, week, only=scheduling.KINDS, actor=visit.who.person.email)
        said = f"{done.pending:,} mails of edition {week} wait for the next run of the schedule."
        return self.desk.done(visit, to=f"{PATH}/{week}", said=said)

    def settle(self, visit: Visit) -> Response:
        """Say what became of an uncertain batch."""
        week, sent = _week(visit), visit.text("sent") == "yes"
        done = dispatches.settle(
            self.desk.product,
            week,
            visit.number("batch"),
            attempt=visit.text("attempt"),
            sent=sent,
            actor=visit.who.person.email,
        )
        sending.finish(self.desk.product, week, actor=visit.who.person.email)
        how = "as sent" if sent else "as not sent; “Try again” makes its mails ready once more"
        return self.desk.done(visit, to=f"{PATH}/{week}", said=f"Batch {done.batch} is settled {how}.")


def _state(live: Live) -> str:
    return "cancelled" if live.dispatch.cancelled_at else live.dispatch.state.value


def _week(visit: Visit) -> Week:
    try:
        return Week.parse(visit.word("week"))
    except UsageError as error:
        raise NotFound(error.message, mend=error.mend) from None


def _require_said(visit: Visit) -> None:
    """What cannot be taken back needs its tick, so that neither a slip nor a form from nowhere does it."""
    if visit.text("sure") != "on":
        raise Refused(
            "Nothing was done: the tick was missing.", mend="Go back, tick that you are sure, and press again."
        )
