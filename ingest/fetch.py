"""Fetching: the only HTTP client of ingestion.

The road of one request:

    wait for a turn      serial per host, a minimum gap between two, no queue inside the client's pool
    | for every hop      at most five redirects, by hand
    |   check            scheme, credentials, robots.txt for pages, addresses (see ingest/address)
    |   connect          to the address that was checked
    |   read             raw bytes under a cap, inflated under a cap
    | settle             304, unchanged hash, 410, refusals with the time to wait, short retries

All of it stands under one deadline; a turn's wait does not count.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

import httpx

from core.clock import Clock, system_clock
from core.errors import FetchError
from core.source import Request, Response, Validators
from ingest.address import resolve
from ingest.inflate import ACCEPTED, inflater
from ingest.pace import GAPS, rest_until, wait_after
from ingest.turns import Turn, Turns

if TYPE_CHECKING:
    from protego import Protego

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT_REDIRECTS = frozenset({301, 308})
_TRANSIENT = frozenset({408, 425, 500, 502, 503, 504})
_BUSY = frozenset({429, 503})
_USUAL_PORTS = {"http": 80, "https": 443}
_MOST_HOPS = 5
_MOST_ADDRESSES = 3
_ORIGINS = 32
_KEPT = 15.0
"""So many origins share a pool, and for so many seconds it keeps their connections for a next request."""
_SITES = 500  # those of the requests that are under way, and those that come again and again
_PLAIN_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.\-]*[a-z0-9_])?")
_SECRET = re.compile(r"\$\{([A-Z][A-Z0-9_]{0,60})\}")
_ROBOTS_BYTES = 512_000  # RFC 9309 asks for at least 500 KiB
_PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and counts that bound a fetch.

    `total` covers a request with its redirects and retries. `gap` lies between the starts of two requests to one host
    (see ingest/pace for hosts that want more), not for hosts that the operator allows although they are private.
    A wait of at most `patience` seconds that a host asks for is waited out, a longer one is handed to the caller.
    """

    connect: float = 10.0
    read: float = 15.0
    total: float = 30.0
    gap: float = 1.0
    retries: int = 2
    backoff: float = 0.5
    patience: float = 5.0
    per_host: int = 1
    at_once: int = 50


@dataclass(slots=True, eq=False)
class _Pool:
    """The connections of a few origins, and how many requests use them now."""

    transport: httpx.AsyncBaseTransport
    origins: int = 0
    users: int = 0


@dataclass(slots=True)
class _Queue:
    """The turns of one host: how many at once, when the next may start, until when it wants rest."""

    turns: asyncio.Semaphore
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start: float = 0.0  # seconds of the monotonic clock
    rest: datetime | None = None

    def learn(self, turn: Turn, *, now: datetime) -> None:
        """Take on what other processes have met; a rest of more than a day was written by another clock."""
        self.next_start = max(self.next_start, turn.next_start)
        if 0 < turn.rest - now.timestamp() < timedelta(days=1).total_seconds():
            rest = datetime.fromtimestamp(turn.rest, UTC)
            self.rest = max(self.rest or rest, rest)


@dataclass(frozen=True, slots=True)
class _Site:
    """What an address says of where it leads, in lower case. `name` is the host and, where it is written, the port;
    `port` is there also where it is not."""

    scheme: str
    host: str
    port: int
    name: str
    credentials: bool

    @property
    def origin(self) -> str:
        """Whose connections it shares."""
        return f"{self.scheme}://{self.name}"


@dataclass(frozen=True, slots=True)
class _Answer:
    """One hop's answer, complete. Header names in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class _UnreachedError(Exception):
    """This address cannot be connected to."""


def _wire_errors() -> tuple[type[Exception], ...]:
    """What aiohttp raises and its transport does not turn into an error of httpx: answers that are no HTTP."""
    from aiohttp import ClientError  # noqa: PLC0415 - as in `_transport`

    return (ClientError,)


class Fetcher:
    """Fetches politely and safely; used as `async with Fetcher(...) as fetcher`.

    `contact` is an address or URL that goes into the User-Agent with `version`. `allow_private_hosts` holds hosts or
    host:port that may be fetched although they are private. A header value `${NAME}` of a request is replaced by
    `secrets["NAME"]` (the environment when not given), so that keys stand in no file and no log. `shared` is a file in
    which the processes of this machine keep their turns (see ingest/turns); None: this process is alone.
    """

    def __init__(
        self,
        *,
        contact: str,
        version: str,
        allow_private_hosts: frozenset[str] = frozenset(),
        clock: Clock = system_clock,
        limits: Limits | None = None,
        secrets: Mapping[str, str] | None = None,
        shared: Path | None = None,
    ) -> None:
        self.user_agent = f"WeeklyVerdicts/{version}" + (f" (+{contact})" if contact else "")
        self._allowed = frozenset(host.lower() for host in allow_private_hosts)
        self._clock = clock
        self._limits = limits or Limits()
        self._secrets = os.environ if secrets is None else secrets
        self._turns = asyncio.Semaphore(self._limits.at_once)
        self._queues: dict[str, _Queue] = {}
        self._shared = Turns(shared)
        self._pools: dict[str, _Pool] = {}  # by origin
        self._newest: dict[str, _Pool] = {}  # by scheme
        self._former: list[_Pool] = []  # full, and perhaps in use
        self._robots: dict[str, asyncio.Task[Protego]] = {}
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._robots.values():
            task.cancel()
        await asyncio.gather(*self._robots.values(), return_exceptions=True)
        for pool in set(self._pools.values()):
            await pool.transport.aclose()
        self._pools.clear()
        self._shared.close()

    async def fetch(self, request: Request, validators: Validators) -> Response:
        """Fetch one request. Conditional by the validators' ETag and date; a body whose hash equals theirs comes back
        as `not_modified` too. Raises FetchError with `permanent`, `retry_after` and `http_status` where they apply."""
        asked = request
        if request.headers:
            asked = replace(request, headers={name: self._filled(value) for name, value in request.headers.items()})
        site = _site(request.url)
        async with self._turn(site):
            answer, moved = await self._answered(asked, validators)
        if answer.status == 304 and not (validators.etag or validators.last_modified):  # noqa: PLR2004 - not modified
            raise FetchError(f"{site.name} says that nothing has changed, and was never asked.", http_status=304)
        return self._response(request, answer, validators, moved_to=moved)

    def _filled(self, value: str) -> str:
        def secret(match: re.Match[str]) -> str:
            if match[1] not in self._secrets:
                raise FetchError(
                    f"The environment variable {match[1]} is not set.",
                    mend="Set it to the key of this source.",
                    permanent=True,
                )
            return self._secrets[match[1]]

        return _SECRET.sub(secret, value)

    # --- turns ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self, site: _Site) -> AsyncIterator[None]:
        """Wait until this host may be asked: nobody else is asking, its gap has passed, it does not want rest."""
        usual = 0.0 if self._is_allowed(site) else self._limits.gap
        name, gap = GAPS.get(site.host, (site.name, usual))
        queue = self._queues.setdefault(name, _Queue(asyncio.Semaphore(self._limits.per_host)))
        async with queue.turns, self._shared.of(name) as turn, self._turns:
            queue.learn(turn, now=self._clock())
            await self._wait(queue, site.name, gap)
            turn.next_start = queue.next_start
            try:
                yield
            finally:
                turn.rest = queue.rest.timestamp() if queue.rest else 0.0

    async def _wait(self, queue: _Queue, host: str, gap: float) -> None:
        async with queue.door:
            now = self._clock()
            if queue.rest and queue.rest > now:
                pause = (queue.rest - now).total_seconds()
                if pause > self._limits.patience:
                    raise FetchError(f"The host {host} has asked us to wait.", retry_after=queue.rest)
                await asyncio.sleep(pause)
            if (early := queue.next_start - time.monotonic()) > 0:
                await asyncio.sleep(early)
            queue.next_start = time.monotonic() + gap

    def _rest(self, host: str, until: datetime | None) -> None:
        if until is not None:
            name, _ = GAPS.get(host.partition(":")[0], (host, 0.0))
            queue = self._queues.setdefault(name, _Queue(asyncio.Semaphore(self._limits.per_host)))
            queue.rest = max(queue.rest or until, until)

    # --- one request with its retries ----------------------------------------------------------------------

    async def _answered(self, request: Request, validators: Validators) -> tuple[_Answer, str | None]:
        """The final answer, 2xx or 304, and where every hop was permanent the new address."""
        deadline = self._limits.total
        try:
            async with asyncio.timeout(deadline):
                return await self._tried(request, validators)
        except TimeoutError:
            host = _host(request.url)
            raise FetchError(
                f"{host} took longer than {deadline:g} s to answer.", mend="It will be asked again."
            ) from None

    async def _tried(self, request: Request, validators: Validators) -> tuple[_Answer, str | None]:
        for attempt in range(self._limits.retries):
            try:
                return await self._followed(request, validators)
            except FetchError as error:
                pause = self._pause(error, attempt)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        return await self._followed(request, validators)

    def _pause(self, error: FetchError, attempt: int) -> float | None:
        """How long to wait before trying again; None when the caller has to be told."""
        if error.permanent or (error.http_status is not None and error.http_status not in _TRANSIENT | _BUSY):
            return None
        if error.retry_after is not None:
            asked = (error.retry_after - self._clock()).total_seconds()
            return max(0.0, asked) + 0.05 if asked <= self._limits.patience else None
        if error.http_status == 429:  # noqa: PLR2004 - too many requests, and no word of when
            return None
        return self._limits.backoff * float(2**attempt) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret

    async def _followed(self, request: Request, validators: Validators) -> tuple[_Answer, str | None]:
        """Follow redirects by hand. Every hop is checked like the first."""
        hop, permanent = request, True
        for _ in range(_MOST_HOPS + 1):
            answer = await self._asked(hop, validators)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target:
                self._check(answer)
                return answer, (hop.url if permanent and hop.url != request.url else None)
            permanent = permanent and answer.status in _PERMANENT_REDIRECTS
            hop = _redirected(hop, _joined(hop.url, target), answer.status)
        raise FetchError(f"{_host(request.url)} redirects more than {_MOST_HOPS} times.", permanent=True)

    def _check(self, answer: _Answer) -> None:
        """Raise for every status that brings no body we asked for, and remember when the host wants rest."""
        now, host, status = self._clock(), _host(answer.url), answer.status
        if 200 <= status < 300 or status == 304:  # noqa: PLR2004 - the classes of RFC 9110
            self._rest(host, rest_until(answer.headers, now=now))
            return
        # GitHub answers 403 where others say 429.
        limited = status in _BUSY or (status == 403 and rest_until(answer.headers, now=now) is not None)  # noqa: PLR2004
        limited = limited or (status == 403 and "retry-after" in answer.headers)  # noqa: PLR2004 - secondary limits
        until = wait_after(answer.headers, now=now) if limited else None
        if until is None and status == 429:  # noqa: PLR2004 - no word of when: a quarter of an hour is polite
            until = now + timedelta(minutes=15)
        if until is not None and (until - now).total_seconds() > self._limits.patience:
            self._rest(host, until)
        raise FetchError(
            f"{host} answered {status}{_MEANINGS.get(status, '')}.",
            mend=_MENDS.get(status, ""),
            http_status=status,
            permanent=not limited and status not in _TRANSIENT,
            retry_after=until,
        )

    # --- one hop -------------------------------------------------------------------------------------------

    async def _asked(self, request: Request, validators: Validators) -> _Answer:
        site = _site(request.url)
        if site.scheme not in ("http", "https") or not site.host or site.credentials:
            raise FetchError(f"{request.url[:200]!r} is no address that may be fetched.", permanent=True)
        if request.html:
            await self._obey_robots(request.url)
        host, problem = site.host, ""
        addresses = await resolve(host, site.port, private_allowed=self._is_allowed(site))
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return await self._sent(request, validators, address)
            except _UnreachedError as error:
                problem = str(error) or "it did not answer in time"
        raise FetchError(f"{host} cannot be reached ({problem}).", mend="It will be asked again.")

    async def _sent(self, request: Request, validators: Validators, address: str) -> _Answer:
        """Send to one checked address. Raises _UnreachedError when it cannot be connected to: another one may answer."""
        try:
            outgoing = self._outgoing(request, validators, address)
            pool = self._pool(request.url)
            pool.users += 1
            try:
                response = await pool.transport.handle_async_request(outgoing)
                try:
                    headers = dict(response.headers.items())
                    body = await self._body(request, response)
                finally:
                    await response.aclose()
            finally:
                pool.users -= 1
                await self._close_former()
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError) as error:
            raise FetchError(f"{request.url[:200]!r} cannot be asked ({error}).", permanent=True) from None
        except httpx.HTTPError as error:
            raise self._failure(request, error) from None
        except _wire_errors() as error:  # answers that are no HTTP
            raise self._failure(request, error) from None
        return _Answer(request.url, response.status_code, headers, body)

    def _failure(self, request: Request, error: Exception) -> Exception:
        """What an error below means for us; aiohttp's own stands behind those of httpx, which tell less."""
        from aiohttp import ClientConnectorError, ConnectionTimeoutError  # noqa: PLC0415 - as in `_transport`

        cause = error.__cause__ or error
        if isinstance(cause, ClientConnectorError | ConnectionTimeoutError):
            return _UnreachedError(str(cause))
        if isinstance(error, httpx.TimeoutException) and isinstance(cause, TimeoutError):
            return FetchError(f"{_host(request.url)} stopped answering for {self._limits.read:g} s.")
        said = " ".join(str(cause).split())[:200] or type(cause).__name__
        return FetchError(f"{_host(request.url)} broke off ({said}).", mend="It will be asked again.")

    def _outgoing(self, request: Request, validators: Validators, address: str) -> httpx.Request:
        """The request as it goes out: to the checked address, in the name of the host."""
        host, authority = _named(request.url)
        limits = self._limits
        outgoing = httpx.Request(
            request.method,
            httpx.URL(request.url, host=address),
            headers={"Host": authority, **self._headers(request, validators)},
            # Given a stream, httpx looks for no headers that a body may need: aiohttp knows them, and this is half the cost.
            stream=httpx.ByteStream(request.body or b""),
            extensions={
                "sni_hostname": host,
                "timeout": {
                    "connect": limits.connect,
                    "read": limits.read,
                    "write": limits.read,
                    "pool": limits.connect,
                },
            },
        )
        outgoing.read()
        return outgoing

    def _headers(self, request: Request, validators: Validators) -> dict[str, str]:
        conditions = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
        return {
            "User-Agent": self.user_agent,
            "Accept": request.accept,
            "Accept-Encoding": ACCEPTED,
            **{name: value for name, value in conditions.items() if value},
            **request.headers,
        }

    async def _body(self, request: Request, response: httpx.Response) -> bytes:
        """The plain body of an answer that has one for us, under the cap on the wire and off it."""
        if not 200 <= response.status_code < 300:  # noqa: PLR2004 - RFC 9110; 304 has none
            return b""
        too_large = FetchError(
            f"{_host(request.url)} sends more than the {request.max_bytes:,} bytes that are taken.", permanent=True
        )
        announced = response.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:18]) > request.max_bytes:
            raise too_large
        plain, wire, body = inflater(response.headers.get("content-encoding", "")), 0, bytearray()
        async for chunk in response.aiter_raw():
            wire += len(chunk)
            body += plain.feed(chunk, room=request.max_bytes - len(body))
            if wire > request.max_bytes or len(body) > request.max_bytes:
                raise too_large
        plain.finish()
        return bytes(body)

    def _pool(self, url: str) -> _Pool:
        """The pool of this origin. Origins share one as they come, because making one costs as much as half a request;
        former ones are closed once nobody uses them, so that few connections are idle however many there are."""
        site = _site(url)
        name, scheme = site.origin, site.scheme
        if pool := self._pools.get(name):
            return pool
        pool = self._newest.get(scheme)
        if pool is not None and pool.origins >= _ORIGINS:
            self._former.append(pool)
            pool = None
        if pool is None:
            pool = self._newest[scheme] = _Pool(self._transport(secure=scheme == "https"))
        pool.origins += 1
        self._pools[name] = pool
        return pool

    async def _close_former(self) -> None:
        for pool in [one for one in self._former if not one.users]:
            self._former.remove(pool)
            self._pools = {name: other for name, other in self._pools.items() if other is not pool}
            await pool.transport.aclose()

    def _transport(self, *, secure: bool) -> httpx.AsyncBaseTransport:
        """A pool. aiohttp's connections under httpx cost a third of what httpx's own do, and are told apart by address and
        by the name that the certificate has to bear."""
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector  # noqa: PLC0415 - who fetches nothing never waits for it
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415

        # One TLS context for all, and none that trusts anybody where it is not needed: that costs 20 ms. No limit on
        # connections here: the turns are the limit.
        if secure and self._tls is None:
            self._tls = httpx.create_ssl_context()
        tls = self._tls if secure and self._tls else _trusting_nobody()
        connector = TCPConnector(limit=0, keepalive_timeout=_KEPT, ssl=tls, use_dns_cache=False)
        session = ClientSession(connector=connector, cookie_jar=DummyCookieJar(), trust_env=False)
        session._retry_connection = False  # noqa: SLF001 - there is no other way: how often a host is asked is ours to say
        return AiohttpTransport(verify=tls, client=session)

    # --- robots.txt ----------------------------------------------------------------------------------------

    async def _obey_robots(self, url: str) -> None:
        """Raise FetchError when the site's robots.txt keeps us from this page (RFC 9309)."""
        address = urljoin(url, "/robots.txt")
        if address not in self._robots:
            self._robots[address] = asyncio.create_task(self._read_robots(address))
        try:
            rules = await asyncio.shield(self._robots[address])
        except FetchError:
            self._robots.pop(address, None)
            raise
        if not rules.can_fetch(url, self.user_agent):
            raise FetchError(
                f"robots.txt of {_host(url)} keeps us from this page.",
                mend="Use an API or feed instead.",
                permanent=True,
            )

    async def _read_robots(self, address: str) -> Protego:
        """The rules of a site. None at all (4xx) allows everything; unreachable forbids everything for now."""
        request = Request(url=address, accept="text/plain", max_bytes=_ROBOTS_BYTES)
        try:
            answer, _ = await self._followed(request, Validators())
        except FetchError as error:
            if error.http_status is not None and 400 <= error.http_status < 500 and error.http_status not in _BUSY:  # noqa: PLR2004
                return _all_allowed()
            raise FetchError(
                f"robots.txt of {_host(address)} cannot be read: {error.message}", retry_after=error.retry_after
            ) from None
        from protego import Protego  # noqa: PLC0415 - few sources are pages

        # A line of many wildcards becomes a pattern that takes for ever; no honest one has more than a few.
        lines = (line for line in answer.body.decode("utf-8", "replace").splitlines() if line.count("*") <= 8)  # noqa: PLR2004
        return Protego.parse("\n".join(lines))

    # --- the answer as the adapters see it -----------------------------------------------------------------

    def _response(self, request: Request, answer: _Answer, old: Validators, *, moved_to: str | None) -> Response:
        fresh = _validators(answer, old)
        unmodified = answer.status == 304 or (old.body_hash == fresh.body_hash and bool(answer.body))  # noqa: PLR2004 - not modified
        return Response(
            request=request,
            url=answer.url,
            status=answer.status,
            headers=answer.headers,
            body=b"" if unmodified else answer.body,
            fetched_at=self._clock(),
            not_modified=unmodified,
            moved_to=moved_to,
            validators=fresh,
        )

    def _is_allowed(self, site: _Site) -> bool:
        """Whether the operator allows this host (with or without its port) although it may be private."""
        return site.name in self._allowed or site.host in self._allowed


_MEANINGS = {
    401: " (a key is missing or wrong)",
    403: " (forbidden)",
    404: " (not found)",
    410: " (gone for good)",
    429: " (too many requests)",
}
_MENDS = {
    401: "Check the key of this source.",
    404: "Check the address in sources.toml.",
    410: "Remove the source.",
    429: "It will be asked again when the host allows it.",
}


def _all_allowed() -> Protego:
    from protego import Protego  # noqa: PLC0415 - few sources are pages

    return Protego.parse("")


def _kept(header: str | None) -> str | None:
    """A validator worth sending back: printable and short."""
    return header if header and len(header) <= 500 and header.isascii() and header.isprintable() else None  # noqa: PLR2004


def _validators(answer: _Answer, old: Validators) -> Validators:
    """What the next request is conditional by. What an answer "not modified" does not name again stays."""
    etag, last_modified = _kept(answer.headers.get("etag")), _kept(answer.headers.get("last-modified"))
    if answer.status == 304:  # noqa: PLR2004 - not modified
        return Validators(
            etag=etag or old.etag, last_modified=last_modified or old.last_modified, body_hash=old.body_hash
        )
    return Validators(etag=etag, last_modified=last_modified, body_hash=hashlib.sha256(answer.body).hexdigest())


@cache
def _trusting_nobody() -> ssl.SSLContext:
    """The TLS context of connections that have none: nobody who asked it would be believed."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=_SITES)
def _site(url: str) -> _Site:
    """Where an address leads; raises FetchError for one that cannot be read (half a bracket, a port that cannot be)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _USUAL_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise FetchError(f"{url[:200]!r} is no address ({error}).", permanent=True) from None
    _, at, name = parts.netloc.lower().rpartition("@")
    return _Site(parts.scheme, host, port, name, credentials=bool(at))


def _joined(base: str, target: str) -> str:
    _site(target)
    return urljoin(base, target)


def _host(url: str) -> str:
    """Host and, where it is written, port of an address, in lower case."""
    return _site(url).name


def _named(url: str) -> tuple[str, str]:
    """The host as a certificate bears it, and with its port as the Host header does."""
    site = _site(url)
    if _PLAIN_HOST.fullmatch(site.host):
        usual = site.port == _USUAL_PORTS.get(site.scheme)
        return site.host, site.host if usual else f"{site.host}:{site.port}"
    parsed = httpx.URL(url)  # names beyond ASCII, and IPv6
    return parsed.raw_host.decode("ascii"), parsed.netloc.decode("ascii")


def _redirected(request: Request, target: str, status: int) -> Request:
    """The request of the next hop. To another origin no credentials travel; what was posted is asked for with GET
    where browsers do the same (RFC 9110, 15.4)."""
    headers = request.headers
    if _host(target) != _host(request.url) or _site(target).scheme != _site(request.url).scheme:
        headers = {name: value for name, value in headers.items() if name.lower() not in _PRIVATE_HEADERS}
    if request.method != "GET" and status in (301, 302, 303):
        return replace(request, url=target, headers=headers, method="GET", body=None)
    return replace(request, url=target, headers=headers)
