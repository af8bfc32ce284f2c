"""The fetcher against a server on loopback, with every fault that servers have."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import socket
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import system_clock
from core.errors import FetchError
from core.source import Request, Response, Validators
from ingest.fetch import Fetcher, Limits, _site
from tests.ingest.servers import Asked, Server, Writer, redirect, reply, serving

QUICK = Limits(connect=1, read=0.4, total=1.5, gap=0, backoff=0.01, patience=1.2)


def fetcher(server: Server | None = None, limits: Limits = QUICK, **more: Any) -> Fetcher:
    allowed = frozenset({server.host} if server else ())
    return Fetcher(
        **{
            "contact": "https://example.com/bot",
            "version": "9",
            "allow_private_hosts": allowed,
            "limits": limits,
            **more,
        }
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


async def get(
    server: Server, path: str = "/", *, validators: Validators | None = None, limits: Limits = QUICK, **fields: Any
) -> Response:
    async with fetcher(server, limits) as fetching:
        return await fetching.fetch(Request(url=server.url + path, **fields), validators or Validators())


async def refused(server: Server, path: str = "/", **fields: Any) -> FetchError:
    with pytest.raises(FetchError) as error:
        await get(server, path, **fields)
    return error.value


# --- what is sent -------------------------------------------------------------------------------------------


def test_it_says_who_it_is_and_what_it_takes() -> None:
    async def test() -> None:
        async with serving({"/": reply(body=b"hello")}) as server:
            response = await get(server, accept="application/json")
        asked = server.asked[0].headers
        assert (response.status, response.body, response.url) == (200, b"hello", server.url + "/")
        assert asked["user-agent"] == "WeeklyVerdicts/9 (+https://example.com/bot)"
        assert (asked["accept"], asked["accept-encoding"]) == ("application/json", "gzip, deflate")
        assert asked["host"] == server.host
        assert response.validators.body_hash == hashlib.sha256(b"hello").hexdigest()

    run(test)


def test_it_asks_whether_something_has_changed() -> None:
    async def test() -> None:
        async with serving({"/": reply(304)}) as server:
            old = Validators(etag='"v1"', last_modified="Fri, 20 Nov 2026 09:00:00 GMT", body_hash="h")
            response = await get(server, validators=old)
        assert server.asked[0].headers["if-none-match"] == '"v1"'
        assert server.asked[0].headers["if-modified-since"] == "Fri, 20 Nov 2026 09:00:00 GMT"
        assert response.not_modified
        assert response.body == b""
        assert response.validators == old

    run(test)


def test_not_modified_without_having_asked_is_no_answer() -> None:
    async def test() -> None:
        async with serving({"/": reply(304)}) as server:
            error = await refused(server)
            assert "never asked" in error.message
            assert not error.permanent

    run(test)


def test_the_same_body_under_a_new_etag_is_not_modified() -> None:
    async def test() -> None:
        async with serving({"/": reply(body=b"same", ETag='"v2"')}) as server:
            old = Validators(etag='"v1"', body_hash=hashlib.sha256(b"same").hexdigest())
            response = await get(server, validators=old)
        assert response.not_modified
        assert response.body == b""
        assert response.validators.etag == '"v2"'

    run(test)


def test_a_post_carries_its_body_and_headers() -> None:
    async def test() -> None:
        async with serving({"/": reply(body=b"{}")}) as server:
            await get(server, method="POST", body=b'{"a":1}', headers={"X-Key": "v"})
        assert (server.asked[0].method, server.asked[0].body, server.asked[0].headers["x-key"]) == (
            "POST",
            b'{"a":1}',
            "v",
        )

    run(test)


def test_a_key_is_put_in_place_of_its_name_and_a_missing_one_is_named() -> None:
    async def test() -> None:
        async with serving({"/": reply()}) as server:
            request = Request(url=server.url + "/", headers={"Authorization": "Bearer ${SOME_KEY}"})
            async with fetcher(server, secrets={"SOME_KEY": "s3cret"}) as fetching:
                response = await fetching.fetch(request, Validators())
            assert server.asked[0].headers["authorization"] == "Bearer s3cret"
            assert "s3cret" not in repr(response)
            async with fetcher(server, secrets={}) as fetching:
                with pytest.raises(FetchError, match="SOME_KEY"):
                    await fetching.fetch(request, Validators())

    run(test)


# --- what comes back ----------------------------------------------------------------------------------------


def test_a_compressed_body_is_inflated() -> None:
    async def test() -> None:
        async with serving({"/": reply(body=gzip.compress(b"x" * 5_000), Content_Encoding="gzip")}) as server:
            assert (await get(server)).body == b"x" * 5_000

    run(test)


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    async def test() -> None:
        bomb = gzip.compress(bytes(100_000_000), compresslevel=1)
        async with serving({"/": reply(body=bomb, Content_Encoding="gzip")}) as server:
            tracemalloc.start()
            error = await refused(server, max_bytes=1_000_000)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert error.permanent
        assert "1,000,000 bytes" in error.message
        assert peak < 20_000_000

    run(test)


def test_stacked_encodings_are_refused() -> None:
    async def test() -> None:
        body = gzip.compress(gzip.compress(b"x"))
        async with serving({"/": reply(body=body, Content_Encoding="gzip, gzip")}) as server:
            assert (await refused(server)).permanent

    run(test)


def test_an_announced_size_beyond_the_cap_is_not_even_read() -> None:
    async def test() -> None:
        async def huge(_: Asked, writer: Writer) -> None:
            writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n")
            await asyncio.sleep(5)

        async with serving({"/": huge}) as server:
            begun = time.monotonic()
            assert "more than" in (await refused(server, max_bytes=1_000)).message
            assert time.monotonic() - begun < 3

    run(test)


def test_an_endless_body_ends_at_the_cap() -> None:
    async def test() -> None:
        async def endless(_: Asked, writer: Writer) -> None:
            writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
                await writer.drain()

        async with serving({"/": endless}) as server:
            assert "more than" in (await refused(server, max_bytes=100_000)).message

    run(test)


def test_silence_and_trickles_meet_their_deadlines() -> None:
    async def test() -> None:
        async def silent(_: Asked, _writer: Writer) -> None:
            await asyncio.sleep(10)

        async def trickle(_: Asked, writer: Writer) -> None:
            writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)

        async with serving({"/silent": silent, "/trickle": trickle}) as server:
            once = replace(QUICK, retries=0, total=0.8)
            assert "stopped answering" in (await refused(server, "/silent", limits=once)).message
            begun = time.monotonic()
            error = await refused(server, "/trickle", limits=once)
            assert "took longer than 0.8 s" in error.message
            assert not error.permanent
            assert time.monotonic() - begun < 5

    run(test)


@pytest.mark.parametrize(
    "garbage",
    [
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\nshort",
        b"",
        b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_a_broken_answer_is_an_error_that_may_pass(garbage: bytes) -> None:
    async def test() -> None:
        async def broken(_: Asked, writer: Writer) -> None:
            writer.write(garbage)
            await writer.drain()
            raise ConnectionResetError

        async with serving({"/": broken}) as server:
            error = await refused(server)
            assert not error.permanent
            assert len(server.asked) == 3

    run(test)


def test_nobody_listening_is_an_error_that_may_pass() -> None:
    async def test() -> None:
        async with serving({}) as server:
            pass
        error = await refused(server)
        assert "cannot be reached" in error.message
        assert not error.permanent

    run(test)


# --- refusals, waits, retries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (403, True), (404, True), (410, True), (500, False), (502, False)],
)
def test_a_refusal_says_whether_asking_again_can_help(status: int, *, permanent: bool) -> None:
    async def test() -> None:
        async with serving({"/": reply(status)}) as server:
            error = await refused(server)
            assert (error.http_status, error.permanent) == (status, permanent)
            assert len(server.asked) == (1 if permanent else 3)

    run(test)


def test_a_passing_fault_is_retried() -> None:
    async def test() -> None:
        async with serving({"/": [reply(502), reply(500), reply(body=b"at last")]}) as server:
            assert (await get(server)).body == b"at last"
            assert len(server.asked) == 3

    run(test)


def test_a_short_wait_is_waited_out() -> None:
    async def test() -> None:
        async with serving({"/": [reply(429, Retry_After="1"), reply(body=b"now")]}) as server:
            begun = time.monotonic()
            assert (await get(server, limits=replace(QUICK, total=10))).body == b"now"
            assert time.monotonic() - begun >= 1

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        reply(429, Retry_After="600"),
        reply(503, Retry_After="600"),
        reply(403, Retry_After="600"),
        reply(429),
        reply(429, RateLimit='"api";r=0;t=600'),
        reply(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="600"),
    ],
)
def test_a_long_wait_is_handed_to_the_caller_and_kept(answer: bytes) -> None:
    async def test() -> None:
        async with serving({"*": answer}) as server:
            async with fetcher(server) as fetching:
                for path in ("/a", "/b"):
                    with pytest.raises(FetchError) as error:
                        await fetching.fetch(Request(url=server.url + path), Validators())
                    assert error.value.retry_after is not None
                    assert error.value.retry_after - system_clock() > timedelta(minutes=9)
                    assert not error.value.permanent
            assert server.paths() == ["/a"]

    run(test)


def test_a_host_with_nothing_left_is_not_asked_until_its_reset() -> None:
    async def test() -> None:
        async with serving({"*": reply(body=b"x", X_RateLimit_Remaining="0", X_RateLimit_Reset="600")}) as server:
            async with fetcher(server) as fetching:
                await fetching.fetch(Request(url=server.url + "/a"), Validators())
                with pytest.raises(FetchError, match="asked us to wait"):
                    await fetching.fetch(Request(url=server.url + "/b"), Validators())
            assert server.paths() == ["/a"]

    run(test)


# --- redirects ------------------------------------------------------------------------------------------------


def test_permanent_hops_report_the_new_address() -> None:
    async def test() -> None:
        async with serving({"/a": redirect("/b"), "/b": redirect("/c", 308), "/c": reply(body=b"x")}) as server:
            response = await get(server, "/a")
            assert (response.url, response.moved_to) == (f"{server.url}/c", f"{server.url}/c")

    run(test)


def test_one_temporary_hop_leaves_the_old_address() -> None:
    async def test() -> None:
        async with serving({"/a": redirect("/b"), "/b": redirect("/c", 302), "/c": reply(body=b"x")}) as server:
            response = await get(server, "/a")
            assert (response.url, response.moved_to) == (f"{server.url}/c", None)

    run(test)


def test_a_loop_ends() -> None:
    async def test() -> None:
        async with serving({"*": redirect("/a")}) as server:
            error = await refused(server, "/a")
            assert error.permanent
            assert len(server.asked) == 6

    run(test)


def test_a_redirect_to_a_private_address_is_refused() -> None:
    async def test() -> None:
        async with (
            serving({"/": reply(body=b"secret")}) as inside,
            serving({"/": redirect(f"{inside.url}/")}) as server,
        ):
            error = await refused(server)
            assert error.permanent
            assert "private address" in error.message
            assert inside.asked == []

    run(test)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1."),
        *("127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "0"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
        *(
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1%25lo]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[0:0:0:0:0:0:0:1]",
        ),
    ],
)
def test_no_spelling_of_a_private_address_is_followed(host: str) -> None:
    async def test() -> None:
        async with serving({"*": reply(body=b"secret")}) as inside, serving({}) as server:
            server.answers["/"] = redirect(f"http://{host}:{inside.port}/")
            error = await refused(server)
            assert inside.asked == []
            assert "private address" in error.message or "cannot be resolved" in error.message

    run(test)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address when it is checked and to a private one a moment later gains nothing."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def changing(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != "rebound.example":
            return real(host, port, *more, **named)
        looked_up.append(host)
        return real("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2", port, *more, **named)

    async def test() -> None:
        async with serving({"/": reply(body=b"first")}) as server:
            monkeypatch.setattr(socket, "getaddrinfo", changing)
            allowed = frozenset({f"rebound.example:{server.port}"})
            async with fetcher(allow_private_hosts=allowed) as fetching:
                request = Request(url=f"http://rebound.example:{server.port}/")
                assert (await fetching.fetch(request, Validators())).body == b"first"
            assert server.asked[0].headers["host"] == f"rebound.example:{server.port}"
        assert looked_up == ["rebound.example"]

    run(test)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 X\r\n" + b"X-Long: " + b"a" * 100_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 100_000,
        b"HTTP/1.1 200 X\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(50_000)),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000,
    ],
    ids=["one long header", "a long status", "many headers", "hints for ever"],
)
def test_a_head_without_end_is_an_error_and_takes_no_memory(head: bytes) -> None:
    async def test() -> None:
        async def flood(_: Asked, writer: Writer) -> None:
            writer.write(head)
            await writer.drain()
            await asyncio.sleep(30)

        async with serving({"/": flood}) as server:
            tracemalloc.start()
            begun = time.monotonic()
            await refused(server, limits=replace(QUICK, retries=0))
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert time.monotonic() - begun < 15
            assert peak < 30_000_000

    run(test)


@pytest.mark.parametrize("target", ["", "   ", "//", "http://", "?", "\x7f", "http://exa mple/", "http://\xff\xfe/"])
def test_a_redirect_to_nowhere_is_an_error_with_a_reason(target: str) -> None:
    async def test() -> None:
        async with serving({"*": redirect(target)}) as server:
            assert (await refused(server)).message

    run(test)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://x/", "http://u:p@127.0.0.1/", "http://[::1", "http://x:99999/"]
)
def test_a_redirect_to_what_is_no_web_address_is_refused(target: str) -> None:
    async def test() -> None:
        async with serving({"/": redirect(target)}) as server:
            assert (await refused(server)).permanent

    run(test)


def test_no_credentials_travel_to_another_origin() -> None:
    async def test() -> None:
        async with serving({"*": reply()}) as other, serving({"/": redirect(f"{other.url}/", 307)}) as server:
            allowed = frozenset({server.host, other.host})
            request = Request(url=server.url + "/", headers={"Authorization": "Bearer x", "X-Plain": "y"})
            async with fetcher(server, allow_private_hosts=allowed) as fetching:
                await fetching.fetch(request, Validators())
        assert "authorization" in server.asked[0].headers
        assert "authorization" not in other.asked[0].headers
        assert other.asked[0].headers["x-plain"] == "y"

    run(test)


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_what_was_posted_is_posted_again_only_where_the_status_says_so(status: int, method: str) -> None:
    async def test() -> None:
        async with serving({"/a": redirect("/b", status), "/b": reply()}) as server:
            await get(server, "/a", method="POST", body=b"x")
            assert server.asked[1].method == method

    run(test)


def test_a_private_address_is_refused_without_a_connection() -> None:
    async def test() -> None:
        async with serving({"*": reply()}) as server:
            for allowed in (frozenset(), frozenset({"127.0.0.1:1"}), frozenset({"example.com"})):
                async with fetcher(allow_private_hosts=allowed) as fetching:
                    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
                        with pytest.raises(FetchError):
                            await fetching.fetch(Request(url=f"http://{host}:{server.port}/"), Validators())
            assert server.asked == []

    run(test)


def test_a_host_may_be_allowed_with_or_without_its_port() -> None:
    async def test() -> None:
        async with serving({"*": reply(body=b"x")}) as server:
            for allowed in ("127.0.0.1", server.host):
                async with fetcher(allow_private_hosts=frozenset({allowed})) as fetching:
                    assert (await fetching.fetch(Request(url=server.url), Validators())).body == b"x"

    run(test)


# --- robots.txt -----------------------------------------------------------------------------------------------


def test_pages_obey_robots_and_feeds_do_not_ask() -> None:
    async def test() -> None:
        robots = reply(body=b"User-agent: *\nDisallow: /private\n")
        async with serving({"/robots.txt": robots, "*": reply(body=b"page")}) as server:
            assert "robots.txt" in (await refused(server, "/private/x", html=True)).message
            assert (await get(server, "/public", html=True)).body == b"page"
            assert (await get(server, "/private/x")).body == b"page"
        assert server.paths() == ["/robots.txt", "/robots.txt", "/public", "/private/x"]

    run(test)


@pytest.mark.parametrize(
    ("answer", "may"), [(reply(404), True), (reply(403), True), (reply(500), False), (reply(429), False)]
)
def test_missing_robots_allow_and_unreachable_ones_forbid(answer: bytes, *, may: bool) -> None:
    async def test() -> None:
        async with serving({"/robots.txt": answer, "*": reply(body=b"page")}) as server:
            if may:
                assert (await get(server, "/x", html=True)).body == b"page"
            else:
                assert not (await refused(server, "/x", html=True)).permanent
                assert "/x" not in server.paths()

    run(test)


def test_hostile_robots_take_no_time() -> None:
    async def test() -> None:
        pattern = b"Disallow: /" + b"*a" * 30 + b"*b$\n"
        async with serving(
            {"/robots.txt": reply(body=b"User-agent: *\n" + pattern * 50), "*": reply(body=b"page")}
        ) as server:
            begun = time.process_time()
            assert (await get(server, "/" + "a" * 200, html=True)).body == b"page"
            assert time.process_time() - begun < 1

    run(test)


# --- turns ------------------------------------------------------------------------------------------------------


def test_requests_to_one_host_come_one_by_one_with_a_gap() -> None:
    async def test() -> None:
        starts: list[float] = []
        async with fetcher(limits=replace(QUICK, gap=0.1)) as fetching:

            async def turn() -> None:
                async with fetching._turn(_site("https://example.com/")):
                    starts.append(time.monotonic())

            await asyncio.gather(turn(), turn(), turn())
        gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
        assert all(gap >= 0.09 for gap in gaps)

    run(test)


def test_hosts_do_not_wait_for_each_other() -> None:
    async def test() -> None:
        async def slow(_: Asked, writer: Writer) -> None:
            await asyncio.sleep(0.5)
            writer.write(reply(body=b"x"))

        allowed = frozenset({"127.0.0.1"})
        async with (
            serving({"*": slow}) as one,
            serving({"*": slow}) as other,
            fetcher(allow_private_hosts=allowed, limits=replace(QUICK, read=5, total=10)) as fetching,
        ):
            begun = time.monotonic()
            await asyncio.gather(*(fetching.fetch(Request(url=each.url), Validators()) for each in (one, other)))
            assert time.monotonic() - begun < 0.95

    run(test)


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def test() -> None:
        connections = set()

        async def note(_: Asked, writer: Writer) -> None:
            connections.add(writer.get_extra_info("peername"))
            writer.write(reply(body=b"x"))

        async with serving({"*": note}) as server, fetcher(server) as fetching:
            for path in "abc":
                await fetching.fetch(Request(url=f"{server.url}/{path}"), Validators())
        assert len(connections) == 1

    run(test)


def test_pools_of_idle_origins_are_closed() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack, fetcher(allow_private_hosts=frozenset({"127.0.0.1"})) as fetching:
            servers = [await stack.enter_async_context(serving({"*": reply(body=b"x")})) for _ in range(100)]
            await asyncio.gather(*(fetching.fetch(Request(url=each.url), Validators()) for each in servers))
            assert len(set(fetching._pools.values())) == 1
            assert len(fetching._pools) <= 32

    run(test)
