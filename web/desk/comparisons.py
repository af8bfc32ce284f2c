"""Comparisons: what waits for approval, what has changed since, and one with its real page and mail block."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app import editing, previewing
from core.comparison import SEPARATOR, Cell, ComparisonState, ComparisonView
from core.errors import NotFound, Refused, StaleVersion
from web.desk.paging import page
from web.desk.room import EDITORS, Desk, DeskRoute, Undo, Visit
from web.pages import Pages

_A_PAGE = 50
_STATES = ("draft", "stale", "approved", "published", "retired")
# A preview stands in a frame of the desk's own page, runs nothing and loads nothing but our own style.
_OF_PAGE = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'"
OF_MAIL = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""A mail brings its style within itself; nothing else of it may do anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Handlers."""

    desk: Desk
    pages: Pages

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        one = "/desk/comparisons/{slug}"
        return [
            route("/desk/comparisons", roles=EDITORS, show=self.listed, act=self.look),
            route(one, roles=EDITORS, show=self.show),
            route(f"{one}/page", roles=EDITORS, show=self.show_page),
            route(f"{one}/mail", roles=EDITORS, show=self.show_mail),
            route(f"{one}/approve", roles=EDITORS, act=self.approve),
            route(f"{one}/withdraw", roles=EDITORS, act=self.withdraw),
            route(f"{one}/retire", roles=EDITORS, act=self.retire),
            route(f"{one}/back", roles=EDITORS, act=self.back),
        ]

    def listed(self, visit: Visit) -> Response:
        """Comparisons in a state, the newest first: drafts unless another is asked for."""
        asked = visit.text("state", "draft")
        state, after = asked if asked in _STATES else "draft", visit.text("after")
        if after and not (after.isascii() and after.isdigit() and len(after) < 19):  # noqa: PLR2004 - digits of a row's number
            raise HTTPException(404)
        rows, counts = editing.comparison_lines(
            self.desk.product,
            state=None if state == "stale" else ComparisonState(state),
            limit=_A_PAGE + 1,
            below=int(after) if after else None,
        )
        shown = page(
            "/desk/comparisons", rows, size=_A_PAGE, behind=lambda row: row.id, kept={"state": state}, after=after
        )
        return self.desk.page(visit, "comparisons.html", page=shown, state=state, states=_STATES, counts=counts)

    def look(self, visit: Visit) -> Response:
        """Look for changes since the approvals, now."""
        found = editing.look_for_changes(self.desk.product)
        said = f"{found} changed since they were approved." if found else "Nothing approved has changed."
        return self.desk.done(visit, to="/desk/comparisons?state=stale" if found else "/desk/comparisons", said=said)

    def show(self, visit: Visit) -> Response:
        """One comparison."""
        return self._sheet(visit)

    def _sheet(self, visit: Visit, *, status: int = 200, problem: str = "") -> Response:
        sheet = editing.show_comparison(self.desk.product, _slug(visit))
        ticked = set(visit.picked("read"))
        return self.desk.page(
            visit,
            "comparison_desk.html",
            status=status,
            sheet=sheet,
            machine=machine_cells(sheet.view) if sheet.unread else [],
            problem=problem,
            ticked=ticked,
        )

    def show_page(self, visit: Visit) -> Response:
        """The real page, of what would be published now."""
        view = editing.show_comparison(self.desk.product, _slug(visit)).view
        shown = previewing.page(self.desk.product, view)
        html = self.pages.html("comparison.html", path=None, view=view, page=shown)
        return framed(html, policy=_OF_PAGE)

    def show_mail(self, visit: Visit) -> Response:
        """A real mail with this comparison alone."""
        view = editing.show_comparison(self.desk.product, _slug(visit)).view
        return framed(previewing.mail(self.desk.product, view).html, policy=OF_MAIL)

    def approve(self, visit: Visit) -> Response:
        """Approve the version that was read; of a machine's verdicts each must be ticked."""
        slug, product = _slug(visit), self.desk.product
        view = editing.show_comparison(product, slug).view
        read = {key for key, _, _ in machine_cells(view)} <= set(visit.picked("read"))
        try:
            done = editing.approve_comparison(
                product, slug, email=visit.who.person.email, version=visit.number("version"), machine_read=read
            )
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page)
        except Refused as refusal:
            return self._sheet(visit, status=400, problem=refusal.on_page)
        undo = None
        if done.state is ComparisonState.APPROVED:
            address = f"/desk/comparisons/{done.slug}/withdraw"
            undo = Undo(address=address, label="Withdraw it", fields={"version": str(done.version)})
        return self._done(visit, done.slug, f"Approved at version {done.version}.", undo=undo)

    def withdraw(self, visit: Visit) -> Response:
        """Take the approval back."""
        version = visit.number("version")
        try:
            done = editing.withdraw_approval(
                self.desk.product, _slug(visit), email=visit.who.person.email, version=version
            )
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page)
        address = f"/desk/comparisons/{done.slug}/approve"
        undo = Undo(address=address, label="Approve it again", fields={"version": str(done.version)})
        return self._done(visit, done.slug, "Withdrawn: it is a draft again, and seen by nobody.", undo=undo)

    def retire(self, visit: Visit) -> Response:
        """Take it out of sight."""
        version = visit.number("version")
        try:
            done = editing.retire_comparison(
                self.desk.product, _slug(visit), email=visit.who.person.email, version=version
            )
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page)
        undo = Undo(address=f"/desk/comparisons/{done.slug}/back", label="Bring it back")
        return self._done(visit, done.slug, "Retired: it is seen nowhere any more.", undo=undo)

    def back(self, visit: Visit) -> Response:
        """Bring a retired one back."""
        done = editing.bring_back(self.desk.product, _slug(visit), email=visit.who.person.email)
        return self._done(visit, done.slug, f"It is {done.state} again.")

    def _done(self, visit: Visit, slug: str, said: str, *, undo: Undo | None = None) -> Response:
        return self.desk.done(visit, to=f"/desk/comparisons/{slug}", said=said, undo=undo)


def _slug(visit: Visit) -> str:
    """The comparison that is meant. Raises NotFound for what cannot be one."""
    slug = visit.word("slug")
    if slug.count(SEPARATOR) != 1:
        raise NotFound("There is no such comparison.", mend="Open it again from the list.")
    return slug


def machine_cells(view: ComparisonView) -> list[tuple[str, str, Cell]]:
    """Verdicts that a machine wrote: the name of the box to tick, what it is about, and the verdict."""
    return [
        (f"{row.lens}~{side.slug}", f"{row.lens_name} on {side.name}", cell)
        for row in view.rows
        for side, cell in ((view.a, row.a), (view.b, row.b))
        if cell is not None and cell.machine
    ]


def framed(html: str, *, policy: str) -> Response:
    """A page for a frame of ours: its links lead out of the frame, and it does nothing else."""
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Content-Security-Policy": policy}
    return HTMLResponse(html.encode("utf-8", "replace"), headers=headers)
