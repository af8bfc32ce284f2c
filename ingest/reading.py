"""Reading: one run of one source, from its requests to a value that says what came of it.

    adapter.requests | fetch | adapter.parse | following pages | judge

Nothing that a source does raises here; it ends up in the reading's outcome and error.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Protocol

from core.clock import Clock
from core.errors import FetchError, ParseError
from core.source import Cursor, Outcome, Parsed, Reading, Request, Response, Source, Validators
from ingest import health
from ingest.pace import budget_left
from ingest.sources import adapter_of
from ingest.sources.entries import told_apart
from ingest.sources.workers import NeedsWorkerError, without_workers

_MOST_REQUESTS = 40
_MOST_WAITING = 16
_SHORT = 300_000
"""Bytes of a body that is read at once, in some milliseconds. In a thread it would cost a sixth more, what it makes being used
in another; a longer one is read in a thread all the same, so that it stops no other fetch, and so is one that needs a worker."""
# Threads of their own: the loop's default ones may all be waiting for names that do not resolve.
_PARSERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="parser")
_GONE = 410
_REFUSALS = (None, 403, 429)  # no status: the host had asked for rest before


class Fetches(Protocol):
    """What reading needs of a fetcher (see ingest/fetch)."""

    async def fetch(self, request: Request, validators: Validators) -> Response:
        """The response to one request; raises FetchError."""
        ...


History = Callable[[], Sequence[int]]
"""Tells the entry counts of a source's last runs that were read, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A source that is due, with what is known of its past. `history` as `read` takes it."""

    source: Source
    cursor: Cursor
    history: History = tuple


@dataclass(slots=True)
class _Run:
    """What a run has gathered so far."""

    validators: dict[str, Validators] = field(default_factory=dict)
    parsed: list[Parsed] = field(default_factory=list)
    problems: list[FetchError | ParseError] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    read: int = 0  # responses that were read or not modified
    unmodified: int = 0
    size: int = 0
    moved_to: str | None = None
    budget_left: int | None = None

    @property
    def http_status(self) -> int | None:
        """The status that tells most: of the first failure, else of the first answer."""
        failed = [one.http_status for one in self.problems if isinstance(one, FetchError) and one.http_status]
        return next(iter([*failed, *self.statuses]), None)

    @property
    def not_before(self) -> datetime | None:
        """The latest instant that a host asked us to wait for."""
        waits = [one.retry_after for one in self.problems if isinstance(one, FetchError) and one.retry_after]
        return max(waits, default=None)


async def read(source: Source, cursor: Cursor, *, fetcher: Fetches, clock: Clock, history: History) -> Reading:
    """Ask a source and read its answers.

    `history` is asked only when not one entry came: what is usual decides then. The outcome is `not_modified` when
    every answer was, `empty` when nothing came and that is normal or nothing is known of it yet, `degraded` when some
    requests failed or half the entries were unreadable, `failed` when nothing was gained: then the cursor is the old
    one, so that the same answer is not taken for an unmodified one the next time.
    """
    begun, at = time.monotonic(), clock()
    run = _Run()
    try:
        await _ask(source, cursor, run, fetcher, at)
        return _judged(source, cursor, run, history=history, at=at, seconds=time.monotonic() - begun)
    except Exception as error:  # noqa: BLE001 - a source must never stop its neighbours; the reading shows it
        run = _Run(problems=[ParseError(f"{source.key} could not be read: {type(error).__name__}: {error}")])
        return _judged(source, cursor, run, history=history, at=at, seconds=time.monotonic() - begun)


async def _ask(source: Source, cursor: Cursor, run: _Run, fetcher: Fetches, now: datetime) -> None:
    """Work through the requests and the pages that follow; a host that wants rest ends the run."""
    plan = adapter_of(source.kind)
    waiting = deque(plan.requests(source, cursor, now))
    asked: set[tuple[str, bytes | None]] = set()
    while waiting and len(asked) < _MOST_REQUESTS:
        request = waiting.popleft()
        if (request.url, request.body) in asked:
            continue
        asked.add((request.url, request.body))
        slot = request.slot or request.url
        try:
            response = await fetcher.fetch(request, cursor.validators.get(slot, Validators()))
            _note(run, response)
            parsed = await _parsed(source, response, now)
        except (FetchError, ParseError) as problem:
            run.problems.append(problem)
            if slot in cursor.validators:
                run.validators[slot] = cursor.validators[slot]
            if isinstance(problem, FetchError) and problem.retry_after:
                return
            continue
        # Only now: a validator kept for a body that could not be read would hide it behind "not modified".
        run.validators[slot] = response.validators
        run.read += 1
        if parsed is not None:
            run.parsed.append(parsed)
            waiting.extend(parsed.following)


async def _parsed(source: Source, response: Response, now: datetime) -> Parsed | None:
    """The response read by its adapter; None when it was not modified."""
    if response.not_modified:
        return None
    parse = adapter_of(source.kind).parse
    if len(response.body) <= _SHORT:
        with suppress(NeedsWorkerError), without_workers():
            return parse(source, response, now)
    return await asyncio.get_running_loop().run_in_executor(_PARSERS, parse, source, response, now)


def _note(run: _Run, response: Response) -> None:
    run.statuses.append(response.status)
    run.size += len(response.body)
    run.unmodified += response.not_modified
    run.moved_to = run.moved_to or response.moved_to
    left = budget_left(response.headers)
    run.budget_left = run.budget_left if left is None else left


def _judged(source: Source, cursor: Cursor, run: _Run, *, history: History, at: datetime, seconds: float) -> Reading:
    sightings = told_apart([one for parsed in run.parsed for one in parsed.sightings])
    bad = tuple(one for parsed in run.parsed for one in parsed.bad)
    outcome, error = _outcome(run, len(sightings), history)
    if outcome in (Outcome.OK, Outcome.DEGRADED) and (ill := health.problem(cursor.marks, sightings, len(bad), now=at)):
        outcome, error = Outcome.FAILED, ill
    if outcome is Outcome.FAILED and _was_only_refused(run) and adapter_of(source.kind).fragile:
        outcome = Outcome.DEGRADED
    failed = outcome is Outcome.FAILED or not run.read
    marks = {name: mark for parsed in run.parsed for name, mark in parsed.marks.items()}
    marks |= health.remembered(cursor.marks, sightings, len(bad), now=at)
    left_out: Counter[str] = Counter()
    for parsed in run.parsed:
        left_out.update(parsed.left_out)
    return Reading(
        source=source.key,
        at=at,
        outcome=outcome,
        cursor=cursor if failed else Cursor(validators=run.validators, marks={**cursor.marks, **marks}),
        sightings=() if failed else sightings,
        bad=bad,
        left_out=dict(left_out),
        http_status=run.http_status,
        bytes=run.size,
        seconds=seconds,
        error=error,
        moved_to=run.moved_to,
        gone=failed and run.http_status == _GONE,
        not_before=run.not_before,
        budget_left=run.budget_left,
    )


def _was_only_refused(run: _Run) -> bool:
    """Whether nothing came because the site keeps anonymous readers out for now."""
    return not run.read and all(isinstance(one, FetchError) and one.http_status in _REFUSALS for one in run.problems)


def _outcome(run: _Run, count: int, history: History) -> tuple[Outcome, str | None]:
    """How a run went, and the reason where it did not go well."""
    bad = sum(len(parsed.bad) for parsed in run.parsed)
    problem = str(run.problems[0]) if run.problems else None
    unreadable = f"{bad} of {bad + count} entries could not be read: {_first_bad(run)}" if bad else None
    if not run.read or (bad and not count):
        return Outcome.FAILED, problem or unreadable
    if problem or bad > count:
        return Outcome.DEGRADED, problem or unreadable
    if run.unmodified == run.read:
        return Outcome.NOT_MODIFIED, None
    return (Outcome.OK, None) if count or run.unmodified else _nothing(run, history)


def _nothing(run: _Run, history: History) -> tuple[Outcome, str | None]:
    """No entry at all: normal where the adapter says so, where what came was left out on purpose, or where nothing
    ever came; otherwise the page has changed without telling anybody."""
    if all(parsed.empty_is_normal for parsed in run.parsed) or any(parsed.left_out for parsed in run.parsed):
        return Outcome.EMPTY, None
    usual = median(history() or (0,))
    if usual <= 0:
        return Outcome.EMPTY, None
    return Outcome.FAILED, f"Not one entry, where {usual:g} are usual: the format may have changed."


def _first_bad(run: _Run) -> str:
    first = next(bad for parsed in run.parsed for bad in parsed.bad)
    return f"{first.where}: {first.reason}"


async def read_all(
    asked: Sequence[Asked], *, fetcher: Fetches, clock: Clock, at_once: int = 50
) -> AsyncIterator[Reading]:
    """Read many sources, `at_once` of them at a time, and yield each reading as soon as it is done.

    So many at a time that a score of dead hosts, each of which takes as long as it may, holds nobody else up. Finished
    readings wait in a short queue, so that one writer can store them one by one and a slow writer holds the
    readers back instead of filling the memory. Leaving the iteration early stops what is under way.
    """
    waiting = deque(asked)
    done: asyncio.Queue[Reading | Exception] = asyncio.Queue(maxsize=min(at_once, _MOST_WAITING))

    async def work() -> None:
        while waiting:
            one = waiting.popleft()
            try:
                result = await read(one.source, one.cursor, fetcher=fetcher, clock=clock, history=one.history)
            except Exception as error:  # noqa: BLE001 - handed over and raised there; a silent worker would be waited for
                await done.put(error)
                return
            await done.put(result)

    workers = [asyncio.create_task(work()) for _ in range(min(at_once, len(asked)))]
    try:
        for _ in asked:
            result = await done.get()
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
