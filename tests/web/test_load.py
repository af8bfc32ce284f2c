"""What keeps pages fast: answers kept in memory, a fixed number of statements, limits, and figures for the operator."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import limiting
from app.lenses import load_standard_lenses
from app.limiting import Caller, Limit, TooMany
from app.tidying import tidy
from app.wiring import Product
from core.week import Week
from store.schema import form_use
from tests.web import shelf
from tests.web.samples import APPROVED, EMPTY, SKILLCLAW, VIEW, bare
from web.application import create_app
from web.keeping import Kept, KeptAnswers, Shelf

# ------------------------------------------------------------ statements

PATHS = [
    "/",
    f"/compare/{VIEW.slug}",
    "/tools/skillclaw",
    "/lenses/builder",
    "/categories/agents",
    "/editions",
    "/editions/2026-W48",
    "/search?q=skill",
    "/search?q=agent+skill",
    "/methodology",
    "/corrections",
    "/feed.atom",
    "/categories/agents/feed.atom",
    "/changes.atom",
    "/llms.txt",
    "/sitemap.xml",
    "/badge/skillclaw.svg",
    "/api/tools",
    "/api/tools/skillclaw",
    "/api/comparisons",
    f"/api/comparisons/{VIEW.slug}",
    "/api/editions",
    "/api/editions/2026-W48",
]
MOST = 22


@contextmanager
def counted(product: Product) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            sent.append(statement)

    sa.event.listen(product.database.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(product.database.engine, "before_cursor_execute", note)


def small(product: Product) -> None:
    load_standard_lenses(product)
    other = replace(VIEW, slug="ayes-vs-bees", a=replace(VIEW.a, slug="ayes"), b=replace(VIEW.b, slug="bees"))
    shelf.publish(product, VIEW, other)
    shelf.edition(product, Week(2026, 48), [VIEW.slug], subject="One")


def grow(product: Product) -> None:
    """Fifty times as much of everything."""
    views = []
    for number in range(50):
        other = replace(SKILLCLAW, slug=f"zz{number:02}", name=f"Skill {number}")
        views += [replace(VIEW, slug=f"skillclaw-vs-{other.slug}", b=other)]
        views += [replace(EMPTY, slug=f"x{number}-vs-y{number}", a=bare(f"x{number}"), b=bare(f"y{number}"))]
    shelf.publish(product, *views)
    for number, view in enumerate(views[:20]):
        shelf.edition(product, Week(2027, number + 1), [view.slug], subject="More")


def test_every_page_takes_a_fixed_number_of_statements_however_much_there_is(fresh, fresh_site):
    def statements() -> dict[str, int]:
        found = {}
        for path in PATHS:
            with counted(fresh) as sent:
                assert fresh_site.get(path).status_code == 200, path
            found[path] = len(sent)
        return found

    small(fresh)
    before = statements()
    grow(fresh)
    assert statements() == before
    assert max(before.values()) <= MOST


# ------------------------------------------------------------ answers kept


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def kept_site(server, client, fresh, monkeypatch):
    """A site that keeps answers for a minute of a clock that stands still, and the clock."""
    clock = Clock()
    plain = KeptAnswers.__init__
    monkeypatch.setattr(
        KeptAnswers, "__init__", lambda self, app, seconds: plain(self, app, seconds=seconds, clock=clock)
    )
    shelf.publish(fresh, EMPTY)
    server.stage.app = create_app(fresh, keep_seconds=60)
    return client, clock


PAGE = f"/compare/{EMPTY.slug}"


def test_a_page_is_made_once_a_minute_and_its_votes_are_a_minute_old_at_most(fresh, kept_site):
    site, clock = kept_site
    first = site.get(PAGE)
    shelf.vote(fresh, EMPTY, for_a=1, for_b=0)
    with counted(fresh) as sent:
        again = site.get(PAGE)
    assert (again.text, again.headers["etag"], sent) == (first.text, first.headers["etag"], [])
    clock.now = 60
    assert "1 of 10 votes" in site.get(PAGE).text


def test_a_kept_answer_is_the_same_in_every_encoding_and_has_all_its_headers(kept_site):
    site, _ = kept_site
    for encoding in ("gzip", "identity"):
        first, again = (site.get(PAGE, headers={"Accept-Encoding": encoding}) for _ in range(2))
        assert first.text == again.text
        assert {k: v for k, v in first.headers.items() if k != "date"} == {
            k: v for k, v in again.headers.items() if k != "date"
        }
    assert "content-security-policy" in again.headers


def test_a_kept_answer_is_not_sent_to_who_has_it(kept_site):
    site, _ = kept_site
    first = site.get(PAGE)
    for name, held in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        again = site.get(PAGE, headers={name: first.headers[held]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/search?q=bare", "/nothing", "/healthz", "/corrections/report?about=tools/bare"])
def test_what_is_private_missing_or_asked_with_a_query_is_not_kept(fresh, kept_site, path):
    site, _ = kept_site
    site.get(path)
    with counted(fresh) as sent:
        site.get(path)
    assert sent or path in ("/nothing", "/healthz")
    if path == "/nothing":
        assert "etag" not in site.get(path).headers


def test_what_was_taken_back_is_gone_after_the_minute(fresh, kept_site):
    from store import tools  # noqa: PLC0415
    from store.merges import retire_comparisons  # noqa: PLC0415

    site, clock = kept_site
    site.get(PAGE)
    with fresh.database.write() as connection:
        retire_comparisons(connection, tools.find(connection, EMPTY.a.slug).id)
    clock.now = 60
    assert [site.get(PAGE).status_code for _ in range(2)] == [404, 404]


def kept(size: int = 0, until: float = 60) -> Kept:
    return Kept(headers=[], body=b"x" * size, tag="t", modified="m", until=until)


def test_only_one_request_makes_an_expired_answer_anew():
    shelf_ = Shelf()
    shelf_.keep(("/", False), kept(until=60))
    assert shelf_.find(("/", False), now=59) is not None
    assert [shelf_.find(("/", False), now=60) is None for _ in range(3)] == [True, False, False]


def test_the_answers_that_nobody_asks_for_make_room():
    shelf_ = Shelf(most_bytes=3000)
    for number in range(5):
        shelf_.keep((f"/{number}", False), kept(size=500))
        shelf_.find(("/0", False), now=0)
    assert [path for path, _ in shelf_.answers] == ["/3", "/0", "/4"] or ("/0", False) in shelf_.answers
    assert shelf_.bytes <= 3000
    for key in list(shelf_.answers):
        shelf_.drop(key)
    assert shelf_.bytes == 0


def test_an_answer_that_sets_a_cookie_is_never_kept():
    async def app(_scope, _receive, send) -> None:
        headers = [(b"cache-control", b"public"), (b"etag", b"t"), (b"last-modified", b"m"), (b"set-cookie", b"a=b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x"})

    keeping = KeptAnswers(app)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}

    async def drop(_message) -> None:
        return

    asyncio.run(keeping(scope, None, drop))
    assert keeping.shelf.answers == {}


# ------------------------------------------------------------ limits


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setattr(limiting, "LIMITS", {"vote": Limit(per_address=2, per_network=4)})


def test_a_limit_holds_per_address_and_per_network_and_ends_with_the_hour(fresh, strict):
    product = fresh.at(APPROVED)
    for number in (1, 1, 2, 3):
        limiting.use(product, "vote", Caller(address=f"192.0.2.{number}"))
    for full in ("192.0.2.1", "192.0.2.4"):
        with pytest.raises(TooMany) as stopped:
            limiting.use(product, "vote", Caller(address=full))
        assert stopped.value.retry_after == APPROVED + timedelta(hours=1)
    limiting.use(product, "vote", Caller(address="198.51.100.1"))
    limiting.use(product.at(APPROVED + timedelta(hours=1)), "vote", Caller(address="192.0.2.1"))


def test_a_use_that_is_refused_is_not_written_down(fresh, strict):
    product = fresh.at(APPROVED)
    for _ in range(2):
        limiting.use(product, "vote", Caller(address="192.0.2.1"))
    with counted(fresh) as sent, pytest.raises(TooMany):
        limiting.use(product, "vote", Caller(address="192.0.2.1"))
    assert not [each for each in sent if not each.startswith("SELECT")]


def test_no_address_is_written_down_and_counters_are_forgotten(fresh, strict):
    product = fresh.at(APPROVED)
    limiting.use(product, "vote", Caller(address="192.0.2.1"))
    limiting.use(product, "vote", Caller(address=None))
    with fresh.database.read() as connection:
        stored = connection.execute(sa.select(form_use)).all()
    assert len(stored) == 2
    assert "192.0.2.1" not in str(stored)
    tidy(fresh.at(APPROVED + timedelta(hours=4)))
    with fresh.database.read() as connection:
        assert connection.execute(sa.select(form_use)).all() == []


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("testclient", None), (None, None)],
)
def test_a_network_is_too_wide_to_name_anybody(address, network):
    assert Caller(address=address).network == network


# ------------------------------------------------------------ figures


def figure(text: str, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} ([\d.e+]+)$", text, re.MULTILINE)
    assert found is not None, line
    return float(found[1])


def test_metrics_tell_what_there_is_and_what_was_answered_and_refused(fresh, fresh_site):
    shelf.publish(fresh, VIEW)
    shelf.vote(fresh, VIEW, for_a=2, for_b=1)
    fresh_site.get("/")
    fresh_site.get("/vote/forged")
    fresh_site.get("/a-made-up-path")
    fresh_site.post("/subscribe", data={"address": "a@reader.example"}, headers={"Sec-Fetch-Site": "cross-site"})
    response = fresh_site.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert response.headers["cache-control"] == "no-store"
    assert figure(response.text, 'verdicts_votes{state="counted"}') == 3
    assert figure(response.text, 'verdicts_comparisons{state="approved"}') == 1
    assert figure(response.text, 'verdicts_web_request_seconds_count{page="home",status="200"}') == 1
    assert figure(response.text, 'verdicts_web_request_seconds_count{page="other",status="404"}') == 1
    assert figure(response.text, 'verdicts_web_refused_total{form="vote",why="refused"}') == 1
    assert figure(response.text, 'verdicts_web_refused_total{form="subscribe",why="other_site"}') == 1


def test_metrics_are_for_this_machine_alone(fresh, fresh_site):
    assert fresh_site.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
