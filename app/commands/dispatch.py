"""The commands of `verdicts edition` about sending: when, how far, what is uncertain, what to do after trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from app import figures as counting
from app import reconciling, rehearsing, scheduling, sending, settling
from app.commands import Count, Hour, Percent, RowId
from app.figures import Doubt, Progress
from app.report import COMMAND_LINE, Report
from app.sending import SendingStatus
from app.settling import Settled
from app.wiring import Product, open_product
from core.clock import to_iso
from core.delivery import DeliveryState
from core.errors import UsageError
from core.week import Week
from store import events


def status_report(found: SendingStatus, *, ok: bool = True, progress: Progress | None = None) -> Report:
    """An edition's figures as a report; with `progress`, how far it is and its uncertain batches, too."""
    data = asdict(found)
    hidden = ("paused_because", "send_at", "wave_percent", "local_hour", "cancelled_at", "closes_at")
    shown = {name: value for name, value in data.items() if name not in hidden}
    lines = [found.paused_because or ""]
    if progress is not None:
        data["progress"] = asdict(progress)
        lines += [_pace(progress), *map(_doubt, progress.doubts)]
        if progress.doubts:
            lines.append(f"`verdicts edition settle {found.week} BATCH --sent|--not-sent` once you know.")
    return Report(data=data, rows=[shown], text="\n".join(filter(None, lines)), ok=ok)


def _pace(found: Progress) -> str:
    words = [
        f"{found.per_minute:,.0f} a minute" if found.per_minute else "",
        f"the next wave at {to_iso(found.next_at)}" if found.next_at else "",
        f"done at about {to_iso(found.done_at)}" if found.done_at else "",
    ]
    said = ", ".join(filter(None, words))
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _doubt(found: Doubt) -> str:
    words = f"Batch {found.batch} is uncertain, {found.recipients} recipients: {found.answer or 'no answer'}"
    if found.control_sent_at is None:
        return words
    seen = "has been seen" if found.control_seen_at else "has not been seen yet"
    return f"{words}; its control message {seen} in the provider's log"


def _status(product: Product, week: Week) -> Report:
    return status_report(sending.status(product, week), progress=counting.progress(product, week))


def status(week: str) -> Report:
    """Where an edition's sending stands: its figures, how fast it is, and every batch that is uncertain."""
    with open_product() as product:
        return _status(product, Week.parse(week))


def _settled(each: Settled) -> dict[str, Any]:
    return {
        "batch": each.batch,
        "state": each.state,
        "evidence": each.evidence,
        "recipients": each.recipients,
        "answer": each.answer,
    }


def settle(
    week: str,
    batch: RowId,
    *,
    sent: Annotated[bool, Parameter(negative=())] = False,
    not_sent: Annotated[bool, Parameter(negative=())] = False,
    only: str = "",
) -> Report:
    """Say what became of an uncertain batch: --sent or --not-sent, or of some of its readers: --only A@X,B@Y. It is
    written into the audit log."""
    if sent == not_sent:
        raise UsageError("Say either --sent or --not-sent.", mend="Look into the provider's activity log first.")
    with open_product() as product:
        wanted = Week.parse(week)
        people = [each.strip() for each in only.split(",") if each.strip()]
        done = settling.settle_by_hand(product, wanted, batch, sent=sent, only=people, actor=COMMAND_LINE)
        sending.finish(product, wanted, actor=COMMAND_LINE)
    again = "" if sent else f" `verdicts edition retry {week} --only unsent` makes them ready again."
    return Report(data=_settled(done), text=f"Batch {batch} is {done.state}.{again}")


def retry(week: str, *, only: str) -> Report:
    """Make ready again those whose mail failed, or was settled as not sent: --only failed,unsent. Then send."""
    kinds = [each.strip() for each in only.split(",") if each.strip()]
    with open_product() as product:
        return status_report(scheduling.retry(product, Week.parse(week), only=kinds, actor=COMMAND_LINE))


def cancel(week: str) -> Report:
    """Stop an edition for good: who waits is withdrawn, what the provider still holds is called off."""
    with open_product() as product:
        return status_report(scheduling.cancel(product, Week.parse(week), actor=COMMAND_LINE))


def schedule(
    week: str,
    *,
    at: str | None = None,
    now: Annotated[bool, Parameter(negative=())] = False,
    zone: str | None = None,
    percent_per_hour: Percent | None = None,
    local_hour: Hour | None = None,
) -> Report:
    """Set when an edition goes out: --at "2026-11-27 09:00" --zone Europe/Berlin, or --now (once it is approved);
    --percent-per-hour 25 sends it in waves, --local-hour 8 to each reader when it is next 8 where they live. Without --zone, VERDICTS_TIME_ZONE is meant."""
    if (at is None) != now:
        raise UsageError("Say either --at TIME or --now.", mend='Write it like --at "2026-11-27 09:00".')
    with open_product() as product:
        when = None if at is None else scheduling.read_time(at, zone or product.settings.time_zone)
        done = scheduling.schedule(
            product,
            Week.parse(week),
            send_at=when,
            percent_per_hour=percent_per_hour,
            local_hour=local_hour,
            actor=COMMAND_LINE,
        )
    return status_report(done)


def deliveries(week: str, *, state: DeliveryState | None = None, limit: Count = 50) -> Report:
    """Every recipient's mail with the last word on it: the provider's answer, or its newest event."""
    with open_product() as product:
        wanted = Week.parse(week)
        sending.status(product, wanted)  # an edition that there is none of is told apart from one without rows
        with product.database.read() as connection:
            found = events.last_words(connection, wanted, state=state, limit=limit)
    rows = [asdict(each) for each in found]
    return Report(data=rows, rows=[{**row, "answer": row["answer"][:80]} for row in rows])


def test(week: str, *, to: str) -> Report:
    """Send one mail of the edition as it stands to an address, outside the ledger. Its links belong to nobody."""
    with open_product() as product:
        subject = rehearsing.send_test(product, Week.parse(week), to, actor=COMMAND_LINE)
    return Report(data={"to": to, "subject": subject}, text=f"{subject} is on its way to {to}.")


def figures(week: str) -> Report:
    """What became of an edition: delivered, clicks by people, unsubscribes; and of each comparison."""
    with open_product() as product:
        found = counting.figures(product, Week.parse(week))
    data = asdict(found)
    totals = {name: value for name, value in data.items() if name not in ("comparisons", "best_of")}
    told = [("", each) for each in found.comparisons] + [("Best-of: ", each) for each in found.best_of]
    lines = [f"{where}{each.slug}: {each.clickers} clicked, {each.votes} votes" for where, each in told]
    return Report(data=data, rows=[totals], text="\n".join(lines))


def reconcile() -> Report:
    """Fill the gaps of what the provider reported from its logs and lists, and settle what is uncertain."""
    with open_product() as product:
        done = reconciling.reconcile(product)
    text = f"{done.missing} missing events, {done.settled} batches settled, {done.uncertain} still uncertain."
    return Report(data=asdict(done), rows=None, text="\n".join([text, *done.problems]), ok=not done.problems)


COMMANDS: tuple[Callable[..., Report], ...] = (
    status,
    settle,
    retry,
    cancel,
    schedule,
    deliveries,
    test,
    figures,
    reconcile,
)
