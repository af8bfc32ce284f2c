"""The room every page of the desk stands in: who is there, what they may do, what is shown and what is answered.

A handler takes a `Visit` and gives a response; it runs in a thread. The room has checked session, roles and the origin
of a post before, and turns what a use case refuses into a page with the sentence (or JSON for the desk's own script).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlsplit

import orjson
from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app import signing_in
from app.limiting import TooMany
from app.signing_in import Visitor
from app.tokens import Purpose
from app.wiring import Product
from core.clock import to_iso
from core.errors import Conflict, NotFound, Refused, VerdictsError
from core.panel import Role
from web.desk.menu import menu
from web.forms import Act, Form, Show, read_form
from web.pages import FOLDER as PAGES
from web.pages import Pages
from web.protection import CONTENT_SECURITY_POLICY, refuse_other_sites

FOLDER = PAGES.parent / "desk"
ANYBODY = frozenset(Role)
"""Everybody who is signed in."""
REVIEWERS = frozenset({Role.REVIEWER})
EDITORS = frozenset({Role.EDITOR})
OPERATORS = frozenset({Role.OPERATOR})

LARGEST_FORM = 64 * 1024
"""Bytes. A quote of 4,000 characters, percent-encoded, has up to 48 KB."""
MOST_FIELDS = 600
"""A bulk action names up to 500 rows."""

# The desk has a script of its own, which saves and fetches at home, and frames its own previews.
POLICY = CONTENT_SECURITY_POLICY + "; script-src 'self'; connect-src 'self'; frame-src 'self'"
_LOG = logging.getLogger("verdicts.desk")
_NOTE = "desk-note"
_NOTE_LIMIT = 2000
_REFUSED = 400
"""Answers from this status on did nothing."""
_KINDS: tuple[tuple[type[VerdictsError], int, str], ...] = (
    (TooMany, 429, "Once more, slowly"),
    (NotFound, 404, "Not here"),
    (Conflict, 409, "Changed meanwhile"),
    (Refused, 400, "That does not go"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who may make it. `form` is empty unless it is a post."""

    request: Request
    who: Visitor
    form: Form = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """A field of the form without space around it, or a parameter of the query where nothing is posted."""
        given: Mapping[str, str] = self.form if self.request.method == "POST" else self.request.query_params
        return given.get(name, default).strip()

    def number(self, name: str) -> int:
        """A number of the path, the form or the query. Raises NotFound for what none of our pages holds."""
        text = str(self.request.path_params.get(name, "")) or self.text(name)
        if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - digits of a row's number
            raise NotFound(f"There is no number {name} in that address.", mend="Open the page again from its list.")
        return int(text)

    def word(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def picked(self, prefix: str = "pick") -> list[str]:
        """What was ticked in a list: the ends of the fields `pick:...`, in the order of the form."""
        return [name.removeprefix(f"{prefix}:") for name in self.form if name.startswith(f"{prefix}:")]

    @property
    def by_script(self) -> bool:
        """Whether the desk's own script asks, which reads JSON."""
        return "application/json" in self.request.headers.get("accept", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A button beside what was just done: it posts `fields` to `address`."""

    address: str
    label: str
    fields: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Visit], Response]


class DeskRoute(Route):
    """A route with the roles that may use it; None: open to everybody, as the sign-in pages must be."""

    roles: frozenset[Role] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every page of the desk needs."""

    product: Product
    environment: Environment
    base_url: str

    # ------------------------------------------------------------ routes

    def route(
        self, path: str, *, roles: frozenset[Role], show: Handler | None = None, act: Handler | None = None
    ) -> DeskRoute:
        """An address of the desk: GET `show`s and changes nothing, POST `act`s. `roles`: one of these is needed."""

        async def endpoint(request: Request) -> Response:
            form: Form = {}
            if request.method == "POST":
                try:
                    refuse_other_sites(request, base_url=self.base_url)
                    form = await read_form(request, largest=LARGEST_FORM, most_fields=MOST_FIELDS)
                except HTTPException as refusal:
                    _note_refusal(request, "somebody", refusal.status_code)
                    raise
            handler = act if request.method == "POST" else show
            if handler is None:
                raise HTTPException(405)
            return await run_in_threadpool(self._answer, request, form, handler, roles)

        methods = (["GET"] if show else []) + (["POST"] if act else [])
        made = DeskRoute(path, endpoint, methods=methods)
        made.roles = roles
        return made

    def open_route(self, path: str, *, act: Act, show: Show | None = None) -> DeskRoute:
        """An address for who is not signed in yet."""

        async def endpoint(request: Request) -> Response:
            if request.method != "POST":
                return await run_in_threadpool(cast("Show", show), request)
            refuse_other_sites(request, base_url=self.base_url)
            return await run_in_threadpool(act, request, await read_form(request))

        return DeskRoute(path, endpoint, methods=["GET", "POST"] if show else ["POST"])

    def _answer(self, request: Request, form: Form, handler: Handler, roles: frozenset[Role]) -> Response:
        who = self.visitor(request)
        if who is None:
            return self._ask_to_sign_in(request)
        visit = Visit(request=request, who=who, form=form)
        answer = self._handled(visit, handler, roles)
        if request.method == "POST" and answer.status_code >= _REFUSED:
            _note_refusal(request, who.person.email, answer.status_code)
        return answer

    def _handled(self, visit: Visit, handler: Handler, roles: frozenset[Role]) -> Response:
        if not visit.who.may(roles):
            return self._refused(visit, 403, "Not yours to do", Refused("Your roles do not open this page."))
        try:
            return handler(visit)
        except VerdictsError as error:
            status, heading = _kind(error)
            return self._refused(visit, status, heading, error)

    def visitor(self, request: Request) -> Visitor | None:
        """Who is signed in here."""
        secret = request.cookies.get(self.cookie)
        return signing_in.visitor(self.product, secret) if secret else None

    def _ask_to_sign_in(self, request: Request) -> Response:
        if request.method == "POST" or "application/json" in request.headers.get("accept", ""):
            # Nothing typed is lost: the page they came from is still there behind the back button.
            raise HTTPException(401)
        to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/desk/sign-in?to={quote(to, safe='')}", status_code=303)

    def _refused(self, visit: Visit, status: int, heading: str, error: VerdictsError) -> Response:
        if visit.by_script:
            return self.json(
                {"error": error.message, "mend": error.mend_on_page, "kind": type(error).__name__}, status=status
            )
        return self.page(
            visit, "failure.html", status=status, heading=heading, message=error.message, mend=error.mend_on_page
        )

    # ------------------------------------------------------------ answers

    def page(self, visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page for this visitor, with what the last action said."""
        note = self._read_note(visit)
        html = self.environment.get_template(template).render(
            visitor=visit.who.person,
            zone=visit.who.zone,
            now=self.product.now,
            menu=menu(visit.who.person.roles, path=visit.request.url.path),
            note=note,
            **values,
        )
        answer = private(html, status=status)
        if note is not None:
            answer.delete_cookie(_NOTE, path="/desk", secure=self.secure, httponly=True, samesite="strict")
        return answer

    def json(self, value: Any, *, status: int = 200) -> Response:
        """An answer to the desk's own script."""
        return Response(orjson.dumps(value), status_code=status, media_type="application/json", headers=_private())

    def done(self, visit: Visit, *, to: str, said: str, undo: Undo | None = None) -> Response:
        """After a post: on to the page `to`, which says what was done, and how to take it back."""
        answer = RedirectResponse(to, status_code=303, headers={"Cache-Control": "no-store"})
        button = [undo.address, undo.label, dict(undo.fields)] if undo else None
        text = orjson.dumps([said[:_NOTE_LIMIT], button]).decode()
        signed = self.product.signer.sign(Purpose.NOTE, visit.who.session.key, text)
        answer.set_cookie(_NOTE, signed, max_age=60, path="/desk", secure=self.secure, httponly=True, samesite="strict")
        return answer

    def _read_note(self, visit: Visit) -> dict[str, Any] | None:
        cookie = visit.request.cookies.get(_NOTE)
        if not cookie:
            return None
        try:
            key, text = self.product.signer.read(Purpose.NOTE, cookie, now=self.product.now)
        except (Refused, ValueError):
            return None
        if key != visit.who.session.key:  # said to whoever sat here before
            return None
        said, button = orjson.loads(text)
        return {
            "said": said,
            "undo": dict(zip(("address", "label", "fields"), button, strict=True)) if button else None,
        }

    # ------------------------------------------------------------ cookies

    @property
    def secure(self) -> bool:
        """Whether the public address is https; on plain loopback a browser would not send a Secure cookie back."""
        return self.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie: with `__Host-` no other host, path or plain request can set it."""
        return "__Host-desk" if self.secure else "desk"


def _note_refusal(request: Request, who: str, status: int) -> None:
    """A line for operators: the log of decisions holds what was done, this what was tried and refused."""
    _LOG.warning("refused with %d: %r by %s", status, request.url.path, who)


def _kind(error: VerdictsError) -> tuple[int, str]:
    return next(((status, heading) for kind, status, heading in _KINDS if isinstance(error, kind)), (500, "Our fault"))


def private(html: str, *, status: int = 200) -> HTMLResponse:
    """A page that nobody keeps and no search engine lists."""
    return HTMLResponse(html.encode("utf-8", "replace"), status_code=status, headers=_private())


def _private() -> dict[str, str]:
    return {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Content-Security-Policy": POLICY}


def make_desk(product: Product, pages: Pages) -> Desk:
    """The desk over one product. It shares filters, assets and parts with the public pages."""
    environment = pages.environment.overlay(
        loader=ChoiceLoader([FileSystemLoader(FOLDER), FileSystemLoader(PAGES)]), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters = {**environment.filters, "clock": clock, "ago": ago, "iso": to_iso}
    return Desk(product=product, environment=environment, base_url=pages.base_url)


def clock(instant: datetime, zone: Any) -> str:
    """`Sun 22 Nov, 14:05` in this zone."""
    local = instant.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def ago(instant: datetime, now: datetime) -> str:
    """`3 h ago`, `in 2 d`: the largest unit alone."""
    seconds = (now - instant).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if size >= length:
            count = f"{int(size // length)} {unit}"
            return f"{count} ago" if seconds > 0 else f"in {count}"
    return "just now"


def at_home(address: str, *, otherwise: str = "/desk") -> str:
    """An address of the desk to go on to, as a link or a form gave it. Anything that leads elsewhere is `otherwise`."""
    parts = urlsplit(address)
    plain = not (parts.scheme or parts.netloc) and address.isprintable() and "\\" not in address
    within = parts.path == "/desk" or parts.path.startswith("/desk/")
    return address if plain and within and not parts.path.startswith("//") else otherwise
