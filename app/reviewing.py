"""The panel: invite people, claim a seat, decline it, submit a verdict."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from email_validator import EmailNotValidError, validate_email

from app.tokens import SIGN_IN_LASTS, new_secret
from app.wiring import Product
from core.errors import NotFound, Refused, StaleFence
from core.panel import Basis, Decision, DeclineReason, Lease, Lens, Person, Role, SeatRow, Tally
from core.text import clean
from core.tool import Tool, ToolStatus
from review.tally import tally
from store import audit, people, reviews, sessions, tools

QUOTE_LIMIT = 4000
"""Characters; far above the 150 words that are suggested, far below what would hurt a page."""

_LATER = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A person who may now sign in, and the link that does it once."""

    person: Person
    sign_in_url: str


def keep_lenses(product: Product, lenses: Collection[Lens]) -> None:
    """Add lenses or bring them up to date; tools that wait get the new seats."""
    with product.database.write() as connection:
        people.keep_lenses(connection, sorted(lenses, key=lambda lens: lens.position))
        tools.seat_queued(connection)


def invite(
    product: Product,
    email: str,
    *,
    roles: Collection[Role],
    lenses: Collection[str] = (),
    name: str = "",
    machine: bool = False,
    actor: str,
) -> Invitation:
    """Add a person, or give a known one more roles and lenses, with a sign-in link for 15 minutes.

    Raises Refused for an address that is none, for a reviewer without a lens, and for a person invited as a program;
    NotFound for an unknown lens.
    """
    address = checked_address(email)
    if Role.REVIEWER in roles and not lenses:
        raise Refused("A reviewer needs at least one lens.", mend="Add --lens, for instance --lens skeptic.")
    token, hashed = new_secret()
    now = product.now
    with product.database.write() as connection:
        if machine:
            _require_no_human(connection, address)
        person = people.invite(
            connection,
            email=address,
            name=clean(name, limit=100),
            roles=roles,
            lenses=lenses,
            machine=machine,
            now=now,
        )
        sessions.keep_link(connection, at=person.id, token_hash=hashed, now=now, expires=now + SIGN_IN_LASTS)
        given = {"roles": sorted(person.roles), "lenses": list(person.lenses)}
        audit.note(connection, now=now, actor=actor, action="person.invite", subject=f"person:{address}", after=given)
    return Invitation(person=person, sign_in_url=f"{product.settings.base_url}/desk/sign-in/{token}")


def _require_no_human(connection: Any, address: str) -> None:
    """A person does not become a program: their verdicts up to now would carry no label, or a wrong one."""
    with suppress(NotFound):
        if not people.find(connection, address).machine:
            raise Refused(f"{address} is known as a person.", mend="Give the program an address of its own.")


def checked_address(email: str) -> str:
    """An address as it is written in mails. Raises Refused for what cannot be one."""
    try:
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        shown = clean(email, limit=80)
        raise Refused(f"{shown!r} is not an e-mail address: {error}", mend="Write it like name@example.com.") from None


def require_editor(connection: Any, email: str) -> Person:
    """The person with this address. Raises NotFound, and Refused for a program or somebody who is no editor."""
    person = people.find(connection, email)
    if Role.EDITOR not in person.roles:
        raise Refused(f"{person.email} is not an editor.", mend="Invite them with --role editor.")
    if person.machine:
        raise Refused(f"{person.email} is a program.", mend="What is published has been read by a person.")
    return person


def everybody(product: Product) -> list[Person]:
    """All people, by address."""
    with product.database.read() as connection:
        return people.everybody(connection)


def queue(product: Product, *, email: str | None = None, limit: int = 50) -> list[SeatRow]:
    """Waiting seats in the order in which they are given out; those of one reviewer's lenses when named."""
    with product.database.read() as connection:
        lenses = people.find(connection, email).lenses if email else None
        return reviews.queue(connection, lenses=lenses, limit=limit, now=product.now)


def judged_lenses(product: Product, tool: str) -> frozenset[str]:
    """Lenses from which a verdict on this tool is in. It says nothing about what they say."""
    with product.database.read() as connection:
        found = tools.find(connection, tool)
        return frozenset(each.lens for each in reviews.verdicts(connection, [found.id]).get(found.id, ()))


def claim(product: Product, email: str, *, lens: str | None = None, tool: str | None = None) -> Lease:
    """The next seat for a reviewer, of one lens or tool when named. Raises NotFound when none waits, and Refused."""
    now = product.now
    until = now + timedelta(minutes=product.settings.seat_minutes)
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), lens)
        wanted = None if tool is None else tools.find(connection, tool).id
        lenses = reviewer.lenses if lens is None else (lens,)
        lease = reviews.claim(connection, reviewer, lenses=lenses, tool_id=wanted, now=now, until=until)
    if lease is None:
        of_tool = f" of {tool}" if tool else ""
        raise NotFound(
            f"No seat{of_tool} waits for {', '.join(lenses)}.", mend="`verdicts queue list` shows what does."
        )
    return lease


def _reviewer(person: Person, lens: str | None) -> Person:
    if Role.REVIEWER not in person.roles:
        raise Refused(f"{person.email} is not a reviewer.", mend="Invite them with --role reviewer and a lens.")
    if lens is not None and lens not in person.lenses:
        raise Refused(f"{person.email} does not look through the lens {lens!r}.", mend=f"Theirs: {_list(person)}.")
    return person


def _list(person: Person) -> str:
    return ", ".join(person.lenses) or "none"


def decline(product: Product, email: str, seat: int, *, reason: DeclineReason) -> list[str]:
    """Leave a seat to others; "later" brings it back after a week, a conflict of interest ends it for the whole tool.

    Returns the lenses of the tool that now nobody is left for (an alarm).
    """
    now = product.now
    until = now + _LATER if reason is DeclineReason.LATER else None
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        tool = reviews.turn_down(connection, reviewer, seat, reason=reason, now=now, until=until)
        audit.note(
            connection, now=now, actor=reviewer.email, action="seat.decline", subject=f"seat:{seat}", after=reason
        )
        return reviews.abandoned_lenses(connection, tool, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What a submit did: the tool, and its panel so far."""

    tool: str
    tally: Tally


def submit(
    product: Product,
    email: str,
    *,
    seat: int,
    fence: int,
    decision: Decision,
    quote: str,
    basis: Basis,
    disclosure: str = "",
) -> Submitted:
    """Submit a verdict from a claimed seat. Raises StaleFence when the lease was lost; the words stay as a draft."""
    words = _quote(quote)
    said = clean(disclosure, limit=500)
    now = product.now
    try:
        with product.database.write() as connection:
            reviewer = _reviewer(people.find(connection, email), None)
            tool_id = reviews.submit(
                connection,
                reviewer,
                seat_id=seat,
                fence=fence,
                decision=decision,
                quote=words,
                basis=basis,
                disclosure=said,
                now=now,
            )
            _require_reviewable(tools.get(connection, [tool_id])[tool_id], seat)
            result = tally(reviews.verdicts(connection, [tool_id])[tool_id], quorum=product.settings.quorum)
            reviews.settle_panel(connection, tool_id, submitted=result.total, closed=result.closed, now=now)
            slug = tools.get(connection, [tool_id])[tool_id].slug
            audit.note(
                connection,
                now=now,
                actor=reviewer.email,
                action="verdict.submit",
                subject=f"tool:{slug}",
                after={"seat": seat, "verdict": decision, "basis": basis, "quote": words},
            )
    except StaleFence:
        _keep_draft(product, email, seat=seat, decision=decision, quote=words, basis=basis, disclosure=said)
        raise
    return Submitted(tool=slug, tally=result)


def _require_reviewable(found: Tool, seat: int) -> None:
    """Raise StaleFence, which keeps the words, when the tool was taken out of review under the reviewer's hands."""
    if found.status in (ToolStatus.REJECTED, ToolStatus.MERGED):
        raise StaleFence(
            f"Seat {seat} is closed: {found.slug} was {found.status} meanwhile.",
            mend="Your text is kept; claim another seat with `verdicts queue claim`.",
        )


def _keep_draft(
    product: Product, email: str, *, seat: int, decision: Decision, quote: str, basis: Basis, disclosure: str
) -> None:
    with product.database.write() as connection:
        reviews.save_draft(
            connection,
            people.find(connection, email),
            seat_id=seat,
            decision=decision,
            quote=quote,
            basis=basis,
            disclosure=disclosure,
            now=product.now,
        )


def _quote(text: str) -> str:
    if len(text) > QUOTE_LIMIT:
        raise Refused(
            f"The quote has {len(text)} characters; {QUOTE_LIMIT} is the limit.", mend="20 to 150 words read best."
        )
    words = clean(text, limit=QUOTE_LIMIT)
    if not words:
        raise Refused("A verdict needs a quote.", mend="Say in 20 to 150 words why.")
    return words
