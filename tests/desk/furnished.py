"""A desk in the middle of a busy week: something on every page, as kind, long and hostile as the world is.

`furnish` fills a product through the front door; `looks` names what there is to see of it, by who looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import (
    alarming,
    arranging,
    composing,
    correcting,
    curating,
    editing,
    pairing,
    questions,
    reminding,
    reviewing,
    sending,
    staffing,
    subscribing,
    suggesting,
)
from app.questions import Answer
from app.wiring import Product
from core.panel import Basis, Decision, DeclineReason, Draft, Role
from core.sighting import Sighting, Signal
from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceState
from core.week import Week
from store import comparisons, panels, people, schema, sources, tools, votes
from tests.app import making
from tests.app.test_editing import ask
from tests.conftest import NOW
from tests.desk.conftest import BUILDER, CHIEF, EDITOR, OPERATOR, SECOND_BUILDER, SKEPTIC
from tests.desk.editors import HOSTILE
from tests.desk.test_sending import doubt
from web.application import create_app
from web.desk.room import DeskRoute

SENT, DRAFT = Week(2026, 48), Week(2026, 49)
QUOTE = (
    "The primitive is honest: one call, one answer, and an error that says what went wrong. I wired it into a small"
    " service in an afternoon and took it out again without a scar. The docs stop where the interesting part begins."
)
DESCRIBED = (
    "{0} reads a repository, finds what nobody has tested and writes the tests that are missing. It runs where the"
    " code lies, asks before it changes a file, and explains every line that it leaves behind. Teams on five"
    " continents use it in their pipelines, most of them at night, when nobody waits for the answer."
)
NAMES = ("Ada", "Bea", "Cid", "Dot", "Eve", "Fay", "Gus", "Hal", "Ivy", "Jon", "Kim", "Lea", "Max", "Nia", "Oli", "Pia")
ABOUT = {
    "Max": "an AI agent that transcribes podcasts, tells the voices apart and cuts the silence out of long recordings",
    "Nia": "an AI agent that transcribes podcasts on a laptop and tells the voices of long recordings apart",
    "Oli": "an AI agent that draws architecture diagrams from the deployment files of a cluster and keeps them current",
    "Pia": "an AI agent that draws architecture diagrams for a cluster from nothing but its deployment files",
}
"""What is like one thing alone, and so can be paired."""
LONG = "Pneumonoultramicroscopicsilicovolcanoconiosis-Instruct-v2.5-GGUF-Q4_K_M"
RTL = "مساعد الشيفرة"


def furnish(product: Product) -> dict[str, str]:
    """Fill the product, in which the people of `tests.desk.conftest` are already. Returns what stands for the parts of
    addresses: `seat`, `person` and so on."""
    for lens in ("founder", "creator"):
        email = f"{lens}@example.com"
        reviewing.invite(product, email, roles=[Role.REVIEWER], lenses=[lens], name=lens.title(), actor=OPERATOR)
    reviewing.invite(product, "futurist@example.com", roles=[Role.REVIEWER], lenses=["futurist"], actor=OPERATOR)
    _bring_tools(product)
    parts = _judge(product)
    _edit(product)
    parts |= _ask(product)
    _compare(product)
    _send(product)
    _hear(product)
    _operate(product)
    making.hold(product)
    with product.database.read() as connection:
        parts["person"] = str(people.find(connection, SKEPTIC).id)
        parts["reader"] = str(connection.scalar(sa.select(sa.func.min(schema.subscriber.c.id))))
    return parts | {"slug": "ada", "week": str(DRAFT), "source": "shelf", "lens": "builder"}


def _entry(name: str, **more: Any) -> Sighting:
    signals = (Signal(name="points", value=412.0), Signal(name="comments", value=96.0))
    words = f"{name} is {ABOUT[name]}." if name in ABOUT else DESCRIBED.format(name)
    values = {"summary": words, "signals": signals, "licence": "apache-2.0"} | more
    return making.sighting(name, **values)


def _bring_tools(product: Product) -> None:
    making.bring(product, *(_entry(name) for name in NAMES))
    making.bring(product, _entry(LONG, tagline="A name as model makers like them, and an AI agent behind it"))
    making.bring(product, _entry(RTL, external_id="rtl", url="https://feed.example/rtl", tagline=f"{RTL} AI agent"))
    making.bring(
        product, _entry(HOSTILE, external_id="evil", url="https://feed.example/evil", tagline=f"{HOSTILE} AI agent")
    )
    again = _entry("Ada").identifiers
    making.bring(
        product,
        *(_entry("Ada", source="rack", external_id=f"ada-{n}", identifiers=again) for n in range(3)),
    )


def _judge(product: Product) -> dict[str, str]:
    for name, verdicts in (
        ("ada", "+++-"),
        ("bea", "+-+-"),
        ("cid", "++++"),
        ("dot", "---+"),
        ("eve", "+++-"),
        ("nia", "+--+"),
    ):
        making.judge(product, name, verdicts, quote=QUOTE)
    for name in ("fay", "gus", "max", "oli", "pia"):
        making.judge(product, name, "+++-", quote=f"{QUOTE} Unlike Zork Studio it is calm.")
    making.judge(product, "hal", "+-", quote=QUOTE)
    bot = "bot@example.com"
    reviewing.invite(product, bot, roles=[Role.REVIEWER], lenses=["creator"], machine=True, name="Bot", actor=OPERATOR)
    _submit(product, bot, "hal", quote="As a program I have read the documentation, and nothing but that.")
    _decline(product, "futurist@example.com", "hal", DeclineReason.CONFLICT)
    _decline(product, "chief@example.com", "hal", DeclineReason.NOT_MY_FIELD)
    seats = {"seat": _held(product, BUILDER, "ivy")}
    seats["said"] = str(_submit(product, "skeptic@example.com", "ivy", quote=QUOTE))
    shown = _submit(product, "skeptic@example.com", "kim", quote=QUOTE, disclosure="I know one of its makers.")
    reviewing.show_panel(product, SKEPTIC, shown)
    _revise(product, SKEPTIC, shown)
    seats["shown"] = str(shown)
    seats["taken"] = str(reviewing.claim(product, "second@example.com", tool="lea").seat)
    with product.database.read() as connection:
        seats["open"] = str(next(c.id for c in _chairs(connection, "jon") if c.lens == "builder"))
    return seats


def _chairs(connection: Any, slug: str) -> Sequence[panels.Chair]:
    at = tools.find(connection, slug).id
    return panels.chairs(connection, [at])[at]


def _submit(product: Product, email: str, tool: str, **more: Any) -> int:
    lease = reviewing.claim(product, email, tool=tool)
    values = {"decision": Decision.SHIP, "quote": QUOTE, "basis": Basis.HANDS_ON} | more
    reviewing.submit(product, email, seat=lease.seat, fence=lease.fence, **values)
    return lease.seat


def _revise(product: Product, email: str, seat: int) -> None:
    reviewing.revise(
        product,
        email,
        seat=seat,
        version=1,
        decision=Decision.SKIP,
        quote=f"{QUOTE} And then it lost a file.",
        basis=Basis.HANDS_ON,
        reason="I tried it for another week.",
    )


def _decline(product: Product, email: str, tool: str, reason: DeclineReason) -> None:
    lease = reviewing.claim(product, email, tool=tool)
    reviewing.decline(product, email, lease.seat, reason=reason)


def _held(product: Product, email: str, tool: str) -> str:
    lease = reviewing.claim(product, email, tool=tool)
    draft = Draft(seat=lease.seat, decision=Decision.SHIP, quote=QUOTE[:90], version=0)
    reviewing.save_draft(product, email, draft, fence=lease.fence)
    return str(lease.seat)


def _edit(product: Product) -> None:
    editing.edit_tool(product, "ada", {"tagline": "Writes the tests nobody wrote"}, actor=EDITOR)
    with product.database.read() as connection:
        version = tools.find(connection, "ada").version
    curating.keep_fact(
        product,
        "ada",
        field="parameters",
        value="2.2 B",
        source_url="https://ada.example/card",
        seen_on="2026-11-20",
        version=version,
        actor=EDITOR,
    )


def _ask(product: Product) -> dict[str, str]:
    first = ask(product, "ivy", "jon", score=0.71)
    for one, other, score in (("kim", "lea", 0.5), ("ivy", "kim", 0.44)):
        ask(product, one, other, score=score)
    answered = ask(product, "jon", "kim", score=0.4)
    questions.answer(product, answered, Answer.DIFFERENT, actor=EDITOR)
    return {"question": str(first), "answered": str(answered)}


def _compare(product: Product) -> None:
    for one, other in (("ada", "bea"), ("cid", "dot")):
        making.approve(product, one, other)
    gone = making.approve(product, "ada", "gus")
    editing.retire_comparison(product, gone.slug, email=EDITOR, version=gone.version)
    editing.create_comparison(product, "eve", "fay", actor=EDITOR)
    suggesting.look(product)
    *_, last = suggesting.listed(product)
    pairing.reject(product, last.a, last.b, by=EDITOR, reason="Nobody would choose between these two.")
    suggesting.look(product)


def _send(product: Product) -> None:
    """One edition on its way with a batch in doubt, and the next one half composed, with a stale line in it."""
    making.enrol(product, 40)
    composing.assemble(product, DRAFT)
    edition = arranging.show(product, DRAFT).edition
    arranging.arrange(product, DRAFT, version=edition.version, order=["cid-vs-dot"], email=EDITOR)
    composing.assemble(product, SENT)
    composing.approve(product, SENT, email=EDITOR)
    sending.prepare(product, SENT, actor=OPERATOR, recipients=10)
    doubt(product)
    editing.edit_tool(product, "cid", {"description": "Something else entirely."}, actor=EDITOR)
    editing.look_for_changes(product)


def _hear(product: Product) -> None:
    """What readers say: corrections in each state, and votes of a crowd."""
    about = "compare/ada-vs-bea"
    for claim, source in (("The licence is another one.", "https://ada.example/licence"), (HOSTILE, ""), ("No.", "")):
        correcting.report(product, about, claim=claim, source_url=source)
    numbers = [each.id for each in correcting.queue(product)]
    correcting.settle(product, numbers[-1], accept=False, note="It is as it says.", email=EDITOR)
    at = correcting.report(product, "tools/bea", claim="It is not free any more.", source_url="")
    correcting.settle(product, at, accept=True, note="It was free; since 20 November it asks for $20.", email=EDITOR)
    with product.database.write() as connection:
        pair, choice = comparisons.find(connection, "ada-vs-bea").id, tools.find(connection, "ada").id
        for reader in connection.scalars(sa.select(schema.subscriber.c.id).limit(6)).all():
            votes.cast(connection, comparison_id=pair, subscriber=reader, choice=choice, now=product.now)
            votes.set_aside(connection, comparison_id=pair, subscriber=reader, reason="many from one network")


def _operate(product: Product) -> None:
    with product.database.write() as connection:
        sources.sync(connection, [making.SHELF, *(_source(key) for key in ("rack", "attic", "cellar"))])
        sources.finish(connection, [_run("shelf", hour, entries=(hour * 7) % 31) for hour in range(70, 0, -1)])
        sources.finish(connection, [_run("rack", hour, error="timeout after 10.2 s") for hour in range(30, 0, -6)])
        sources.set_state(connection, "attic", SourceState.PAUSED)
        due = sa.update(schema.seat).where(schema.seat.c.waiting).values(due_at=product.now - timedelta(days=1))
        connection.execute(due)
        someone = people.find(connection, BUILDER).id
        passkey = {"credential": "c", "public_key": "k", "uses": 3, "name": "Phone", "made_at": product.now}
        connection.execute(sa.insert(schema.passkey).values(person=someone, **passkey))
    reminding.remind(product)
    first = alarming.standing(product)[0]
    with product.database.read() as connection:
        operator = people.find(connection, OPERATOR)
    alarming.acknowledge(product, first.key, seen=first.mark, by=operator)
    lens = staffing.find_lens(product, "creator")
    staffing.change_lens(product, replace(lens, motto="Would I use it?"), seen=staffing.mark(lens), actor=OPERATOR)
    subscribing.stop_domain(product, "trash.example", note="throwaway addresses", actor=OPERATOR)


def _source(key: str) -> Source:
    return Source(key=key, kind="feed", url=f"https://{key}.example/", schedule="0 1 * * *", enabled=key != "cellar")


def _run(key: str, hours: int, *, entries: int = 0, error: str | None = None) -> tuple[Reading, FetchRecord]:
    at, outcome = NOW - timedelta(hours=hours), Outcome.FAILED if error else Outcome.OK
    reading = Reading(source=key, at=at, outcome=outcome, cursor=Cursor(), error=error, budget_left=40)
    left_out = {"older than two weeks": 2} if entries else {}
    record = FetchRecord(
        source=key, at=at, outcome=outcome, entries=entries, new=entries // 4, error=error, left_out=left_out
    )
    return reading, record


# ------------------------------------------------------------ what there is to see

SEND = """([path, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: path });
  for (const [name, value] of fields) form.append(Object.assign(document.createElement("textarea"), { name, value }));
  document.body.append(form);
  form.submit();
}"""
"""For a browser: send a form as the page that it is on would."""

NOBODY = ""
ELSEWHERE = {
    "/desk": "leads on",
    "/desk/suggest/tools": "JSON",
    "/desk/editions/{week}/html": "the mail itself: tests/check_mail.py",
    "/desk/editions/{week}/text": "the mail itself: tests/check_mail.py",
    "/desk/comparisons/{slug}/page": "the public page itself: tests/check_pages.py",
    "/desk/comparisons/{slug}/mail": "the mail itself: tests/check_mail.py",
}
"""Addresses whose answer is no page of the desk's own."""
_OWN = {Role.REVIEWER: BUILDER, Role.EDITOR: EDITOR, Role.OPERATOR: OPERATOR}
_MORE = {
    BUILDER: ("queue?state=held", "queue?category=audio", "seats/{open}", "seats/{taken}", "seats/999999"),
    SECOND_BUILDER: ("seats/{taken}", "mine"),
    SKEPTIC: ("seats/{said}", "seats/{shown}", "mine"),
    CHIEF: ("me", "panels/ivy", "queue"),
    EDITOR: (
        "panels?show=closed",
        "panels?show=unread",
        "panels?show=deserted",
        "panels/hal",
        "panels/lea",
        "duplicates/{answered}",
        *(f"comparisons?state={state}" for state in ("stale", "approved", "published", "retired")),
        "comparisons/cid-vs-dot",
        "comparisons/ada-vs-gus",
        f"editions/{SENT}",
        "tools?q=zzz",
        "tools?q=pneumono&status=queued",
        "tools/tool",
        "corrections?state=accepted",
        "corrections?state=rejected",
    ),
    OPERATOR: (
        "sources?state=failing",
        "sources/rack",
        "sources/attic",
        "log?action=verdict.submit",
        "log?subject=tool:ada",
        "log?actor=nobody@example.com",
        f"sending/{SENT}/mails?state=pending",
        "lenses/creator",
        "people/1",
        "people/999",
    ),
    NOBODY: ("sign-in", "sign-in/forged"),
}
_POSTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (NOBODY, "sign-in", {"address": "builder@example.com"}),
    (NOBODY, "sign-in", {"address": "no address"}),
    (BUILDER, "seats/{seat}/submit", {"quote": QUOTE, "fence": "1", "version": "1"}),
    (BUILDER, "seats/{seat}/draft", {"quote": "From another tab", "fence": "1", "version": "7"}),
    (BUILDER, "seats/{taken}/submit", {"quote": QUOTE, "decision": "ship", "basis": "docs", "fence": "1"}),
    (SKEPTIC, "seats/{shown}/revise", {"quote": QUOTE, "decision": "ship", "basis": "docs", "verdict": "2"}),
    (EDITOR, "bulk/tools", {"action": "reject", "pick:jon": "1", "pick:ada": "1", "pick:tool": "1"}),
    (EDITOR, "bulk/duplicates", {"pick:1": "1", "pick:2": "1"}),
    (EDITOR, "corrections/1", {"note": "Half an answer"}),
    (EDITOR, "comparisons/eve-vs-fay/approve", {"version": "9"}),
    (EDITOR, "tools/ada", {"name": "Other", "tagline": "Typed", "version": "1"}),
    (EDITOR, f"editions/{DRAFT}", {"act": "keep", "version": "1", "subject": "Typed", "preheader": "", "intro": "*x*"}),
    (EDITOR, "pairs", {"one": "ada", "other": "nobody"}),
    (OPERATOR, "people", {"email": "nobody"}),
    (OPERATOR, "people/{person}", {"seen": "older", "name": "Typed"}),
    (OPERATOR, "lenses/creator", {"seen": "older", "name": "Typed"}),
    (OPERATOR, "lenses", {"key": "Wrong Key", "name": "Typed"}),
    (OPERATOR, "subscribers/find", {"address": "nobody@nowhere.example"}),
    (OPERATOR, "subscribers/domains", {"domain": "no domain"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Somebody opens a page, or sends the form `data` and looks at the page that answers."""

    who: str
    path: str
    data: tuple[tuple[str, str], ...] | None = None

    def __str__(self) -> str:
        who = self.who.partition("@")[0] or "nobody"
        return f"{self.path} as {who}{' posting ' + str(dict(self.data)) if self.data else ''}"


def looks(product: Product, parts: dict[str, str]) -> Iterator[Look]:
    """Every page of the desk, in the states that it has. Raises KeyError for a route without an example."""
    for route in create_app(product).routes:
        if _shown(route):
            yield Look(who=_own(route.roles), path=_filled(route.path, parts))
    for who, paths in _MORE.items():
        yield from (Look(who=who, path=f"/desk/{path.format_map(parts)}") for path in paths)
    for who, path, data in _POSTS:
        yield Look(who=who, path=f"/desk/{path.format_map(parts)}", data=tuple(data.items()))


def looks_at_nothing(product: Product) -> Iterator[Look]:
    """Every page that is there before anything else is: those whose address has no part."""
    for route in create_app(product).routes:
        if _shown(route) and "{" not in route.path:
            yield Look(who=_own(route.roles), path=route.path)


def _shown(route: Any) -> bool:
    shown = isinstance(route, DeskRoute) and route.roles and "GET" in (route.methods or ())
    return bool(shown) and route.path not in ELSEWHERE


def _own(roles: frozenset[Role]) -> str:
    return next(email for role, email in _OWN.items() if role in roles)


def _filled(path: str, parts: dict[str, str]) -> str:
    named = {"/desk/sending/{week}": str(SENT), "/desk/comparisons/{slug}": "eve-vs-fay", "/desk/panels/{slug}": "ivy"}
    for start, value in named.items():
        if path.startswith(start):
            return f"{start.rpartition('/')[0]}/{value}{path.removeprefix(start)}"
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], path)
