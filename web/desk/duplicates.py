"""Same tool? Questions that ingestion could not decide, two tools side by side, and the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from app import curating, questions
from app.questions import Answer
from core.errors import Refused, StaleVersion
from web.desk.room import EDITORS, Desk, DeskRoute, Undo, Visit

_AFTER = re.compile(r"([0-9.e+-]{1,30})~([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        return [
            route("/desk/duplicates", roles=EDITORS, show=self.listed),
            route("/desk/bulk/duplicates", roles=EDITORS, act=self.preview),
            route("/desk/bulk/duplicates/do", roles=EDITORS, act=self.tell_apart),
            route("/desk/duplicates/{question}", roles=EDITORS, show=self.show, act=self.answer),
            route("/desk/duplicates/{question}/again", roles=EDITORS, act=self.again),
        ]

    def listed(self, visit: Visit) -> Response:
        """Open questions, the surest first."""
        found = questions.open_questions(self.desk.product, after=_after(visit.text("after")))
        shown = found[: questions.A_PAGE]
        more = f"{shown[-1].score!r}~{shown[-1].id}" if len(found) > len(shown) else ""
        return self.desk.page(visit, "duplicates.html", questions=shown, more=more, first=not visit.text("after"))

    def preview(self, visit: Visit) -> Response:
        """Which pairs would be told apart, before any is."""
        found = questions.some(self.desk.product, _numbers(visit.picked()))
        if not found:
            raise Refused("No open question was ticked.", mend="Go back and tick some rows.")
        return self.desk.page(visit, "duplicates_many.html", pairs=found)

    def tell_apart(self, visit: Visit) -> Response:
        """Do it to the pairs as they were previewed: `pick:number` holds both versions, as `ada~3 bea~1`."""
        seen = {at: _seen(visit.form[f"pick:{at}"]) for at in _numbers(visit.picked())}
        done = curating.tell_apart(self.desk.product, seen, actor=visit.who.person.email)
        said = f"{done.done} {'pair stays' if done.done == 1 else 'pairs stay'} apart."
        said += "".join(f" Left out, {name}: {why}" for name, why in done.left_out[:5])
        return self.desk.done(visit, to="/desk/duplicates", said=said)

    def show(self, visit: Visit) -> Response:
        """One question, with everything to decide it by."""
        return self._sheet(visit, visit.number("question"))

    def _sheet(self, visit: Visit, at: int, *, problem: str = "", status: int = 200) -> Response:
        sheet = questions.show(self.desk.product, at)
        following = questions.following(self.desk.product, sheet.question)
        return self.desk.page(visit, "duplicate.html", sheet=sheet, following=following, problem=problem, status=status)

    def answer(self, visit: Visit) -> Response:
        """Settle it, and go on to the next one."""
        at, product = visit.number("question"), self.desk.product
        question = questions.show(product, at).question
        following = questions.following(product, question)
        if question.answer != "open":
            who = question.answered_by or "Somebody"
            return self._sheet(visit, at, problem=f"{who} has answered already: {question.answer}.", status=409)
        said, _, chosen = visit.text("answer").partition(":")
        if said not in set(Answer):
            raise Refused("No answer was chosen.", mend="Press one of the buttons.")
        try:
            done = questions.answer(
                product,
                at,
                Answer(said),
                chosen=chosen,
                seen=_versions(visit),
                actor=visit.who.person.email,
            )
        except StaleVersion as stale:
            return self._sheet(visit, at, problem=stale.on_page, status=409)
        to = f"/desk/duplicates/{following}" if following else "/desk/duplicates"
        undo = Undo(address=f"/desk/duplicates/{at}/again", label="Take it back")
        return self.desk.done(visit, to=to, said=f"{done.said}.", undo=undo)

    def again(self, visit: Visit) -> Response:
        """Take an answer back."""
        at = visit.number("question")
        said = questions.take_back(self.desk.product, at, actor=visit.who.person.email)
        return self.desk.done(visit, to=f"/desk/duplicates/{at}", said=f"{said}.")


def _versions(visit: Visit) -> dict[str, int]:
    """The versions of the tools as the page showed them: fields `seen:slug`."""
    return {
        name.removeprefix("seen:"): int(value)
        for name, value in visit.form.items()
        if name.startswith("seen:") and value.isascii() and value.isdigit() and len(value) < 10  # noqa: PLR2004 - digits
    }


def _numbers(words: list[str]) -> list[int]:
    return [int(each) for each in words if each.isascii() and each.isdigit() and len(each) < 19][:500]  # noqa: PLR2004 - digits of a row's number


def _seen(text: str) -> dict[str, int]:
    parts = (each.partition("~") for each in text.split())
    return {slug: int(version) for slug, _, version in parts if version.isascii() and version.isdigit()}


def _after(text: str) -> tuple[float, int] | None:
    if not text:
        return None
    found = _AFTER.fullmatch(text)
    try:
        return (float(found[1]), int(found[2])) if found else _lost()
    except ValueError:
        return _lost()


def _lost() -> tuple[float, int]:
    raise HTTPException(404)
