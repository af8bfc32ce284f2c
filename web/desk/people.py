"""People: who may do what here, letting somebody in, and letting somebody go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from app import staffing
from core.errors import Refused, StaleVersion
from core.panel import Person, Role
from core.subscriber import address_key
from web.desk.log import told
from web.desk.paging import page
from web.desk.room import OPERATORS, Desk, DeskRoute, Undo, Visit

PATH = "/desk/people"
_STATES = {"": None, "active": True, "gone": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePages:
    """Handlers about people."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses, all of them an operator's."""
        route = self.desk.route
        return [
            route(PATH, show=self.show_list, act=self.invite, roles=OPERATORS),
            route(f"{PATH}/{{person}}", show=self.show, act=self.change, roles=OPERATORS),
            route(f"{PATH}/{{person}}/letter", act=self.send_letter, roles=OPERATORS),
            route(f"{PATH}/{{person}}/deactivate", act=self.deactivate, roles=OPERATORS),
            route(f"{PATH}/{{person}}/reactivate", act=self.reactivate, roles=OPERATORS),
        ]

    # ------------------------------------------------------------ all

    def show_list(self, visit: Visit) -> Response:
        """Everybody, fifty a page, by role, lens and whether they may sign in."""
        return self._list(visit)

    def _list(
        self, visit: Visit, *, typed: Mapping[str, str] | None = None, problem: Refused | None = None
    ) -> Response:
        asked = visit.request.query_params
        kept = {name: asked.get(name, "").strip() for name in ("role", "lens", "state")}
        rows = staffing.everybody(
            self.desk.product,
            after=asked.get("after", ""),
            role=_role(kept["role"]) if kept["role"] else None,
            lens=kept["lens"] or None,
            active=_STATES.get(kept["state"]),
        )
        shown = page(
            PATH,
            rows,
            size=staffing.PAGE,
            behind=lambda each: address_key(each.person.email),
            kept=kept,
            after=asked.get("after", ""),
        )
        return self.desk.page(
            visit,
            "people.html",
            status=400 if problem else 200,
            page=shown,
            kept=kept,
            roles=list(Role),
            lenses=[each.lens for each in staffing.lenses(self.desk.product)],
            typed=typed or {},
            problem=problem,
            many=staffing.MANY,
        )

    def invite(self, visit: Visit) -> Response:
        """Add somebody and mail them a link. What cannot be is said above the form, which keeps what was typed."""
        try:
            made = staffing.invite(
                self.desk.product,
                visit.text("email"),
                name=visit.text("name"),
                roles=_roles(visit),
                lenses=visit.picked("lens"),
                machine=bool(visit.text("machine")),
                actor=visit.who.person.email,
            )
        except Refused as refusal:
            return self._list(visit, typed=visit.form, problem=refusal)
        who = made.person.name or made.person.email
        if made.problem:
            said = f"{who} is here, but the letter did not go out: {made.problem}"
        elif made.person.machine:
            said = f"{who} is here. A program gets no letter."
        else:
            said = f"{who} is invited. A sign-in link is on its way to {made.person.email}; it serves for 15 minutes."
        seen = {"seen": staffing.mark(made.person)}
        undo = Undo(address=f"{PATH}/{made.person.id}/deactivate", label="Take it back", fields=seen)
        return self.desk.done(visit, to=f"{PATH}/{made.person.id}", said=said, undo=undo)

    # ------------------------------------------------------------ one

    def show(self, visit: Visit) -> Response:
        """One person: what they may do, what they hold, what was done about them."""
        return self._person(visit)

    def _person(
        self, visit: Visit, *, typed: Mapping[str, str] | None = None, problem: Exception | None = None
    ) -> Response:
        found = staffing.dossier(self.desk.product, visit.number("person"))
        person = found.row.person
        return self.desk.page(
            visit,
            "person.html",
            status=200 if problem is None else 409 if isinstance(problem, StaleVersion) else 400,
            found=found,
            person=person,
            mark=staffing.mark(person),
            fields=dict(typed) if typed is not None else _fields(person),
            stale=isinstance(problem, StaleVersion),
            problem=problem,
            roles=list(Role),
            lenses=[each.lens for each in staffing.lenses(self.desk.product)],
            past=[told(each) for each in found.past],
            many=staffing.MANY,
        )

    def change(self, visit: Visit) -> Response:
        """Keep another name, other roles and lenses. Who was faster is shown beside what was typed."""
        try:
            before, after = staffing.change(
                self.desk.product,
                visit.number("person"),
                name=visit.text("name"),
                roles=_roles(visit),
                lenses=visit.picked("lens"),
                seen=visit.text("seen"),
                actor=visit.who.person.email,
            )
        except (StaleVersion, Refused) as problem:
            return self._person(visit, typed=visit.form, problem=problem)
        address = f"{PATH}/{after.id}"
        undo = Undo(address=address, label="Undo", fields=_fields(before) | {"seen": staffing.mark(after)})
        return self.desk.done(visit, to=address, said=f"{after.name or after.email} is changed.", undo=undo)

    def send_letter(self, visit: Visit) -> Response:
        """Mail another sign-in link. A mail cannot be called back: the button asks first."""
        at = visit.number("person")
        done = staffing.send_letter(self.desk.product, at, seen=visit.text("seen"), actor=visit.who.person.email)
        said = done.problem or f"A sign-in link is on its way to {done.person.email}; it serves for 15 minutes."
        return self.desk.done(visit, to=f"{PATH}/{at}", said=said)

    def deactivate(self, visit: Visit) -> Response:
        """Let somebody in no more."""
        at = visit.number("person")
        done = staffing.deactivate(self.desk.product, at, seen=visit.text("seen"), actor=visit.who.person.email)
        who = done.person.name or done.person.email
        said = f"{who} cannot sign in any more. {_count(done.sessions, 'session')} ended, {_count(done.leases, 'seat')} freed."
        seen = {"seen": staffing.mark(done.person)}
        undo = Undo(address=f"{PATH}/{at}/reactivate", label="Let them in again", fields=seen)
        return self.desk.done(visit, to=f"{PATH}/{at}", said=said, undo=undo)

    def reactivate(self, visit: Visit) -> Response:
        """Let somebody in again."""
        at = visit.number("person")
        person = staffing.reactivate(self.desk.product, at, seen=visit.text("seen"), actor=visit.who.person.email)
        undo = Undo(address=f"{PATH}/{at}/deactivate", label="Undo", fields={"seen": staffing.mark(person)})
        return self.desk.done(
            visit, to=f"{PATH}/{at}", said=f"{person.name or person.email} may sign in again.", undo=undo
        )


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Refused(f"{text[:40]!r} is not a role.", mend="Roles are reviewer, editor and operator.") from None


def _roles(visit: Visit) -> Collection[Role]:
    return {_role(each) for each in visit.picked("role")}


def _fields(person: Person) -> dict[str, str]:
    """The form that would make somebody what they are."""
    ticked = {f"role:{each}": "on" for each in person.roles} | {f"lens:{each}": "on" for each in person.lenses}
    return {"name": person.name} | ticked


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
