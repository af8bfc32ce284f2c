"""The catalogue: finding tools, one tool with everything that is known of it and was done to it, and many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from app import curating, editing, questions
from app.curating import Bulk
from core.category import CATEGORIES
from core.errors import Refused, StaleVersion, VerdictsError
from core.fact import Per, PricingModel
from core.tool import ToolStatus
from store.worklists import Wanted
from web.desk.room import EDITORS, Desk, DeskRoute, Undo, Visit

_WORDS = ("name", "tagline", "description", "category", "tags", "homepage")
_ASKED = {
    "fact": ("field", "value", "source_url", "seen_on"),
    "price": ("model", "amount", "currency", "per", "source_url", "quote", "seen_on"),
    "merge": ("other", "stays"),
}
"""What the other forms of a tool's page ask for."""
_LISTED = tuple(ToolStatus)
_UNDO_LIMIT = 900  # characters; signed and in base64 they must fit into a cookie of 4 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Handlers."""

    desk: Desk

    def routes(self) -> list[DeskRoute]:
        """Their addresses."""
        route = self.desk.route
        acts: dict[str, Callable[[Visit], Response]] = {
            "merge": self.merge,
            "unmerge": self.unmerge,
            "split": self.split,
            "fact": self.keep_fact,
            "fact/deny": self.deny_fact,
            "fact/release": self.release_fact,
            "price": self.keep_price,
            "reject": self.reject,
            "reinstate": self.reinstate,
            "queue": self.queue,
        }
        return [
            route("/desk/tools", roles=EDITORS, show=self.listed),
            route("/desk/suggest/tools", roles=EDITORS, show=self.suggest),
            route("/desk/bulk/tools", roles=EDITORS, act=self.preview),
            route("/desk/bulk/tools/do", roles=EDITORS, act=self.carry_out),
            route("/desk/tools/{slug}", roles=EDITORS, show=self.show, act=self.edit),
            *(route(f"/desk/tools/{{slug}}/{name}", roles=EDITORS, act=act) for name, act in acts.items()),
        ]

    # ------------------------------------------------------------ lists

    def listed(self, visit: Visit) -> Response:
        """Tools by status, category, source, words in a name or the beginning of an address."""
        wanted = _wanted(visit)
        found = curating.find(self.desk.product, wanted, after=visit.text("after"))
        given = {name: visit.text(name) for name in ("q", "status", "category", "source") if visit.text(name)}
        return self.desk.page(
            visit,
            "tools.html",
            found=found,
            wanted=wanted,
            typed=visit.text("q"),
            statuses=_LISTED,
            filters=urlencode(given),
            more=urlencode({**given, "after": found.more}) if found.more else "",
        )

    def suggest(self, visit: Visit) -> Response:
        """For the desk's own script: tools that what is being typed may mean."""
        return self.desk.json(curating.suggestions(self.desk.product, visit.text("q")))

    def preview(self, visit: Visit) -> Response:
        """Exactly what a bulk action would change, before anything does."""
        action, category = _bulk(visit)
        changes = curating.preview(self.desk.product, action, visit.picked(), category=category)
        if not changes:
            raise Refused("No tool was ticked.", mend="Go back, tick some rows, then choose what to do with them.")
        return self.desk.page(
            visit, "tools_many.html", changes=changes, action=action, category=category, back=visit.text("back")
        )

    def carry_out(self, visit: Visit) -> Response:
        """Do it to the rows as they were previewed."""
        action, category = _bulk(visit)
        seen = {slug: _whole(visit.form[f"pick:{slug}"]) for slug in visit.picked()}
        if not seen:
            raise Refused("Nothing was left to change.", mend="Go back to the list.")
        done = curating.carry_out(self.desk.product, action, seen, category=category, actor=visit.who.person.email)
        words = {Bulk.REJECT: "rejected", Bulk.QUEUE: "put into the queue", Bulk.CATEGORY: f"moved to {category}"}
        said = f"{done.done} {words[action]}."
        if done.left_out:
            said += f" {len(done.left_out)} left out: " + " ".join(f"{slug}: {why}" for slug, why in done.left_out[:5])
        back = visit.text("back")
        return self.desk.done(visit, to=f"/desk/tools?{back}" if back else "/desk/tools", said=said)

    # ------------------------------------------------------------ one tool

    def show(self, visit: Visit) -> Response:
        """Everything of a tool."""
        return self._sheet(visit)

    def _sheet(self, visit: Visit, *, status: int = 200, problem: str = "", part: str = "") -> Response:
        """`part` names the form whose typed text is shown again, beside what stands there now."""
        sheet = curating.show(self.desk.product, visit.word("slug"))
        return self.desk.page(
            visit,
            "tool.html",
            status=status,
            sheet=sheet,
            problem=problem,
            part=part,
            typed={**dict.fromkeys(_ASKED.get(part, ()), ""), **visit.form} if part else {},
            models=tuple(PricingModel),
            pers=tuple(Per),
            flags=curating.FLAGS,
            categories=CATEGORIES,
            today=self.desk.product.now.date().isoformat(),
            asked=sheet.tool.slug != visit.word("slug"),
        )

    def _try(self, visit: Visit, part: str, act: Callable[[], Response]) -> Response:
        """Do it, or show the tool as it is now with what was typed beside it: nothing typed is lost."""
        try:
            return act()
        except StaleVersion as stale:
            return self._sheet(visit, status=409, problem=stale.on_page, part=part)
        except Refused as refusal:
            return self._sheet(visit, status=400, problem=refusal.on_page, part=part)

    def edit(self, visit: Visit) -> Response:
        """Set words by hand."""

        def act() -> Response:
            changes = {name: visit.form[name] for name in _WORDS if name in visit.form}
            before = curating.show(self.desk.product, visit.word("slug")).tool
            done = editing.edit_tool(
                self.desk.product, visit.word("slug"), changes, actor=_me(visit), version=visit.number("version")
            )
            was = _fields(before, changes)
            undo = Undo(
                address=f"/desk/tools/{done.slug}",
                label="Put the old words back",
                fields={**was, "version": str(done.version)},
            )
            if done.version == before.version:
                return self._done(visit, "Nothing was changed.")
            return self._done(
                visit, f"{done.name} is changed; ingestion leaves those words alone now.", undo=undo if was else None
            )

        return self._try(visit, "words", act)

    def keep_fact(self, visit: Visit) -> Response:
        """Set a fact, with its source and day."""

        def act() -> Response:
            made = curating.keep_fact(
                self.desk.product,
                visit.word("slug"),
                field=visit.text("field"),
                value=visit.text("value"),
                source_url=visit.text("source_url"),
                seen_on=visit.text("seen_on"),
                version=visit.number("version"),
                actor=_me(visit),
            )
            return self._fact_done(visit, f"{made.field} is {made.value}, by your word.", made.field, made.source_url)

        return self._try(visit, "fact", act)

    def deny_fact(self, visit: Visit) -> Response:
        """Show a source's claim no more."""

        def act() -> Response:
            field, source = visit.text("field"), visit.text("source_url")
            curating.deny_fact(
                self.desk.product,
                visit.word("slug"),
                field=field,
                source_url=source,
                version=visit.number("version"),
                actor=_me(visit),
            )
            return self._fact_done(visit, f"{field} is shown no more, whatever that source says.", field, source)

        return self._try(visit, "", act)

    def _fact_done(self, visit: Visit, said: str, field: str, source: str) -> Response:
        version = curating.show(self.desk.product, visit.word("slug")).tool.version
        undo = Undo(
            address=f"/desk/tools/{visit.word('slug')}/fact/release",
            label="Take it back",
            fields={"field": field, "source_url": source, "version": str(version)},
        )
        return self._done(visit, said, undo=undo)

    def release_fact(self, visit: Visit) -> Response:
        """Let the source speak again."""

        def act() -> Response:
            curating.release_fact(
                self.desk.product,
                visit.word("slug"),
                field=visit.text("field"),
                source_url=visit.text("source_url"),
                version=visit.number("version"),
                actor=_me(visit),
            )
            return self._done(visit, "What the sources say stands again.")

        return self._try(visit, "", act)

    def keep_price(self, visit: Visit) -> Response:
        """Set the price, with its evidence."""

        def act() -> Response:
            read = curating.keep_price(
                self.desk.product,
                visit.word("slug"),
                **{name: visit.text(name) for name in ("model", "amount", "currency", "per", "quote")},
                flags=visit.picked("flag"),
                source_url=visit.text("source_url"),
                seen_on=visit.text("seen_on"),
                version=visit.number("version"),
                actor=_me(visit),
            )
            return self._done(visit, f"The price is {read.model.label.lower()}, by your word.")

        return self._try(visit, "price", act)

    def merge(self, visit: Visit) -> Response:
        """Join another tool into this one, or this one into another."""

        def act() -> Response:
            here, other = visit.word("slug"), _slug(visit.text("other"))
            winner, loser = (other, here) if visit.text("stays") == "other" else (here, other)
            seen = {here: visit.number("version")}
            done = editing.merge_tools(self.desk.product, winner, loser, actor=_me(visit), seen=seen)
            undo = Undo(address=f"/desk/tools/{loser}/unmerge", label="Part them again")
            return self.desk.done(
                visit, to=f"/desk/tools/{done.slug}", said=f"{loser} is part of {done.slug}.", undo=undo
            )

        try:
            return self._try(visit, "merge", act)
        except VerdictsError as error:
            return self._sheet(visit, status=400, problem=error.on_page, part="merge")

    def unmerge(self, visit: Visit) -> Response:
        """Part a tool from the one that took it in."""
        slug = visit.word("slug")
        said = questions.unmerge(self.desk.product, slug, actor=_me(visit))
        return self.desk.done(visit, to=f"/desk/tools/{slug}", said=f"{said}.")

    def split(self, visit: Visit) -> Response:
        """Take the ticked sightings into a tool of their own."""

        def act() -> Response:
            keys = visit.picked("sighting")
            if not keys:
                raise Refused("No sighting was ticked.", mend="Tick those that belong to another tool.")
            version = visit.number("version")
            part = editing.split_tool(self.desk.product, visit.word("slug"), keys, actor=_me(visit), version=version)
            undo = Undo(
                address=f"/desk/tools/{visit.word('slug')}/merge",
                label="Join them again",
                fields={
                    "other": part.slug,
                    "stays": "this",
                    "version": str(curating.show(self.desk.product, visit.word("slug")).tool.version),
                },
            )
            return self.desk.done(
                visit, to=f"/desk/tools/{part.slug}", said=f"{len(keys)} in {part.slug} now.", undo=undo
            )

        try:
            return self._try(visit, "split", act)
        except VerdictsError as error:
            return self._sheet(visit, status=400, problem=error.on_page, part="split")

    def reject(self, visit: Visit) -> Response:
        """Take it out of the queue and out of sight."""

        def act() -> Response:
            slug = visit.word("slug")
            editing.reject_tool(self.desk.product, slug, actor=_me(visit), version=visit.number("version"))
            undo = Undo(address=f"/desk/tools/{slug}/reinstate", label="Bring it back")
            return self._done(visit, "Rejected: it stands nowhere any more.", undo=undo)

        return self._try(visit, "", act)

    def reinstate(self, visit: Visit) -> Response:
        """Take a rejection back."""
        done = editing.reinstate_tool(self.desk.product, visit.word("slug"), actor=_me(visit))
        return self._done(visit, f"It stands where it stood: {done.status.replace('_', ' ')}.")

    def queue(self, visit: Visit) -> Response:
        """Put it before the panel although the rule left it out."""

        def act() -> Response:
            slug = visit.word("slug")
            done = editing.queue_tool(self.desk.product, slug, actor=_me(visit), version=visit.number("version"))
            undo = Undo(
                address=f"/desk/tools/{slug}/reject", label="Reject it instead", fields={"version": str(done.version)}
            )
            return self._done(visit, "It waits for the panel.", undo=undo)

        return self._try(visit, "", act)

    def _done(self, visit: Visit, said: str, *, undo: Undo | None = None) -> Response:
        return self.desk.done(visit, to=f"/desk/tools/{visit.word('slug')}", said=said, undo=undo)


def _me(visit: Visit) -> str:
    return visit.who.person.email


def _wanted(visit: Visit) -> Wanted:
    status, category = visit.text("status"), visit.text("category")
    words, begins = curating.named(visit.text("q")[:80])
    return Wanted(
        status=ToolStatus(status) if status in set(ToolStatus) else None,
        category=category if category in CATEGORIES else "",
        source=visit.text("source")[:80],
        words=words,
        begins=begins,
    )


def _bulk(visit: Visit) -> tuple[Bulk, str]:
    action = visit.text("action")
    if action not in set(Bulk):
        raise Refused("Nothing was chosen to do.", mend="Press one of the buttons below the list.")
    return Bulk(action), visit.text("category")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - digits


def _slug(text: str) -> str:
    """An address as somebody may paste it: the whole of it, or its last part."""
    return text.rstrip("/").rpartition("/")[2].lower()[:80]


def _fields(before: Any, changes: Mapping[str, str]) -> dict[str, str]:
    """What the changed fields were, as the form holds them; nothing when that would not fit into a cookie (the log has
    it all)."""
    was = {name: getattr(before, name) for name in changes}
    words = {name: ", ".join(each) if isinstance(each, tuple) else each or "" for name, each in was.items()}
    changed = {name: each for name, each in words.items() if each != changes[name].replace("\r\n", "\n").strip()}
    return changed if sum(map(len, changed.values())) < _UNDO_LIMIT else {}
