"""`verdicts people` beyond inviting and listing, `reminders` and `alarms`."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from app import alarming, reminding, staffing
from app.commands.panel import people
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.panel import Person, Role

reminders = App(name="reminders")
alarms = App(name="alarms")

DryRun = Annotated[bool, Parameter(name="--dry-run", negative="")]


@people.command
def change(
    email: str, *, role: list[Role] | None = None, lens: list[str] | None = None, name: str | None = None
) -> Report:
    """Give somebody exactly these roles, lenses or this name; what is not named stays as it is."""
    with open_product() as product:
        found = staffing.find(product, email)
        _, after = staffing.change(
            product,
            found.id,
            name=found.name if name is None else name,
            roles=found.roles if role is None else role,
            lenses=found.lenses if lens is None else lens,
            seen=staffing.mark(found),
            actor=COMMAND_LINE,
        )
    data = _data(after)
    return Report(data=data, text=f"{after.email}: {', '.join(data['roles']) or 'no role'}.")


@people.command
def deactivate(email: str) -> Report:
    """Let somebody in no more: sessions end, held seats are freed, drafts and verdicts stay."""
    with open_product() as product:
        found = staffing.find(product, email)
        done = staffing.deactivate(product, found.id, seen=staffing.mark(found), actor=COMMAND_LINE)
    data = {"email": done.person.email, "active": False, "sessions": done.sessions, "leases": done.leases}
    text = f"{done.person.email} cannot sign in any more: {done.sessions} sessions ended, {done.leases} seats freed."
    return Report(data=data, text=text)


@people.command
def reactivate(email: str) -> Report:
    """Let somebody in again, with the roles and lenses they had."""
    with open_product() as product:
        found = staffing.find(product, email)
        person = staffing.reactivate(product, found.id, seen=staffing.mark(found), actor=COMMAND_LINE)
    return Report(data=_data(person), text=f"{person.email} may sign in again.")


def _data(person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "name": person.name,
        "roles": sorted(person.roles),
        "lenses": list(person.lenses),
        "active": person.active,
    }


@reminders.command
def send(*, dry_run: DryRun = False) -> Report:
    """Remind everybody who is to be reminded now. With --dry-run it is only shown.

    Exit code 1 when a mail could not go out; the next run tries again.
    """
    with open_product() as product:
        done = reminding.remind(product, dry_run=dry_run)
    rows = [
        {
            "to": each.person.email,
            "tool": step.seat.tool_slug,
            "lens": step.seat.lens,
            "step": step.rung,
            "due": step.seat.due_at,
        }
        for each in done.digests
        for step in each.steps
    ]
    problems = [{"to": each.person.email, "problem": each.problem} for each in done.digests if each.problem]
    data = {"reminders": rows, "problems": problems, "reopened": [each.seat for each in done.reopened]}
    lines = [f"{each['to']} was not mailed: {each['problem']}" for each in problems]
    text = "\n".join(lines) or ("" if rows else "Nobody is to be reminded now.")
    return Report(data=data, rows=rows, text=text, ok=not problems)


@alarms.command(name="list")
def list_alarms(*, check: Annotated[bool, Parameter(negative="")] = False) -> Report:
    """What needs an operator now. With --check every invariant of the database is looked at, too."""
    with open_product() as product:
        found = alarming.look(product, thorough=True) if check else alarming.standing(product)
    rows = [
        {"alarm": each.title, "since": each.since, "seen by": each.acknowledged_by, "to do": each.mend}
        for each in found
    ]
    data = [
        {
            "key": each.key,
            "title": each.title,
            "words": each.words,
            "mend": each.mend,
            "since": each.since,
            "acknowledged_by": each.acknowledged_by or None,
        }
        for each in found
    ]
    return Report(data=data, rows=rows, text="" if rows else "Nothing needs you.")


@alarms.command(name="send")
def send_alarms(*, dry_run: DryRun = False) -> Report:
    """Mail operators what they were not mailed about within a day. With --dry-run it is only shown."""
    with open_product() as product:
        told = alarming.tell(product, dry_run=dry_run)
    rows = [{"to": each.person.email, "alarm": alarm.title} for each in told for alarm in each.alarms]
    problems = [{"to": each.person.email, "problem": each.problem} for each in told if each.problem]
    text = "\n".join(f"{each['to']} was not mailed: {each['problem']}" for each in problems)
    return Report(
        data={"alarms": rows, "problems": problems},
        rows=rows,
        text=text or ("" if rows else "Nobody is to be told anything now."),
        ok=not problems,
    )
