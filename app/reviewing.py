"""The panel: invite people, claim a seat, decline it, submit a verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.tokens import SIGN_IN_LASTS, new_secret
from app.wiring import Product
from core.errors import NotFound, Refused, StaleFence, StaleVersion
from core.panel import (
    Basis,
    Decision,
    DeclineReason,
    Draft,
    Lease,
    Lens,
    Person,
    Role,
    Said,
    Seat,
    SeatRow,
    SeatState,
    Tally,
    VerdictState,
)
from core.sighting import Seen
from core.text import clean
from core.tool import Tool, ToolDossier, ToolStatus
from review.blind import Viewer, Visible, visible
from review.queue import due_at
from review.tally import tally
from store import audit, panels, people, reviews, sessions, tools, versions
from store.versions import Relative

QUOTE_LIMIT = 4000
"""Characters; far above the 150 words that are suggested, far below what would hurt a page."""

DISCLOSURE_LIMIT = 500
DRAFT_LIMIT = 20_000
"""Characters of a draft: what is too long for a verdict is kept all the same until it is shortened."""

_LATER = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A person who may now sign in, and the link that does it once."""

    person: Person
    sign_in_url: str


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


def checked_address(email: str, *, new: bool = True) -> str:
    """An address as it is written in mails. Raises Refused for what cannot be one, and, where it is `new`, for one that
    not every mail server takes: letters beyond ASCII before the @ need SMTPUTF8 (RFC 6531) all along the way."""
    if not email.strip():
        raise Refused("There is no e-mail address.", mend="Write it like name@example.com.")
    # Its tables cost 30 ms, and most commands meet no new address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        return validate_email(
            email, check_deliverability=False, test_environment=True, allow_smtputf8=not new
        ).normalized
    except EmailNotValidError as error:
        shown, why = clean(email, limit=80), str(error)
        raise Refused(
            f"{shown!r} is not an e-mail address that we can use: {why[:1].lower()}{why[1:]}",
            mend="Write it like name@example.com.",
        ) from None


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


def give_due_dates(product: Product, connection: Any) -> None:
    """Let what has come into the queue without a due date have one, in the transaction that brought it or later."""
    reviews.give_due_dates(connection, due=due_at(product.now, days=product.settings.due_days))


def claim(
    product: Product, email: str, *, lens: str | None = None, tool: str | None = None, seat: int | None = None
) -> Lease:
    """The next seat for a reviewer, of one lens or tool, or one seat, when named.

    Raises NotFound when none waits, and Refused when it is not theirs to have.
    """
    now = product.now
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), lens)
        give_due_dates(product, connection)
        wanted = None if tool is None else tools.find(connection, tool).id
        lenses = reviewer.lenses if lens is None else (lens,)
        lease = reviews.claim(
            connection, reviewer, lenses=lenses, tool_id=wanted, seat_id=seat, now=now, until=_lease_end(product)
        )
        if lease is None and seat is not None:
            wanted = reviews.get_seat(connection, seat).tool
        why = "" if lease or wanted is None else reviews.why_not(connection, reviewer, wanted)
    if lease is not None:
        return lease
    if why:
        raise Refused(f"That seat is not yours to have. {why}", mend="Take another one from the queue.")
    of_tool = f" of {tool}" if tool else ""
    what = f"Seat {seat} does not wait" if seat is not None else f"No seat{of_tool} waits"
    raise NotFound(f"{what} for {', '.join(lenses)}.", mend="`verdicts queue list` shows what does.")


def _lease_end(product: Product) -> datetime:
    return product.now + timedelta(minutes=product.settings.seat_minutes)


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


def take_back_decline(product: Product, email: str, seat: int) -> None:
    """Let a declined seat be offered to the reviewer again. Raises Refused after a conflict of interest."""
    now = product.now
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        if reviews.take_back_decline(connection, reviewer, seat):
            subject = f"seat:{seat}"
            audit.note(connection, now=now, actor=reviewer.email, action="seat.decline_undone", subject=subject)


class StaleDraft(StaleVersion):
    """Another tab has saved other words; neither was overwritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What a submit did: the tool, and its panel so far."""

    tool: str
    name: str
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
    looks: bool = False,
    over: Draft | None = None,
) -> Submitted:
    """Submit a verdict from a claimed seat. Raises StaleFence when the lease was lost; the words stay as a draft.

    `over` are the words as they were typed, with the version of the draft that they were written over: raises
    StaleVersion when another tab has saved other words since, and nothing is submitted or overwritten.

    Whoever shows the reviewer what the panel says so far says that they `look`: when somebody else's verdict is in, it
    is written down, and from then on theirs can be revised, but not withdrawn, and they fill no other seat of it. The same words from the same hands twice are one verdict.
    """
    words = _quote(quote)
    said = _disclosure(disclosure)
    now = product.now
    try:
        with product.database.write() as connection:
            reviewer = _reviewer(people.find(connection, email), None)
            _require_newest(connection, reviewer, over)
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
            result = _tally(product, connection, tool_id)
            reviews.settle_panel(connection, tool_id, submitted=result.total, closed=result.closed, now=now)
            if looks:
                _look_at_others(connection, reviewer, tool_id, result, now=now)
            found = tools.get(connection, [tool_id])[tool_id]
            audit.note(
                connection,
                now=now,
                actor=reviewer.email,
                action="verdict.submit",
                subject=f"tool:{found.slug}",
                # Not what was said: the log is read by people who must not know it yet. The version says where it is.
                after={"seat": seat, "version": reviews.version_of(connection, seat)},
            )
    except (StaleFence, Refused):
        there = _pressed_twice(product, email, seat, words=(decision, words, basis, said), looks=looks)
        if there is not None:
            return there
        _keep_draft(product, email, seat=seat, decision=decision, quote=words, basis=basis, disclosure=said)
        raise
    return Submitted(tool=found.slug, name=found.name, tally=result)


def _tally(product: Product, connection: Any, tool: int) -> Tally:
    quorum = people.quorum_of(connection, tool, default=product.settings.quorum)
    return tally(reviews.verdicts(connection, [tool])[tool], quorum=quorum)


def _look_at_others(connection: Any, reviewer: Person, tool: int, shown: Tally, *, now: datetime) -> None:
    """Write down that somebody is shown this tally; one's own verdicts, from whatever seats, give nothing away."""
    mine = panels.said_on(connection, [tool], by=reviewer).get(tool, ())
    if shown.total > sum(each.state is VerdictState.SUBMITTED for each in mine):
        reviews.looks(connection, reviewer, [tool], now=now)


def _pressed_twice(
    product: Product, email: str, seat: int, *, words: tuple[Decision, str, Basis, str], looks: bool
) -> Submitted | None:
    """What the first press of the button did, when this is the second. It shows the panel like the first: who asks
    without `looks` first and with it then has looked."""
    with product.database.write() as connection:
        at = reviews.get_seat(connection, seat).tool
        reviewer = people.find(connection, email)
        mine = panels.said_on(connection, [at], by=reviewer).get(at, ())
        same = [each for each in mine if each.seat == seat and each.state is VerdictState.SUBMITTED]
        if [(each.decision, each.quote, each.basis, each.disclosure) for each in same] != [words]:
            return None
        result = _tally(product, connection, at)
        if looks:
            _look_at_others(connection, reviewer, at, result, now=product.now)
        found = tools.get(connection, [at])[at]
        return Submitted(tool=found.slug, name=found.name, tally=result)


def _require_newest(connection: Any, reviewer: Person, over: Draft | None) -> None:
    if over is None:
        return
    there = reviews.get_draft(connection, reviewer, over.seat)
    if there.version and there.version != over.version and there.words != over.words:
        raise StaleDraft("Your draft was saved elsewhere meanwhile.", mend="Choose which text to keep.")


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


def _disclosure(text: str) -> str:
    said = clean(text, limit=DISCLOSURE_LIMIT + 1)
    if len(said) > DISCLOSURE_LIMIT:
        raise Refused(
            f"The disclosure is longer than {DISCLOSURE_LIMIT} characters.", mend="Say in a sentence what ties you."
        )
    return said


# ------------------------------------------------------------ a seat and its draft


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSeat:
    """A seat as its reviewer has it before them: the tool with everything that is known of it, the lens, their own
    words, and of the panel what they may see."""

    seat: Seat
    lens: Lens
    dossier: ToolDossier
    sightings: tuple[Seen, ...]
    relatives: tuple[Relative, ...]
    merged_names: tuple[str, ...]
    draft: Draft
    mine: tuple[Said, ...]  # their verdicts from this seat, oldest first
    holding: bool
    lapsed: bool  # held on a lease that ran out; nobody has taken it yet
    held_by_another: bool
    may_claim: bool
    why_not: str
    looked: bool
    panel: Visible
    tally: Tally | None  # of what may be seen; None: nothing may
    quorum: int

    @property
    def standing(self) -> Said | None:
        """Their verdict that counts."""
        return next((each for each in self.mine if each.state is VerdictState.SUBMITTED), None)


def open_seat(product: Product, email: str, seat: int) -> OpenSeat:
    """Everything that a reviewer needs to judge. Raises NotFound, and Refused for a seat of a lens not theirs."""
    now = product.now
    with product.database.read() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        found = reviews.get_seat(connection, seat)
        mine = [each for each in _said_by(connection, reviewer, found.tool) if each.seat == seat]
        if found.lens not in reviewer.lenses and not mine:
            raise Refused(f"Seat {seat} looks through the lens {found.lens}.", mend=f"Yours: {_list(reviewer)}.")
        tool = tools.get(connection, [found.tool])[found.tool]
        holding = found.state is SeatState.LEASED and found.holder == reviewer.id
        live = found.lease_until is not None and found.lease_until > now
        others = found.state is SeatState.LEASED and not holding and live
        why = "" if holding or mine else reviews.why_not(connection, reviewer, found.tool)
        looked = reviews.has_looked(connection, reviewer, found.tool)
        shown = seen_by(connection, reviewer, found.tool)
        quorum = people.quorum_of(connection, found.tool, default=product.settings.quorum)
        return OpenSeat(
            seat=found,
            lens=next(each for each in people.lenses(connection) if each.key == found.lens),
            dossier=tools.dossier(connection, tool),
            sightings=tools.seen(connection, [tool.id]).get(tool.id, ()),
            relatives=versions.relatives(connection, tool.id),
            merged_names=tuple(panels.merged_names(connection, tool.id)),
            draft=reviews.get_draft(connection, reviewer, seat),
            mine=tuple(mine),
            holding=holding,
            lapsed=holding and not live,
            held_by_another=others,
            may_claim=not (holding or others or why) and found.state is not SeatState.SUBMITTED and found.waiting,
            why_not=why,
            looked=looked,
            panel=shown,
            tally=None if shown.hidden else tally(shown.verdicts, quorum=quorum),
            quorum=quorum,
        )


def lens_of(product: Product, seat: int) -> str:
    """Through which lens a seat looks. Raises NotFound."""
    with product.database.read() as connection:
        return reviews.get_seat(connection, seat).lens


def _said_by(connection: Any, reviewer: Person, tool: int) -> tuple[Said, ...]:
    return panels.said_on(connection, [tool], by=reviewer).get(tool, ())


def seen_by(connection: Any, viewer: Person, tool: int) -> Visible:
    """What somebody may see of the verdicts on a tool: the one way in which the desk shows any."""
    said = reviews.verdicts(connection, [tool]).get(tool, ())
    seats = {each.seat for each in _said_by(connection, viewer, tool) if each.state is VerdictState.SUBMITTED}
    return visible(
        said,
        viewer=Viewer(roles=viewer.roles, seats=frozenset(seats)),
        published=False,
        may_judge=Role.REVIEWER in viewer.roles and bool(reviews.may_judge(connection, viewer, [tool])),
    )


def shown_panel(product: Product, email: str, tool: int) -> Visible:
    """What somebody may see of the verdicts on a tool."""
    with product.database.read() as connection:
        return seen_by(connection, people.find(connection, email), tool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What saving a draft did. `lease_until` is None when the seat is not the reviewer's any more; the words are
    kept all the same."""

    version: int
    saved_at: datetime
    lease_until: datetime | None


def save_draft(product: Product, email: str, draft: Draft, *, fence: int) -> Saved:
    """Keep unfinished words over the version that was read (`draft.version`), and renew the lease of that claim.

    The same words twice are one saving. Raises StaleVersion when another tab was faster: nothing is overwritten.
    """
    if len(draft.quote) > DRAFT_LIMIT or len(draft.disclosure) > DRAFT_LIMIT:
        raise Refused(f"A draft holds {DRAFT_LIMIT} characters.", mend="20 to 150 words read best.")
    now = product.now
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        found = reviews.get_seat(connection, draft.seat)
        if found.lens not in reviewer.lenses and not _said_by(connection, reviewer, found.tool):
            raise Refused(f"Seat {draft.seat} looks through {found.lens}.", mend=f"Yours: {_list(reviewer)}.")
        held = reviews.renew(connection, reviewer, draft.seat, fence=fence, until=_lease_end(product))
        until = _lease_end(product) if held else None
        there = reviews.get_draft(connection, reviewer, draft.seat)
        if there.version and there.words == draft.words:
            return Saved(version=there.version, saved_at=there.saved_at or now, lease_until=until)
        _require_newest(connection, reviewer, draft)
        saved = reviews.save_draft(
            connection,
            reviewer,
            seat_id=draft.seat,
            decision=draft.decision,
            quote=draft.quote,
            basis=draft.basis,
            disclosure=draft.disclosure,
            now=now,
            version=draft.version,
        )
    return Saved(version=saved, saved_at=now, lease_until=until)


def drop_draft(product: Product, email: str, seat: int) -> None:
    """Forget the words on a seat that is not the reviewer's."""
    with product.database.write() as connection:
        reviews.drop_draft(connection, people.find(connection, email), seat)


# ------------------------------------------------------------ after the verdict


def look(product: Product, email: str, tools_seen: Sequence[int]) -> None:
    """Write down that a reviewer is shown the verdicts on these tools: from then on they judge none of them.

    Whoever is no reviewer leaves no trace: they judge nothing anyway.
    """
    now = product.now
    with product.database.write() as connection:
        viewer = people.find(connection, email)
        new = [at for at in tools_seen if not reviews.has_looked(connection, viewer, at)]
        if Role.REVIEWER in viewer.roles and new:
            reviews.looks(connection, viewer, new, now=now)
            for at in tools.get(connection, new).values():
                audit.note(connection, now=now, actor=viewer.email, action="panel.look", subject=f"tool:{at.slug}")


def show_panel(product: Product, email: str, seat: int) -> None:
    """Let a reviewer see the panel of a tool that they have judged; they cannot withdraw from then on.

    Raises Refused before their verdict is in.
    """
    with product.database.read() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        found = reviews.get_seat(connection, seat)
        submitted = found.state is SeatState.SUBMITTED and found.holder == reviewer.id
    if not submitted:
        raise Refused("You see the others' verdicts once yours is in.", mend="Submit from this seat first.")
    look(product, email, [found.tool])


def withdraw(product: Product, email: str, seat: int, *, version: int, reason: str = "") -> str:
    """Take a verdict back before having seen the others; its words are a draft again. Returns the tool's slug.

    Raises Refused after that, or when it is not theirs, and StaleVersion when it has changed since.
    """
    now = product.now
    with product.database.write() as connection:
        reviewer = _reviewer(people.find(connection, email), None)
        why = clean(reason, limit=DISCLOSURE_LIMIT)
        at = reviews.withdraw(
            connection, reviewer, seat, version=version, reason=why, now=now, until=_lease_end(product)
        )
        slug = resettle(product, connection, at)
        change: dict[str, Any] = {"before": {"seat": seat, "version": version}, "after": {"reason": why}}
        audit.note(
            connection, now=now, actor=reviewer.email, action="verdict.withdraw", subject=f"tool:{slug}", **change
        )
        return slug


def resettle(product: Product, connection: Any, tool: int) -> str:
    """Count a panel anew after a verdict was taken away. Returns the tool's slug."""
    quorum = people.quorum_of(connection, tool, default=product.settings.quorum)
    result = tally(reviews.verdicts(connection, [tool]).get(tool, ()), quorum=quorum)
    reviews.settle_panel(connection, tool, submitted=result.total, closed=result.closed, now=product.now, again=True)
    # A lens may have been added while the panel was closed.
    tools.seat_queued(connection, [tool])
    return tools.get(connection, [tool])[tool].slug


def revise(
    product: Product,
    email: str,
    *,
    seat: int,
    version: int,
    decision: Decision,
    quote: str,
    basis: Basis,
    disclosure: str = "",
    reason: str,
    over: Draft | None = None,
) -> str:
    """Say a verdict anew, with a reason; the old version is kept and shown. Returns the tool's slug.

    Where the tool stands in an approved comparison, that asks for approval again. Raises StaleVersion when the verdict
    has another version by now, the words kept as a draft, and Refused.
    """
    words, said, now = _quote(quote), _disclosure(disclosure), product.now
    why = clean(reason, limit=DISCLOSURE_LIMIT)
    try:
        if not why:
            raise Refused("A revision needs a reason.", mend="Say in a sentence what has changed.")
        with product.database.write() as connection:
            reviewer = _reviewer(people.find(connection, email), None)
            _require_newest(connection, reviewer, over)
            at = reviews.revise(
                connection,
                reviewer,
                seat_id=seat,
                version=version,
                decision=decision,
                quote=words,
                basis=basis,
                disclosure=said,
                reason=why,
                now=now,
            )
            found = tools.get(connection, [at])[at]
            _require_reviewable(found, seat)
            audit.note(
                connection,
                now=now,
                actor=reviewer.email,
                action="verdict.revise",
                subject=f"tool:{found.slug}",
                before={"seat": seat, "version": version},
                after={"version": version + 1, "reason": why},
            )
    except StaleDraft:
        raise
    except (StaleVersion, StaleFence, Refused) as refusal:
        if isinstance(refusal, StaleVersion):
            there = _pressed_twice(product, email, seat, words=(decision, words, basis, said), looks=False)
            if there is not None:
                return there.tool
        _keep_draft(product, email, seat=seat, decision=decision, quote=words, basis=basis, disclosure=said)
        raise
    return found.slug
