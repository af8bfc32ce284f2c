"""One run of one source: what it yields, how it went, and what the next run needs."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from core.errors import Conflict, FetchError
from core.source import Cursor, Outcome, Reading, Request, Response, Source, Validators
from ingest import reading
from ingest.fetch import Fetcher
from ingest.reading import Asked, read, read_all
from ingest.sources import workers
from tests.ingest import bodies
from tests.ingest.making import NOW, atom, entry, response, source
from tests.ingest.servers import reply, serving


class Site:
    """Answers by path, out of memory, with ETags as a real server gives them."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    async def fetch(self, request: Request, validators: Validators) -> Response:
        self.asked.append(request.url)
        answer = self.answers.get(request.url, FetchError("not there", http_status=404, permanent=True))
        if isinstance(answer, Exception):
            raise answer
        body = (
            answer
            if isinstance(answer, bytes)
            else answer.encode()
            if isinstance(answer, str)
            else orjson.dumps(answer)
        )
        digest = hashlib.sha256(body).hexdigest()
        fresh = Validators(etag=digest[:8], body_hash=digest)
        if validators.body_hash == digest:
            return response(b"", request, not_modified=True, status=304, validators=fresh)
        return response(body, request, validators=fresh)


URL = "https://example.com/feed.xml"
FEED = source("feed")


def clock() -> Any:
    return NOW


def run(site: Site, asked: Source = FEED, cursor: Cursor | None = None, history: Sequence[int] = ()) -> Reading:
    return asyncio.run(read(asked, cursor or Cursor(), fetcher=site, clock=clock, history=lambda: history))


def test_a_run_yields_sightings_and_the_cursor_of_the_next() -> None:
    site = Site({URL: atom(entry(1), entry(2))})
    first = run(site)
    assert (first.outcome, len(first.sightings), first.http_status, first.error) == (Outcome.OK, 2, 200, None)
    assert (first.at, first.source) == (NOW, "feed")
    assert first.bytes > 0
    second = run(site, cursor=first.cursor)
    assert (second.outcome, second.sightings, second.http_status) == (Outcome.NOT_MODIFIED, (), 304)
    assert second.cursor == first.cursor


def test_a_failure_is_a_reading_with_its_reason() -> None:
    result = run(Site({}))
    assert (result.outcome, result.error, result.http_status, result.gone) == (Outcome.FAILED, "not there", 404, False)


def test_a_gone_source_says_so() -> None:
    assert run(Site({URL: FetchError("gone", http_status=410, permanent=True)})).gone


def test_a_wait_is_handed_on() -> None:
    until = NOW + timedelta(hours=1)
    result = run(Site({URL: FetchError("later", http_status=429, retry_after=until)}))
    assert (result.outcome, result.not_before) == (Outcome.FAILED, until)


def test_what_cannot_be_parsed_is_not_taken_for_unmodified_the_next_time() -> None:
    site = Site({URL: "<html>Just a moment</html>"})
    first = run(site)
    assert (first.outcome, first.http_status) == (Outcome.FAILED, 200)
    assert first.cursor == Cursor()
    assert run(site, cursor=first.cursor).outcome is Outcome.FAILED


def test_silence_where_entries_are_usual_is_a_failure() -> None:
    site = Site({URL: atom()})
    assert run(site, history=[20, 20, 0]).outcome is Outcome.FAILED
    assert "20 are usual" in (run(site, history=[20, 20, 0]).error or "")
    assert run(site, history=[20, 20, 0]).cursor == Cursor()
    assert run(site, history=[0, 0, 20]).outcome is Outcome.EMPTY
    assert run(site).outcome is Outcome.EMPTY


def test_silence_by_design_is_empty() -> None:
    weekend = '<?xml version="1.0"?><rss version="2.0"><channel><title>cs.AI</title></channel></rss>'
    asked = source("arxiv")
    assert run(Site({asked.url: weekend}), asked, history=[300]).outcome is Outcome.EMPTY


def test_entries_left_out_on_purpose_are_no_silence() -> None:
    asked = source("huggingface-models")
    site = Site({asked.url: [{**bodies.MODEL, "private": True}]})
    result = run(site, asked, history=[50])
    assert (result.outcome, result.left_out) == (Outcome.EMPTY, {"private": 1})


def test_entries_of_which_none_can_be_read_are_a_failure() -> None:
    asked = source("huggingface-models")
    result = run(Site({asked.url: [{"name": "x"}, {"name": "y"}]}), asked)
    assert result.outcome is Outcome.FAILED
    assert "None" not in (result.error or "")
    assert len(result.bad) == 2


def test_mostly_unreadable_entries_degrade() -> None:
    asked = source("huggingface-models")
    result = run(Site({asked.url: [bodies.MODEL, {"name": "x"}, {"name": "y"}]}), asked)
    assert (result.outcome, len(result.sightings)) == (Outcome.DEGRADED, 1)
    assert "2 of 3 entries" in (result.error or "")


def test_one_failed_request_of_several_degrades_and_keeps_what_it_knew() -> None:
    asked = source("github-search", queries=["topic:a", "topic:b"])
    one, other = [request.url for request in reading.adapter_of("github-search").requests(asked, Cursor(), NOW)]
    site = Site(
        {one: {"items": [bodies.REPOSITORY]}, other: {"items": [{**bodies.REPOSITORY, "id": 78, "full_name": "a/c"}]}}
    )
    first = run(site, asked)
    assert (first.outcome, len(first.sightings)) == (Outcome.OK, 2)
    site.answers[other] = FetchError("it broke off")
    second = run(site, asked, first.cursor)
    assert (second.outcome, second.error) == (Outcome.DEGRADED, "it broke off")
    assert second.cursor.validators == first.cursor.validators


def test_a_host_that_wants_rest_is_not_asked_further() -> None:
    asked = source("github-search", queries=["topic:a", "topic:b"])
    site = Site({})
    site.answers = dict.fromkeys(
        [r.url for r in reading.adapter_of("github-search").requests(asked, Cursor(), NOW)],
        FetchError("wait", retry_after=NOW),
    )
    run(site, asked)
    assert len(site.asked) == 1


def test_reddit_refusing_is_degraded_and_loses_nothing() -> None:
    asked = source("reddit")
    before = Cursor(validators={asked.url: Validators(etag="x")})
    result = run(Site({asked.url: FetchError("no", http_status=403, permanent=True)}), asked, before)
    assert (result.outcome, result.error, result.cursor) == (Outcome.DEGRADED, "no", before)
    assert run(Site({asked.url: FetchError("no", http_status=500)}), asked).outcome is Outcome.FAILED
    assert run(Site({asked.url: "<html>whoa there, pardner</html>"}), asked).outcome is Outcome.FAILED


def test_following_pages_are_read_and_an_endless_chain_ends() -> None:
    asked = source("producthunt-graphql", pages=3)

    class Endless(Site):
        async def fetch(self, request: Request, validators: Validators) -> Response:
            self.asked.append(request.slot)
            return response(bodies.posts({**bodies.POST, "id": request.slot}, more=True, cursor=request.slot), request)

    site = Endless({})
    result = run(site, asked)
    assert site.asked == ["page 1", "page 2", "page 3"]
    assert len(result.sightings) == 3


def test_a_page_that_names_itself_as_the_next_is_asked_once() -> None:
    asked = source("huggingface-models", pages=10)

    class Circle(Site):
        async def fetch(self, request: Request, validators: Validators) -> Response:
            self.asked.append(request.url)
            return response([bodies.MODEL], request, headers={"link": f'<{asked.url}>; rel="next"'})

    site = Circle({})
    assert run(site, asked).outcome is Outcome.OK
    assert site.asked == [asked.url]


def test_an_entry_on_two_pages_is_one_sighting() -> None:
    asked = source("github-search", queries=["topic:a", "topic:b"])
    urls = [request.url for request in reading.adapter_of("github-search").requests(asked, Cursor(), NOW)]
    assert len(run(Site({key: {"items": [bodies.REPOSITORY]} for key in urls}), asked).sightings) == 1


def test_a_fault_of_our_own_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("ingest.sources.feed.entries_of", broken)
    result = run(Site({URL: atom(entry(1))}))
    assert (result.outcome, result.sightings) == (Outcome.FAILED, ())
    assert "ZeroDivisionError: ours" in (result.error or "")


def test_a_history_that_cannot_be_told_is_a_failure_of_its_source_alone() -> None:
    def busy() -> Sequence[int]:
        raise Conflict("The database was busy.")

    done = asyncio.run(read(FEED, Cursor(), fetcher=Site({URL: atom()}), clock=clock, history=busy))
    assert done.outcome is Outcome.FAILED
    assert "busy" in str(done.error)


def test_a_field_that_disappears_is_a_failure_that_keeps_the_cursor() -> None:
    site, cursor = Site({}), Cursor()
    for number in range(3):
        site.answers[URL] = atom(*(entry(each + 10 * number) for each in range(6)))
        cursor = run(site, cursor=cursor).cursor
    site.answers[URL] = atom(*(entry(each, updated="") for each in range(6)))
    result = run(site, cursor=cursor, history=[6, 6, 6])
    assert (result.outcome, result.cursor, result.sightings) == (Outcome.FAILED, cursor, ())
    assert "0 % dates" in (result.error or "")


# --- many -------------------------------------------------------------------------------------------------------


def many(count: int) -> list[Asked]:
    sources = [
        Source(key=f"s{number}", kind="feed", url=f"https://example.com/{number}", schedule="0 * * * *")
        for number in range(count)
    ]
    return [Asked(source=one, cursor=Cursor()) for one in sources]


def test_every_source_gets_its_reading_and_none_stops_another() -> None:
    answers: dict[str, Any] = {f"https://example.com/{number}": atom(entry(number)) for number in range(20)}
    answers["https://example.com/7"] = ValueError("strange")

    async def everything() -> list[Reading]:
        return [one async for one in read_all(many(20), fetcher=Site(answers), clock=clock, at_once=3)]

    results = asyncio.run(everything())
    assert sorted(one.source for one in results) == sorted(f"s{number}" for number in range(20))
    assert [one.source for one in results if one.outcome is Outcome.FAILED] == ["s7"]


def test_what_needs_a_worker_is_waited_for_while_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import sys, time; sys.stdin.buffer.read(); time.sleep(0.6); print('[]')"
    monkeypatch.setattr(workers, "_RUN", (sys.executable, "-c", slow))
    doubtful = atom(entry(1)).replace(' href="', ' nothing="')  # the fast parser finds no address
    waits: list[float] = []

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            waits.append(time.monotonic() - before)

    async def both() -> Reading:
        ticking = asyncio.create_task(tick())
        done = await read(FEED, Cursor(), fetcher=Site({URL: doubtful}), clock=clock, history=())
        ticking.cancel()
        return done

    begun = time.monotonic()
    asyncio.run(both())
    assert time.monotonic() - begun > 0.6, "no worker was needed"
    assert max(waits) < 0.4, "the loop stood still meanwhile"


@pytest.mark.parametrize(("padding", "at_once"), [(0, True), (400_000, False)])
def test_a_short_body_is_read_at_once_and_a_long_one_beside_the_loop(
    padding: int, *, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    adapter = reading.adapter_of("feed")

    def parse(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return adapter.parse(*arguments)

    monkeypatch.setattr(reading, "adapter_of", lambda _: replace(adapter, parse=parse))
    body = atom(entry(1)) + " " * padding
    assert len(run(Site({URL: body})).sightings) == 1
    assert (threads == [threading.main_thread()]) is at_once


def test_only_so_many_are_read_at_once_and_a_slow_writer_holds_them_back() -> None:
    class Slow(Site):
        running = most = 0

        async def fetch(self, request: Request, validators: Validators) -> Response:
            Slow.running += 1
            Slow.most = max(Slow.most, Slow.running)
            await asyncio.sleep(0.001)
            Slow.running -= 1
            return await super().fetch(request, validators)

    site = Slow({f"https://example.com/{number}": atom(entry(number)) for number in range(30)})

    async def slowly() -> None:
        read_so_far = 0
        async for _ in read_all(many(30), fetcher=site, clock=clock, at_once=4):
            read_so_far += 1
            await asyncio.sleep(0.003)
            assert len(site.asked) <= read_so_far + 9

    asyncio.run(slowly())
    assert Slow.most == 4


def test_leaving_early_stops_what_is_under_way() -> None:
    class Hanging(Site):
        async def fetch(self, request: Request, validators: Validators) -> Response:
            if not request.url.endswith("/0"):
                await asyncio.sleep(60)
            return await super().fetch(request, validators)

    async def leave() -> None:
        readings = read_all(many(5), fetcher=Hanging({"https://example.com/0": atom(entry(1))}), clock=clock)
        assert (await anext(readings)).source == "s0"
        await readings.aclose()  # type: ignore[attr-defined]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(leave())


def test_from_socket_to_sighting() -> None:
    async def through() -> None:
        feed = atom(entry(1)).encode()
        async with serving({"/old": reply(301, Location="/feed"), "/feed": reply(body=feed, ETag='"1"')}) as server:
            asked = Source(key="k", kind="feed", url=f"{server.url}/old", schedule="0 * * * *")
            async with Fetcher(contact="", version="1", allow_private_hosts=frozenset({server.host})) as fetcher:
                first = await read(asked, Cursor(), fetcher=fetcher, clock=clock, history=tuple)
                second = await read(asked, first.cursor, fetcher=fetcher, clock=clock, history=tuple)
        assert (first.outcome, first.moved_to, len(first.sightings)) == (Outcome.OK, f"{server.url}/feed", 1)
        assert second.outcome is Outcome.NOT_MODIFIED
        assert server.asked[-1].headers["if-none-match"] == '"1"'

    asyncio.run(through())
