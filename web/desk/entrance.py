"""The entrance: ask for a link, press its button, or use a passkey; and the visitor's own page with the ways out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import limiting, passkeys, signing_in
from app.signing_in import SignedIn
from core.errors import Refused
from web.callers import caller
from web.counting import Counting
from web.desk.menu import first_page
from web.desk.room import ANYBODY, Desk, DeskRoute, Visit, at_home, private
from web.forms import Form

_TO = "desk-to"
_TO_LASTS = 30 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Handlers of who comes and goes."""

    desk: Desk
    counting: Counting

    def routes(self) -> list[DeskRoute]:
        """Their addresses. The first four are open: nobody is signed in there yet."""
        desk = self.desk
        return [
            desk.open_route("/desk/sign-in", show=self.show_form, act=self.send_link),
            desk.open_route("/desk/sign-in/passkey/ask", act=self.ask_passkey),
            desk.open_route("/desk/sign-in/passkey", act=self.use_passkey),
            desk.open_route("/desk/sign-in/{token}", show=self.show_button, act=self.sign_in),
            desk.route("/desk", show=self.first, roles=ANYBODY),
            desk.route("/desk/sign-out", act=self.sign_out, roles=ANYBODY),
            desk.route("/desk/me", show=self.me, roles=ANYBODY),
            desk.route("/desk/me/zone", act=self.choose_zone, roles=ANYBODY),
            desk.route("/desk/me/end", act=self.end, roles=ANYBODY),
            desk.route("/desk/me/end-all", act=self.end_all, roles=ANYBODY),
            desk.route("/desk/me/passkeys/ask", act=self.ask_new_passkey, roles=ANYBODY),
            desk.route("/desk/me/passkeys", act=self.keep_passkey, roles=ANYBODY),
            desk.route("/desk/me/passkeys/{key}/drop", act=self.drop_passkey, roles=ANYBODY),
        ]

    # ------------------------------------------------------------ not signed in yet

    def show_form(self, request: Request) -> Response:
        """Where to send the link; a visitor goes on at once."""
        to = at_home(request.query_params.get("to", ""), otherwise="")
        if self.desk.visitor(request) is not None:
            return RedirectResponse(to or "/desk", status_code=303)
        return self._outside("sign_in.html", to=to, problem="")

    def send_link(self, request: Request, form: Form) -> Response:
        """The same answer for every address, and the mail after it: neither words nor time tell who is known."""
        address = form.get("address", "").strip()
        limiting.use(self.desk.product, "sign-in", caller(request))
        if "@" not in address:
            problem = "That is no e-mail address. Write it like name@example.com."
            return self._outside("sign_in.html", status=400, to=form.get("to", ""), problem=problem)
        answer = self._outside("link_sent.html", address=address[:320])
        answer.background = BackgroundTask(signing_in.send_link, self.desk.product, address)
        to = at_home(form.get("to", ""), otherwise="")
        if to:
            answer.set_cookie(
                _TO, to, max_age=_TO_LASTS, path="/desk", secure=self.desk.secure, httponly=True, samesite="lax"
            )
        return answer

    def show_button(self, request: Request) -> Response:
        """One button; scanners that follow the link sign nobody in."""
        try:
            person = signing_in.check(self.desk.product, request.path_params["token"])
        except Refused as refusal:
            return self._stale(refusal)
        return self._outside("sign_in_button.html", person=person)

    def sign_in(self, request: Request, form: Form) -> Response:
        """Use the link up and go on to where the visitor was headed."""
        agent = request.headers.get("user-agent", "")
        try:
            done = signing_in.sign_in(
                self.desk.product, request.path_params["token"], agent=agent, zone=form.get("zone", "")
            )
        except Refused as refusal:
            return self._stale(refusal)
        to = at_home(unquote(request.cookies.get(_TO, "")), otherwise=first_page(done.person.roles))
        answer = RedirectResponse(to, status_code=303, headers={"Cache-Control": "no-store"})
        answer.delete_cookie(_TO, path="/desk", secure=self.desk.secure, httponly=True, samesite="lax")
        self._keep(answer, done)
        return answer

    def _keep(self, answer: Response, done: SignedIn) -> None:
        desk = self.desk
        lasts = int((done.expires - desk.product.now).total_seconds())
        answer.set_cookie(
            desk.cookie, done.secret, max_age=lasts, path="/", secure=desk.secure, httponly=True, samesite="lax"
        )

    def ask_passkey(self, request: Request, _form: Form) -> Response:
        """What the browser shall have signed."""
        limiting.use(self.desk.product, "sign-in", caller(request))
        return self.desk.json(passkeys.ask_to_sign(self.desk.product))

    def use_passkey(self, request: Request, form: Form) -> Response:
        """Sign in whoever's device has signed."""
        agent = request.headers.get("user-agent", "")
        try:
            done = passkeys.sign_in(
                self.desk.product, credential=form.get("credential", ""), agent=agent, zone=form.get("zone", "")
            )
        except Refused as refusal:
            self.counting.refused("sign-in", "refused")
            return self.desk.json({"error": refusal.message, "mend": refusal.mend_on_page}, status=400)
        answer = self.desk.json({"to": at_home(form.get("to", ""), otherwise=first_page(done.person.roles))})
        self._keep(answer, done)
        return answer

    def _stale(self, refusal: Refused) -> Response:
        self.counting.refused("sign-in", "stale")
        return self._outside("sign_in.html", status=400, to="", problem=refusal.on_page)

    def _outside(self, template: str, *, status: int = 200, **values: object) -> Response:
        passkeys_here = passkeys.site(self.desk.product) is not None
        html = self.desk.environment.get_template(template).render(passkeys_here=passkeys_here, **values)
        return private(html, status=status)

    # ------------------------------------------------------------ signed in

    def first(self, visit: Visit) -> Response:
        """On to where somebody with these roles begins."""
        return RedirectResponse(first_page(visit.who.person.roles), status_code=303)

    def me(self, visit: Visit) -> Response:
        """Roles, zone, passkeys, and everything the visitor is signed in with."""
        product = self.desk.product
        return self.desk.page(
            visit,
            "me.html",
            sessions=signing_in.open_sessions(product, visit.who),
            here=visit.who.session.key,
            passkeys=passkeys.listed(product, visit.who),
            passkeys_here=passkeys.site(product) is not None,
        )

    def choose_zone(self, visit: Visit) -> Response:
        """Show times in another zone."""
        signing_in.choose_zone(self.desk.product, visit.who, visit.text("zone"))
        return self.desk.done(visit, to="/desk/me", said="Times are shown in that zone now.")

    def sign_out(self, visit: Visit) -> Response:
        """End this session."""
        signing_in.sign_out(self.desk.product, visit.who)
        return self._out()

    def end(self, visit: Visit) -> Response:
        """End one of the visitor's sessions."""
        signing_in.end(self.desk.product, visit.who, visit.text("session"))
        return self.desk.done(visit, to="/desk/me", said="That session is over.")

    def end_all(self, visit: Visit) -> Response:
        """End every session of the visitor's, this one too."""
        signing_in.sign_out_everywhere(self.desk.product, visit.who)
        return self._out()

    def _out(self) -> Response:
        answer = RedirectResponse("/desk/sign-in", status_code=303, headers={"Cache-Control": "no-store"})
        answer.delete_cookie(self.desk.cookie, path="/", secure=self.desk.secure, httponly=True, samesite="lax")
        return answer

    def ask_new_passkey(self, visit: Visit) -> Response:
        """What the browser shall make a passkey for."""
        return self.desk.json(passkeys.ask_for_new(self.desk.product, visit.who))

    def keep_passkey(self, visit: Visit) -> Response:
        """Remember what it made."""
        passkeys.keep(self.desk.product, visit.who, credential=visit.text("credential"), name=visit.text("name"))
        return self.desk.done(visit, to="/desk/me", said="The passkey is kept. You can sign in with it from now on.")

    def drop_passkey(self, visit: Visit) -> Response:
        """Forget one."""
        passkeys.drop(self.desk.product, visit.who, visit.number("key"))
        return self.desk.done(visit, to="/desk/me", said="That passkey signs nobody in any more.")
