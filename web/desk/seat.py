"""A seat: the tool, the lens, and the form of the verdict, which is saved while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from starlette.responses import Response

from app import reviewing
from core.clock import to_iso
from core.errors import Conflict, NotFound, Refused, StaleFence, StaleVersion, VerdictsError
from core.panel import Basis, Decision, DeclineReason, Draft
from review.tally import is_split
from web.desk.room import REVIEWERS, Desk, DeskRoute, Undo, Visit

_Word = TypeVar("_Word", bound=StrEnum)

LOST = "Somebody else has this seat by now. Your text is kept, and the seat may come free again."
REASONS = {
    DeclineReason.NOT_MY_FIELD: "Not my field",
    DeclineReason.LATER: "Not now; offer it to me again in a week",
    DeclineReason.CONFLICT: "Conflict of interest: no seat of this tool, ever",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatPages:
    """Handlers of one seat."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        actions: dict[str, Callable[[Visit], Response]] = {
            "claim": self.claim,
            "draft": self.save,
            "draft/drop": self.drop,
            "submit": self.submit,
            "decline": self.decline,
            "decline/undo": self.take_back_decline,
            "panel": self.show_panel,
            "withdraw": self.withdraw,
            "revise": self.revise,
        }
        made = [self.desk.route("/desk/seats/{seat}", show=self.show, roles=REVIEWERS)]
        for name, act in actions.items():
            made.append(self.desk.route(f"/desk/seats/{{seat}}/{name}", act=act, roles=REVIEWERS))
        return made

    # ------------------------------------------------------------ the page

    def show(self, visit: Visit) -> Response:
        """The seat with what its reviewer has written so far."""
        found = self._open(visit)
        return self._page(visit, found, typed=_kept(found))

    def _open(self, visit: Visit) -> reviewing.OpenSeat:
        return reviewing.open_seat(self.desk.product, visit.who.person.email, visit.number("seat"))

    def _page(
        self,
        visit: Visit,
        found: reviewing.OpenSeat,
        *,
        typed: Draft,
        status: int = 200,
        problem: str = "",
        newer: Draft | None = None,
    ) -> Response:
        """The page with these words in its form. `newer`: what another tab has saved, to choose from."""
        return self.desk.page(
            visit,
            "seat.html",
            status=status,
            open=found,
            typed=typed,
            problem=problem,
            newer=newer,
            reasons=REASONS,
            why_revised=visit.text("reason") if visit.form else "",
            words=len(typed.quote.split()),
            split=found.tally is not None and is_split(found.tally),
            revising=visit.request.url.path.endswith("/revise"),
        )

    def _again(self, visit: Visit, error: VerdictsError) -> Response:
        """The form with everything that was typed, and what is the matter; nothing is lost."""
        found = self._open(visit)
        stale = isinstance(error, reviewing.StaleDraft)
        typed = replace(_read(visit), version=found.draft.version)
        message = LOST if isinstance(error, StaleFence) and not found.holding and not found.standing else error.on_page
        status = 409 if isinstance(error, Conflict) else 400
        newer = found.draft if stale else None
        return self._page(visit, found, typed=typed, status=status, problem=message, newer=newer)

    # ------------------------------------------------------------ before the verdict

    def claim(self, visit: Visit) -> Response:
        """This seat and no other."""
        seat = visit.number("seat")
        lens = reviewing.lens_of(self.desk.product, seat)
        reviewing.claim(self.desk.product, visit.who.person.email, lens=lens, seat=seat)
        return self.desk.done(visit, to=_at(seat), said="The seat is yours.")

    def save(self, visit: Visit) -> Response:
        """Keep the words: for the script as it goes, for the button with a word about it."""
        try:
            draft = _read(visit)
            saved = reviewing.save_draft(
                self.desk.product, visit.who.person.email, draft, fence=_number(visit, "fence")
            )
        except StaleVersion as stale:
            if not visit.by_script:
                return self._again(visit, reviewing.StaleDraft(stale.message, mend=stale.mend))
            newer = self._open(visit).draft
            return self.desk.json({"error": stale.message, "kind": "StaleVersion", "newer": _json(newer)}, status=409)
        except Refused as refused:
            if visit.by_script or not visit.form:
                raise
            return self._again(visit, refused)
        if visit.by_script:
            until = saved.lease_until
            held = None if until is None else to_iso(until)
            return self.desk.json({"version": saved.version, "lease_until": held, "lost": "" if held else LOST})
        said = "Your draft is saved." if saved.lease_until else f"Your draft is saved. {LOST}"
        return self.desk.done(visit, to=_at(draft.seat), said=said)

    def drop(self, visit: Visit) -> Response:
        """Forget a draft on a seat that is not the visitor's any more."""
        reviewing.drop_draft(self.desk.product, visit.who.person.email, visit.number("seat"))
        return self.desk.done(visit, to="/desk/mine", said="The draft is gone.")

    def submit(self, visit: Visit) -> Response:
        """The verdict; whatever is wrong with it, the words come back."""
        seat = visit.number("seat")
        try:
            typed, (decision, basis) = _read(visit), _chosen(visit)
            done = reviewing.submit(
                self.desk.product,
                visit.who.person.email,
                seat=seat,
                fence=_number(visit, "fence"),
                decision=decision,
                quote=typed.quote,
                basis=basis,
                disclosure=typed.disclosure,
                over=typed,
            )
        except NotFound:
            raise
        except VerdictsError as error:
            return self._again(visit, error)
        standing = self._open(visit).standing
        fields = {"version": str(standing.version)} if standing else {}
        undo = Undo(address=f"{_at(seat)}/withdraw", label="Withdraw it", fields=fields)
        return self.desk.done(visit, to=_at(seat), said=f"Your verdict on {done.name} is in.", undo=undo)

    def decline(self, visit: Visit) -> Response:
        """Leave the seat to others."""
        seat, reason = visit.number("seat"), _word(visit, "reason", DeclineReason, "Say why: choose a reason.")
        gone = reviewing.decline(self.desk.product, visit.who.person.email, seat, reason=reason)
        alarm = f" Nobody is left for {', '.join(gone)}: the operators see it." if gone else ""
        undo = Undo(address=f"{_at(seat)}/decline/undo", label="Take it back")
        return self.desk.done(
            visit,
            to="/desk/queue",
            said=f"Declined.{alarm}",
            undo=None if reason is DeclineReason.CONFLICT else undo,
        )

    def take_back_decline(self, visit: Visit) -> Response:
        """Offer it to the visitor again, and give it back while nobody else has it."""
        seat, email = visit.number("seat"), visit.who.person.email
        reviewing.take_back_decline(self.desk.product, email, seat)
        try:
            reviewing.claim(self.desk.product, email, lens=reviewing.lens_of(self.desk.product, seat), seat=seat)
        except (NotFound, Refused):
            return self.desk.done(visit, to="/desk/queue", said="It is offered to you again; it is not free just now.")
        return self.desk.done(visit, to=_at(seat), said="The seat is yours again.")

    # ------------------------------------------------------------ after it

    def show_panel(self, visit: Visit) -> Response:
        """What the others say; written down, since from then on the verdict cannot be withdrawn."""
        seat = visit.number("seat")
        reviewing.show_panel(self.desk.product, visit.who.person.email, seat)
        return self.desk.done(visit, to=f"{_at(seat)}#panel", said="This is the panel so far.")

    def withdraw(self, visit: Visit) -> Response:
        """Take the verdict back: its words are a draft again."""
        seat = visit.number("seat")
        reviewing.withdraw(
            self.desk.product,
            visit.who.person.email,
            seat,
            version=_number(visit, "version"),
            reason=visit.text("reason"),
        )
        return self.desk.done(visit, to=_at(seat), said="Your verdict is withdrawn; its words are a draft.")

    def revise(self, visit: Visit) -> Response:
        """A new version with a reason; whatever is wrong with it, the words come back."""
        seat = visit.number("seat")
        try:
            typed, (decision, basis) = _read(visit), _chosen(visit)
            reviewing.revise(
                self.desk.product,
                visit.who.person.email,
                seat=seat,
                version=_number(visit, "verdict"),
                decision=decision,
                quote=typed.quote,
                basis=basis,
                disclosure=typed.disclosure,
                reason=visit.text("reason"),
                over=typed,
            )
        except NotFound:
            raise
        except VerdictsError as error:
            return self._again(visit, error)
        return self.desk.done(visit, to=_at(seat), said="Your verdict is revised; the earlier version is kept.")


def _at(seat: int) -> str:
    return f"/desk/seats/{seat}"


def _kept(found: reviewing.OpenSeat) -> Draft:
    """What stands in the form: the draft, or else the verdict that could be revised."""
    if found.draft.version or found.standing is None:
        return found.draft
    said = found.standing
    return Draft(seat=said.seat, decision=said.decision, quote=said.quote, basis=said.basis, disclosure=said.disclosure)


def _read(visit: Visit) -> Draft:
    """What was typed, as it was typed but for what no database keeps: NUL and halves of characters."""
    return Draft(
        seat=visit.number("seat"),
        version=_number(visit, "version"),
        decision=_one_of(visit, "decision", Decision),
        quote=_plain(visit.form.get("quote", "")),
        basis=_one_of(visit, "basis", Basis),
        disclosure=_plain(visit.form.get("disclosure", "")),
    )


def _plain(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\x00", "")
    return lines.encode("utf-8", "ignore").decode()


def _number(visit: Visit, name: str) -> int:
    text = visit.text(name, "0") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - of an INTEGER
        raise Refused(f"{text[:20]!r} is no {name} of ours.", mend="Open the seat again; your draft is there.")
    return int(text)


def _one_of(visit: Visit, name: str, words: type[_Word]) -> _Word | None:
    text = visit.text(name)
    try:
        return words(text) if text else None
    except ValueError:
        raise Refused(f"{text[:20]!r} is no {name}.", mend=f"Choose {' or '.join(words)}.") from None


def _word(visit: Visit, name: str, words: type[_Word], otherwise: str) -> _Word:
    chosen = _one_of(visit, name, words)
    if chosen is None:
        raise Refused(otherwise)
    return chosen


def _chosen(visit: Visit) -> tuple[Decision, Basis]:
    return (
        _word(visit, "decision", Decision, "Choose ship or skip."),
        _word(visit, "basis", Basis, "Say what your verdict rests on: hands-on, or docs only."),
    )


def _json(draft: Draft) -> dict[str, Any]:
    return {
        "version": draft.version,
        "decision": draft.decision or "",
        "quote": draft.quote,
        "basis": draft.basis or "",
        "disclosure": draft.disclosure,
    }
