"""Editions: the composer with its order, words and previews, and what was approved, to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app import arranging, composing, rehearsing
from app.arranging import Arrangement, Words
from core.comparison import SEPARATOR
from core.edition import Edition, Frozen
from core.errors import Conflict, NotFound, Refused, RenderError, StaleVersion, UsageError, VerdictsError
from core.week import Week
from digest.compose import PREHEADER_LENGTH, SUBJECT_LENGTH
from web.desk.comparisons import OF_MAIL, framed
from web.desk.paging import page
from web.desk.room import EDITORS, Desk, DeskRoute, Undo, Visit

_DIGITS = 6
_UNDO_LIMIT = 900  # characters; signed and in base64 they must fit into a cookie of 4 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Editions:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        one = "/desk/editions/{week}"
        return [
            route("/desk/editions", roles=EDITORS, show=self.listed, act=self.assemble),
            route(one, roles=EDITORS, show=self.show, act=self.act),
            route(f"{one}/anew", roles=EDITORS, act=self.anew),
            route(f"{one}/html", roles=EDITORS, show=self.show_html),
            route(f"{one}/text", roles=EDITORS, show=self.show_text),
        ]

    def listed(self, visit: Visit) -> Response:
        """Editions in any state, the newest first."""
        after = visit.text("after")
        if after and not (after.isascii() and after.isdigit() and len(after) < 10):  # noqa: PLR2004 - digits of a number
            raise HTTPException(404)
        rows = arranging.listed(self.desk.product, below=int(after) if after else None)
        shown = page("/desk/editions", rows, size=arranging.A_PAGE, behind=lambda row: row.number, kept={}, after=after)
        now = self.desk.product.now
        weeks = [Week.of(now), Week.of(now + timedelta(days=7))]
        there = {row.week for row in rows}
        return self.desk.page(visit, "editions.html", page=shown, weeks=[each for each in weeks if each not in there])

    def assemble(self, visit: Visit) -> Response:
        """Begin a week's edition with the strongest of what is approved."""
        week = _week(visit.text("week"))
        made = composing.assemble(self.desk.product, week)
        return self.desk.done(visit, to=f"/desk/editions/{week}", said=f"{len(made.comparisons)} comparisons are in.")

    def show(self, visit: Visit) -> Response:
        """The composer; after approval what was approved."""
        return self._sheet(visit)

    def _sheet(self, visit: Visit, *, status: int = 200, problem: str = "") -> Response:
        """With a problem what was typed is shown again, beside what stands there now."""
        sheet = arranging.show(self.desk.product, _week(visit.word("week")))
        given = {"subject": sheet.edition.subject, "preheader": sheet.edition.preheader, "intro": sheet.edition.intro}
        typed = {name: visit.form.get(name, given[name]) for name in given} if problem else given
        return self.desk.page(
            visit,
            "edition_desk.html",
            status=status,
            sheet=sheet,
            edition=sheet.edition,
            problem=problem,
            typed=typed,
            best=(SUBJECT_LENGTH, PREHEADER_LENGTH),
        )

    def act(self, visit: Visit) -> Response:
        """Whatever button is pressed, the words and the order in the form are kept first: nothing typed is lost."""
        week, product = _week(visit.word("week")), self.desk.product
        act, _, slug = visit.text("act").partition(":")
        try:
            before = arranging.show(product, week)
            if not before.draft:
                return self._settled(visit, before)
            if act == "approve":
                _require_standing(before)
            order = _moved(_placed(visit, before.edition.comparisons), act, slug)
            words = _words(visit, before.edition)
            done = arranging.arrange(
                product, week, version=visit.number("version"), order=order, words=words, email=visit.who.person.email
            )
            return self._go_on(visit, act, before=before.edition, done=done)
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page)
        except Conflict as conflict:
            return self._sheet(visit, status=409, problem=conflict.on_page)
        except (Refused, RenderError) as refusal:
            return self._sheet(visit, status=400, problem=refusal.on_page)

    def _go_on(self, visit: Visit, act: str, *, before: Edition, done: Edition) -> Response:
        changed = done.version != before.version
        if act == "approve":
            return self._approve(visit, done, changed=changed)
        if act == "test":
            return self._test(visit, done)
        said = "Kept." if changed else "Nothing was changed."
        return self._done(visit, done, said, undo=_undo(before, done) if changed else None)

    def _settled(self, visit: Visit, sheet: Arrangement) -> Response:
        """Pressed twice, or by two: whoever approved did it for both."""
        if visit.text("act") != "approve":
            raise Refused(f"Edition {sheet.edition.week} is {sheet.edition.state}; nothing of it can be changed.")
        return self._done(visit, sheet.edition, f"It is approved already, by {sheet.edition.approved_by}.")

    def _approve(self, visit: Visit, done: Edition, *, changed: bool) -> Response:
        if changed:
            return self._done(visit, done, "Kept what you changed. Look at the previews once more, then approve.")
        if not visit.text("sure"):
            raise Refused(
                "Approving freezes the mail.", mend="Tick that you have looked at the previews, then approve."
            )
        frozen = arranging.approve(self.desk.product, done.week, version=done.version, email=visit.who.person.email)
        return self._done(
            visit, frozen, f"Approved: exactly this goes out to readers. {len(frozen.comparisons)} are in."
        )

    def _test(self, visit: Visit, done: Edition) -> Response:
        me = visit.who.person.email
        subject = rehearsing.send_test(self.desk.product, done.week, me, actor=me)
        return self._done(visit, done, f"“{subject}” is on its way to {me}.")

    def _done(self, visit: Visit, edition: Edition, said: str, *, undo: Undo | None = None) -> Response:
        return self.desk.done(visit, to=f"/desk/editions/{edition.week}", said=said, undo=undo)

    def anew(self, visit: Visit) -> Response:
        """Let the assembler choose again."""
        week = _week(visit.word("week"))
        try:
            before = arranging.show(self.desk.product, week).edition
            done = arranging.assemble_anew(
                self.desk.product, week, version=visit.number("version"), email=visit.who.person.email
            )
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page)
        return self._done(visit, done, f"{len(done.comparisons)} comparisons are in.", undo=_undo(before, done))

    def show_html(self, visit: Visit) -> Response:
        """The mail, for a frame."""
        try:
            return framed(self._preview(visit).html, policy=OF_MAIL)
        except RenderError as error:
            return framed(f"<p>{_escaped(error)}</p>", policy=OF_MAIL)

    def show_text(self, visit: Visit) -> Response:
        """Its text part."""
        try:
            text = self._preview(visit).text
        except RenderError as error:
            text = error.on_page
        headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Content-Security-Policy": OF_MAIL}
        return HTMLResponse(text, headers=headers, media_type="text/plain")

    def _preview(self, visit: Visit) -> Frozen:
        """With `best-of` among the address's parameters, what monthly readers get."""
        show = arranging.preview_best_of if visit.text("best-of") else arranging.preview
        return show(self.desk.product, _week(visit.word("week")))


def _escaped(error: VerdictsError) -> str:
    return error.on_page.replace("&", "&amp;").replace("<", "&lt;")


def _week(text: str) -> Week:
    try:
        return Week.parse(text)
    except UsageError as error:
        raise NotFound(error.message, mend=error.mend) from None


def _require_standing(sheet: Arrangement) -> None:
    names = [f"{each.line.a_name} vs {each.line.b_name}" for each in sheet.slots if not each.standing]
    if names:
        raise StaleVersion(
            f"{', '.join(names)} changed since the approval.",
            mend="Approve it again, or take it out; then approve this.",
        )


def _words(visit: Visit, edition: Edition) -> Words:
    """What the form says; what it does not hold stays."""
    form = visit.form
    return Words(
        subject=form.get("subject", edition.subject),
        preheader=form.get("preheader", edition.preheader),
        intro=form.get("intro", edition.intro),
    )


def _placed(visit: Visit, order: Sequence[str]) -> list[str]:
    """The order as the form has it: fields `place:slug`; without any the present one."""
    places = {name.removeprefix("place:"): value for name, value in visit.form.items() if name.startswith("place:")}
    if not places:
        return list(order)
    number = {
        slug: int(each) if each.isascii() and each.isdigit() and len(each) < _DIGITS else 0
        for slug, each in places.items()
    }
    return sorted(places, key=lambda slug: number[slug])


def _moved(order: list[str], act: str, slug: str) -> list[str]:
    """The order after one button."""
    if act == "in" and slug not in order:
        if slug.count(SEPARATOR) != 1:
            raise Refused("There is no such comparison.", mend="Put in one of those that wait.")
        return [*order, slug]
    if slug not in order:
        return order
    rest, at = [each for each in order if each != slug], order.index(slug)
    if act == "out":
        return rest
    if act in ("up", "down", "top"):
        to = 0 if act == "top" else max(0, at - 1) if act == "up" else at + 1
        return [*rest[:to], slug, *rest[to:]]
    return order


def _undo(before: Edition, done: Edition) -> Undo | None:
    """Back to the order and the words before; None when that would not fit into a cookie (the log has it all)."""
    fields = {f"place:{slug}": str(place) for place, slug in enumerate(before.comparisons, start=1)}
    for name in ("subject", "preheader", "intro"):
        if getattr(before, name) != getattr(done, name):
            fields[name] = getattr(before, name)
    if not before.comparisons or sum(len(name) + len(value) for name, value in fields.items()) > _UNDO_LIMIT:
        return None
    address = f"/desk/editions/{done.week}"
    return Undo(address=address, label="Put it back", fields={**fields, "version": str(done.version)})
