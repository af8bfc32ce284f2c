"""Subscribers: how the list grows, and one reader at a time, asked for by address; never a list of addresses."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from app import readership, subscribing
from core.errors import NotFound, Refused
from core.subscriber import SubscriberState
from web.desk.plots import bars
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit

PATH = "/desk/subscribers"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberDesk:
    """Handlers about subscribers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show, roles=OPERATORS),
            route(f"{PATH}/find", act=self.find, roles=OPERATORS),
            route(f"{PATH}/suppress", act=self.suppress, roles=OPERATORS),
            route(f"{PATH}/permit", act=self.permit, roles=OPERATORS),
            route(f"{PATH}/domains", act=self.stop_domain, roles=OPERATORS),
            route(f"{PATH}/domains/permit", act=self.permit_domain, roles=OPERATORS),
            route(f"{PATH}/{{reader}}", show=self.show_reader, roles=OPERATORS),
            route(f"{PATH}/{{reader}}/unsubscribe", act=self.sign_off, roles=OPERATORS),
            route(f"{PATH}/{{reader}}/resubscribe", act=self.sign_on_again, roles=OPERATORS),
            route(f"{PATH}/{{reader}}/suppress", act=self.stop_mailing, roles=OPERATORS),
            route(f"{PATH}/{{reader}}/erase", act=self.erase, roles=OPERATORS),
        ]

    # ------------------------------------------------------------ all

    def show(self, visit: Visit) -> Response:
        """Counts, growth, the form that finds one, and domains that are never mailed."""
        return self._page(visit)

    def _page(self, visit: Visit, *, asked: str = "", problem: Refused | None = None) -> Response:
        found = readership.readership(self.desk.product)
        active = [(each.active, "some") for each in found.weeks]
        return self.desk.page(
            visit,
            "subscribers.html",
            status=400 if problem else 404 if asked else 200,
            counts=found.counts,
            states=list(SubscriberState),
            weeks=found.weeks,
            plot=bars(active, places=readership.WEEKS),
            domains=found.domains,
            asked=asked,
            problem=problem,
            typed=visit.form,
        )

    def find(self, visit: Visit) -> Response:
        """By exact address. It is posted, so that no address stands in a link, a history or a log of requests."""
        address = visit.text("address")
        try:
            found = readership.find(self.desk.product, address)
        except Refused as refusal:
            return self._page(visit, problem=refusal)
        if found is None:
            return self._page(visit, asked=address)
        return self.desk.done(visit, to=f"{PATH}/{found}", said="Found.")

    def suppress(self, visit: Visit) -> Response:
        """Never mail an address that is no subscriber's."""
        address = visit.text("address")
        subscribing.stop_mailing(self.desk.product, address, actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/permit", label="Undo", fields={"address": address})
        return self.desk.done(visit, to=PATH, said="That address is never mailed.", undo=undo)

    def permit(self, visit: Visit) -> Response:
        """Take an address off that list."""
        address = visit.text("address")
        subscribing.allow_mailing(self.desk.product, address, actor=visit.who.person.email)
        said = "That address may be mailed again, once its owner subscribes."
        undo = Undo(address=f"{PATH}/suppress", label="Undo", fields={"address": address})
        return self.desk.done(visit, to=PATH, said=said, undo=undo)

    def stop_domain(self, visit: Visit) -> Response:
        """Mail nobody at a domain."""
        try:
            name = subscribing.stop_domain(
                self.desk.product, visit.text("domain"), note=visit.text("note"), actor=visit.who.person.email
            )
        except Refused as refusal:
            return self._page(visit, problem=refusal)
        undo = Undo(address=f"{PATH}/domains/permit", label="Undo", fields={"domain": name})
        said = f"Nobody at {name} is mailed. Their subscriptions go on."
        return self.desk.done(visit, to=PATH, said=said, undo=undo)

    def permit_domain(self, visit: Visit) -> Response:
        """Mail a domain again."""
        domain = visit.text("domain")
        subscribing.allow_domain(self.desk.product, domain, actor=visit.who.person.email)
        fields = {"domain": domain, "note": visit.text("note")}
        undo = Undo(address=f"{PATH}/domains", label="Undo", fields=fields)
        return self.desk.done(visit, to=PATH, said=f"{domain} is mailed again.", undo=undo)

    # ------------------------------------------------------------ one

    def show_reader(self, visit: Visit) -> Response:
        """One subscriber: what they chose, what they agreed to when, and what an operator can do for them."""
        found = readership.reader(self.desk.product, visit.number("reader"))
        return self.desk.page(visit, "reader.html", found=found, reader=found.subscriber)

    def sign_off(self, visit: Visit) -> Response:
        """End their subscription."""
        at = visit.number("reader")
        readership.sign_off(self.desk.product, at, seen=visit.text("seen"), actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/{at}/resubscribe", label="Undo")
        return self.desk.done(visit, to=f"{PATH}/{at}", said="Their subscription has ended.", undo=undo)

    def sign_on_again(self, visit: Visit) -> Response:
        """Take that back."""
        at = visit.number("reader")
        readership.sign_on_again(self.desk.product, at, actor=visit.who.person.email)
        return self.desk.done(visit, to=f"{PATH}/{at}", said="Their subscription goes on.")

    def stop_mailing(self, visit: Visit) -> Response:
        """Never mail them again; a mail client's complaint or a letter asked for it."""
        at = visit.number("reader")
        done = readership.stop_mailing(self.desk.product, at, seen=visit.text("seen"), actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/permit", label="Undo", fields={"address": done.address})
        return self.desk.done(visit, to=f"{PATH}/{at}", said="That address is never mailed.", undo=undo)

    def erase(self, visit: Visit) -> Response:
        """Forget them for good: nothing brings them back, so it needs its tick."""
        if visit.text("sure") != "on":
            raise Refused("Nobody was erased: the tick was missing.", mend="Go back, tick that you are sure.")
        try:
            readership.erase(
                self.desk.product, visit.number("reader"), seen=visit.text("seen"), actor=visit.who.person.email
            )
        except NotFound:  # pressed twice
            return self.desk.done(visit, to=PATH, said="They are erased.")
        return self.desk.done(visit, to=PATH, said="They are erased. Only a hash of the address remains.")
