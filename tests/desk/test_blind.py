"""Blind until submitted: every route as every role, with a panel that is half finished.

Two ways of looking. By words: what the others said, and what follows from it, stands nowhere. And by difference: two
products alike in all but what the skeptic said (ship here, skip there, other words, other basis) give everybody who
must not know the same answers, to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app import reviewing
from app.lenses import load_standard_lenses
from app.settings import Settings
from app.wiring import Product
from core.panel import Basis, Decision, DeclineReason, Role, SeatState
from store import panels, reviews, tools
from store.connect import Database
from tests.app import making
from tests.conftest import NOW
from tests.desk.conftest import BUILDER, CHIEF, EDITOR, OPERATOR, SKEPTIC, people, session_of
from web.application import create_app

SAID, OTHER = "Zanzibar in the skeptic's words.", "Quokkas in the skeptic's words."
MARKS = ("anzibar", "uokka", "an uncle of mine")
TWO_LENSES = "two@example.com"
ASKED = "asked@example.com"
HALF = "ada"  # the skeptic has judged it; the builder has submitted nothing yet
BLINDED = (None, BUILDER, TWO_LENSES, OPERATOR, CHIEF)
"""Who must learn nothing: nobody, a reviewer whose verdict is missing, one who judged and has not asked, an operator,
and an editor who reviews, too."""
LEFT_OUT = {"/desk/sign-out", "/desk/me/end-all", "/desk/me/end", "/desk/seats/{seat}/panel", "/metrics"}
"""What ends the session that the walk needs, what asks for the panel, and what counts the process's own work."""


def build(folder: Path, template: str, address: str, *, ship: bool) -> Product:
    """A product with one panel of which one verdict is in, and one closed panel beside it."""
    settings = Settings(_env_file=None, var=folder, database_url=template, base_url=address, secret_key="k" * 40)
    product = Product(settings=settings, database=Database(settings.database), clock=lambda: NOW)
    load_standard_lenses(product)
    people(product)
    reviewer = [Role.REVIEWER]
    reviewing.invite(product, TWO_LENSES, roles=reviewer, lenses=["creator", "founder"], name="Two", actor="test")
    reviewing.invite(product, ASKED, roles=reviewer, lenses=["creator"], name="Asked", actor="test")
    making.shelve(product, "Ada", "Bea")
    quote, basis = (SAID, Basis.DOCS) if ship else (OTHER, Basis.HANDS_ON)
    lease = reviewing.claim(product, SKEPTIC, tool=HALF)
    decision = Decision.SHIP if ship else Decision.SKIP
    reviewing.submit(
        product,
        SKEPTIC,
        seat=lease.seat,
        fence=lease.fence,
        decision=decision,
        quote=quote,
        basis=basis,
        disclosure="An uncle of mine works there.",
    )
    # One has judged through one of two lenses and has not asked for the panel; the builder has begun.
    mine = reviewing.claim(product, TWO_LENSES, tool=HALF, lens="founder")
    reviewing.submit(
        product,
        TWO_LENSES,
        seat=mine.seat,
        fence=mine.fence,
        decision=Decision.SHIP,
        quote="My own words.",
        basis=Basis.DOCS,
    )
    reviewing.claim(product, BUILDER, tool=HALF)
    return product


@pytest.fixture
def pair(tmp_path: Path, sqlite_template: str, server) -> Iterator[list[Product]]:
    import shutil  # noqa: PLC0415 - two databases of this test's own

    made = []
    for ship in (True, False):
        folder = tmp_path / str(ship)
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "v.db")
        made.append(build(folder, f"sqlite:///{folder / 'v.db'}", server.address, ship=ship))
    yield made
    for each in made:
        each.database.close()


def filled(path: str, product: Product) -> list[str]:
    """The addresses that a route stands for here: with the tool, its seats, and things that are not there."""
    with product.database.read() as connection:
        ada = tools.find(connection, HALF)
        chairs = panels.chairs(connection, [ada.id])[ada.id]
        seats = [str(each.id) for each in chairs if each.lens in ("builder", "skeptic", "founder")]
    values = {"seat": seats, "slug": [HALF, "ada-vs-bea"], "name": ["desk.css"], "week": ["2026-W47"]}
    values |= {"key": ["builder", "coding"], "email": [BUILDER], "person": ["1"]}
    addresses = [path]
    for name in re.findall(r"\{([^}:]+)[^}]*\}", path):
        addresses = [
            re.sub(r"\{" + name + r"[^}]*\}", value, each) for each in addresses for value in values.get(name, ["1"])
        ]
    return addresses


def walk(
    product: Product, app: Starlette, address: str, email: str | None, *, posts: bool
) -> dict[tuple[str, str], str]:
    """Every answer of every route for this person; what is random in it is taken out."""
    cookies = {} if email is None else {"desk": session_of(product, email)}
    answers = {}
    with httpx.Client(base_url=address, timeout=30, cookies=cookies) as client:
        for route in app.routes:
            if not isinstance(route, Route) or route.path in LEFT_OUT:
                continue
            if email not in (None, BUILDER) and not route.path.startswith("/desk"):
                continue  # what is public knows nobody
            for path in filled(route.path, product):
                if "GET" in (route.methods or ()):
                    answers["GET", path] = client.get(path)
                if posts and "POST" in (route.methods or ()) and route.path.startswith("/desk"):
                    client.cookies.delete("desk-note") if "desk-note" in client.cookies else None
                    answers["POST", path] = client.post(path, data={"fence": "9", "version": "9"})
    return {key: _steady(answer) for key, answer in answers.items()}


def _steady(answer: httpx.Response) -> str:
    headers = {name: value for name, value in answer.headers.items() if name in ("location", "etag")}
    text = f"{answer.status_code} {headers} {answer.text}"
    return re.sub(r"[A-Za-z0-9_.=-]{32,}", "*", text)  # secrets, signatures and hashes


def test_who_must_not_know_learns_nothing_from_any_route(pair, server):
    leaks, differences, apps = [], [], [create_app(each) for each in pair]
    for email in BLINDED:
        found = []
        for product, app in zip(pair, apps, strict=True):
            server.stage.app = app
            found.append(walk(product, app, server.address, email, posts=email == TWO_LENSES))
        here, there = found
        assert len(here) > 40
        assert here.keys() == there.keys()
        leaks += [(email, key) for one in found for key, text in one.items() if any(m in text for m in MARKS)]
        differences += [(email, key) for key in here if here[key] != there[key]]
    assert leaks == []
    assert differences == [], differences


def test_who_may_know_does_and_the_test_above_would_notice(pair, server):
    product = pair[0]
    server.stage.app = create_app(product)
    page = f"/desk/panels/{HALF}"
    with httpx.Client(base_url=server.address, timeout=30, cookies={"desk": session_of(product, EDITOR)}) as editor:
        assert SAID.replace("'", "&#39;") in editor.get(page).text
    with product.database.read() as connection:
        ada = tools.find(connection, HALF)
        [mine] = [each for each in panels.chairs(connection, [ada.id])[ada.id] if each.lens == "founder"]
    seat = f"/desk/seats/{mine.id}"
    with httpx.Client(base_url=server.address, timeout=30, cookies={"desk": session_of(product, TWO_LENSES)}) as two:
        assert "anzibar" not in two.get(seat).text
        two.post(f"{seat}/panel")
        assert "anzibar" in two.get(seat).text


def test_an_editor_who_reviews_gives_up_judging_to_see_and_never_judges_that_tool(pair, server):
    product = pair[0]
    server.stage.app = create_app(product)
    page = f"/desk/panels/{HALF}"
    with httpx.Client(base_url=server.address, timeout=30, cookies={"desk": session_of(product, CHIEF)}) as chief:
        hidden = chief.get(page).text
        assert "You could still judge this tool" in hidden
        assert "anzibar" not in hidden
        chief.post(f"{page}/show")
        assert "anzibar" in chief.get(page).text
        refused = [each for each in (chief.get("/desk/queue").text,) if "Ada" in each]
        assert refused == []
    with pytest.raises(Exception, match="You have seen what the others say"):
        reviewing.claim(product, CHIEF, tool=HALF)


def test_the_second_lens_of_a_reviewer_is_theirs_until_they_have_seen_the_others(pair):
    product = pair[0]
    lease = reviewing.claim(product, TWO_LENSES, tool=HALF, lens="creator")
    reviewing.decline(product, TWO_LENSES, lease.seat, reason=DeclineReason.LATER)
    reviewing.take_back_decline(product, TWO_LENSES, lease.seat)
    with product.database.read() as connection:
        at = tools.find(connection, HALF).id
    reviewing.look(product, TWO_LENSES, [at])
    with pytest.raises(Exception, match="You have seen what the others say"):
        reviewing.claim(product, TWO_LENSES, tool=HALF, lens="creator")
    with product.database.read() as connection:
        ada = tools.find(connection, HALF)
        free = [each for each in panels.chairs(connection, [ada.id])[ada.id] if each.lens == "creator"]
        assert free[0].state is SeatState.OPEN
        assert len(reviews.verdicts(connection, [ada.id])[ada.id]) == 2
    assert reviewing.claim(product, ASKED, tool=HALF).lens == "creator"
