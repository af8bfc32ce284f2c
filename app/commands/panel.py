"""`verdicts people`, `queue`, `verdict`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from app import overseeing, reviewing
from app.commands import Count, RowId
from app.report import COMMAND_LINE, Report
from app.wiring import open_product
from core.panel import Basis, Decision, DeclineReason, Role

people = App(name="people")
queue = App(name="queue")
verdict = App(name="verdict")

As = Annotated[str, Parameter(name="--as")]


@people.command
def invite(
    email: str,
    *,
    role: list[Role],
    lens: list[str] | None = None,
    name: str = "",
    machine: Annotated[bool, Parameter(negative="")] = False,
) -> Report:
    """Add a person, or give a known one more roles and lenses. Prints a sign-in link for 15 minutes.

    With --machine the reviewer is a program, and its verdicts carry that label.
    """
    with open_product() as product:
        made = reviewing.invite(
            product, email, roles=role, lenses=lens or [], name=name, machine=machine, actor=COMMAND_LINE
        )
    text = f"{made.person.email} is invited. Sign-in link, good once within 15 minutes:\n{made.sign_in_url}"
    return Report(data={"email": made.person.email, "sign_in_url": made.sign_in_url}, text=text)


@people.command(name="list")
def list_people() -> Report:
    """Everybody with their roles and lenses."""
    with open_product() as product:
        found = reviewing.everybody(product)
    data = [
        {"email": each.email, "name": each.name, "roles": sorted(each.roles), "lenses": list(each.lenses)}
        for each in found
    ]
    rows = [{**each, "roles": ", ".join(each["roles"]), "lenses": ", ".join(each["lenses"])} for each in data]
    return Report(
        data=data, rows=rows, text="" if rows else "Nobody yet: `verdicts people invite EMAIL --role editor`."
    )


@queue.command(name="list")
def list_queue(*, as_: Annotated[str | None, Parameter(name="--as")] = None, limit: Count = 50) -> Report:
    """Waiting seats in the order in which they are given out; those of one reviewer with --as."""
    with open_product() as product:
        seats = reviewing.queue(product, email=as_, limit=limit)
    rows = [
        {
            "seat": each.id,
            "tool": each.tool_slug,
            "lens": each.lens,
            "state": each.state,
            "verdicts": each.submitted_on_panel,
            "priority": round(each.priority, 1),
            "holder": each.holder,
        }
        for each in seats
    ]
    return Report(data=rows, rows=rows, text="" if rows else "The queue is empty.")


@queue.command
def claim(*, as_: As, lens: str | None = None, tool: str | None = None) -> Report:
    """Claim the next seat, of one lens or tool when named."""
    with open_product() as product:
        lease = reviewing.claim(product, as_, lens=lens, tool=tool)
    data = {
        "seat": lease.seat,
        "tool": lease.tool_slug,
        "lens": lease.lens,
        "fence": lease.fence,
        "lease_until": lease.until,
    }
    text = f"Seat {lease.seat}: {lease.tool_slug} through {lease.lens}, fence {lease.fence}, until {lease.until:%H:%M} UTC."
    return Report(data=data, text=text)


@queue.command
def decline(seat: RowId, *, as_: As, reason: DeclineReason) -> Report:
    """Leave a seat to others."""
    with open_product() as product:
        abandoned = reviewing.decline(product, as_, seat, reason=reason)
    alarm = f" Nobody is left for: {', '.join(abandoned)}." if abandoned else ""
    data = {"seat": seat, "reason": reason, "lenses_without_reviewer": abandoned}
    return Report(data=data, text=f"Declined ({reason}).{alarm}")


@queue.command(name="break-lease")
def break_lease(seat: RowId, *, as_: As, fence: RowId, reason: str) -> Report:
    """Take a seat from whoever holds it, as an editor. Their draft stays; the reason is logged."""
    with open_product() as product:
        tool = overseeing.break_lease(product, as_, seat, fence=fence, reason=reason)
    return Report(data={"seat": seat, "tool": tool}, text=f"Seat {seat} of {tool} is free again.")


@verdict.command
def submit(
    *,
    as_: As,
    seat: RowId,
    fence: RowId,
    verdict: Decision,
    quote: str,
    basis: Basis,
    disclosure: str = "",
    blind: Annotated[bool, Parameter(negative="")] = False,
) -> Report:
    """Submit a verdict from a claimed seat.

    Prints what the panel says so far, after which the verdict can be revised but not withdrawn. With --blind it says
    nothing of the panel.
    """
    with open_product() as product:
        done = reviewing.submit(
            product,
            as_,
            seat=seat,
            fence=fence,
            decision=verdict,
            quote=quote,
            basis=basis,
            disclosure=disclosure,
            looks=not blind,
        )
    if blind:
        hidden = {"panel_ship": None, "count": None, "closed": None}
        return Report(data={"tool": done.tool, **hidden}, text=f"{done.tool}: your verdict is in.")
    tally = done.tally
    data = {"tool": done.tool, "panel_ship": tally.ship_percent, "count": tally.count, "closed": tally.closed}
    closed = "closed" if tally.closed else "open"
    return Report(data=data, text=f"{done.tool}: {tally.ship_percent} % ship, {tally.count}, panel {closed}.")


@verdict.command
def withdraw(*, as_: As, seat: RowId, version: RowId = 1, reason: str = "") -> Report:
    """Take a verdict back, as long as nobody has shown you the others'. Its words become a draft."""
    with open_product() as product:
        tool = reviewing.withdraw(product, as_, seat, version=version, reason=reason)
    return Report(data={"tool": tool, "seat": seat}, text=f"{tool}: withdrawn; your words are a draft.")


@verdict.command
def revise(
    *,
    as_: As,
    seat: RowId,
    version: RowId,
    verdict: Decision,
    quote: str,
    basis: Basis,
    reason: str,
    disclosure: str = "",
) -> Report:
    """Say a verdict anew, with a reason. The old version, which you name, is kept and shown."""
    with open_product() as product:
        tool = reviewing.revise(
            product,
            as_,
            seat=seat,
            version=version,
            decision=verdict,
            quote=quote,
            basis=basis,
            disclosure=disclosure,
            reason=reason,
        )
    data = {"tool": tool, "seat": seat, "version": version + 1}
    return Report(data=data, text=f"{tool}: revised, version {version + 1}.")
