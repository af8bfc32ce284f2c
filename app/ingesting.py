"""Ingestion: read the sources that are due, decide what their entries are, store the result.

One source's life, step by step:
    load     what sources.toml says, and where each source stands (state, cursor)
    mark     its next due time, committed before the fetch: a crash cannot hammer a host
    read     requests, bytes, entries (ingest/reading; many sources at once, no database)
    decide   new tool, seen again, merge, ask (ingest/match; pure)
    apply    tools, assessments, cursors and fetch records, in one transaction for some 1,500 entries; a reading that
             breaks it is stored alone and fails alone
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from app.heap import set_aside
from app.wiring import TURNS, Product
from core.errors import Conflict, DatabaseNotReady, NotFound, SourcesFileError, UsageError, VerdictsError
from core.source import Cursor, FetchRecord, Outcome, Reading, Source, SourceState, SourceStatus, Standing
from core.text import clean
from core.version import VERSION
from ingest.catalogue import next_due, read_options, read_sources, rhythm
from store import sources

if TYPE_CHECKING:
    from app.applying import Counts

_TRIES = 2
_ROWS = 1500
_SECONDS = 2.0
"""A transaction takes readings together until they have so many entries, or the first has waited so long: a statement
for a thousand rows costs little more than one for ten."""

Told = Callable[[FetchRecord], None]
"""Called with each source's record as soon as it is stored."""


def catalogue(product: Product) -> tuple[Source, ...]:
    """The sources of sources.toml. Raises SourcesFileError."""
    return read_sources(_sources_file(product), filename=product.settings.sources.name)


def _sources_file(product: Product) -> str:
    path = product.settings.sources
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourcesFileError(
            f"There is no sources file {path}.", mend="Copy sources.toml from the project, or set VERDICTS_SOURCES."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesFileError(f"{path} cannot be read: {error}.", mend="It must be a TOML file in UTF-8.") from None


def statuses(product: Product) -> list[SourceStatus]:
    """Every source of the file, with what became of it."""
    listed = catalogue(product)
    with product.database.write() as connection:
        sources.sync(connection, listed)
        return sources.statuses(connection, listed)


def _standings(product: Product) -> list[Standing]:
    listed = catalogue(product)
    with product.database.write() as connection:
        sources.sync(connection, listed)
        return sources.standings(connection, listed)


def ingest(
    product: Product,
    keys: Sequence[str] = (),
    *,
    everything: bool = False,
    group: str | None = None,
    told: Told | None = None,
) -> list[FetchRecord]:
    """Read sources and store what they show.

    Which: those named by `keys` (paused ones too: asking by name is asking), all that are on with `everything`,
    else those that are due, of one rhythm when `group` names it. Returns one record per source, in the order of the
    file. A source that fails is a record, never an exception. Raises NotFound for an unknown key.
    """
    chosen = _choose(_standings(product), keys, everything=everything, group=group, now=product.now)
    options = read_options(_sources_file(product), filename=product.settings.sources.name)
    product.database.spare_memory()  # each row is written once, and what is looked up lies all over the tables
    records = _run(_ingest(product, chosen, told or _tell_nobody))
    if options.read_pricing_pages:
        # What was ingested is told even when the database is too busy for the prices; the next run looks again.
        from app import pricing  # noqa: PLC0415 - few read pages

        with suppress(Conflict):
            pricing.read_unknown(product, limit=options.pricing_pages)
    order = {each.source.key: place for place, each in enumerate(chosen)}
    return sorted(records, key=lambda record: order[record.source])


_Result = TypeVar("_Result")


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run on the event loop in C where there is one: it takes a quarter off a pass in which nothing has changed."""
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):  # Windows has none
        from uvloop import new_event_loop as loop  # noqa: PLC0415 - only ingestion waits for so many at once
    with set_aside(), asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


def _choose(
    known: Sequence[Standing], keys: Sequence[str], *, everything: bool, group: str | None, now: datetime
) -> list[Standing]:
    if keys:
        by_key = {each.source.key: each for each in known}
        unknown = [key for key in keys if key not in by_key]
        if unknown:
            raise NotFound(f"There is no source {unknown[0]!r}.", mend=f"Sources are: {', '.join(by_key) or 'none'}.")
        return [by_key[key] for key in dict.fromkeys(keys)]
    on = [each for each in known if each.source.enabled and each.state is SourceState.ON]
    if everything:
        return on
    return [each for each in on if _is_due(each, now) and group in (None, rhythm(each.source.schedule))]


def _is_due(status: Standing, now: datetime) -> bool:
    return all(instant is None or instant <= now for instant in (status.next_due, status.not_before))


def _tell_nobody(_: FetchRecord) -> None:
    """The listener of those who only want the result."""


async def _ingest(product: Product, chosen: Sequence[Standing], told: Told) -> list[FetchRecord]:
    records: list[FetchRecord] = []
    waiting: list[Reading] = []

    def put_away() -> None:
        for record in store(product, waiting):
            told(record)
            records.append(record)
        waiting.clear()

    begun, rows = time.monotonic(), 0
    async for reading in _readings(product, chosen):
        waiting.append(reading)
        rows += len(reading.sightings)
        # Storing blocks the loop on purpose: one writer at a time, and the sockets wait in the kernel.
        if rows >= _ROWS or time.monotonic() - begun > _SECONDS:
            put_away()
            begun, rows = time.monotonic(), 0
    put_away()
    return records


async def _readings(product: Product, chosen: Sequence[Standing]) -> AsyncIterator[Reading]:
    # These bring the HTTP client and the parsers along: half a second that `--help` must not pay.
    from ingest.fetch import Fetcher  # noqa: PLC0415
    from ingest.reading import Asked, read_all  # noqa: PLC0415

    with product.database.write() as connection:
        now = product.now
        sources.start(connection, {each.source.key: next_due(each.source.schedule, now) for each in chosen})
    asked = [
        Asked(source=each.source, cursor=each.cursor, history=partial(_history, product, each.source.key))
        for each in chosen
    ]
    settings = product.settings
    async with Fetcher(
        contact=settings.contact or settings.base_url,
        version=VERSION,
        allow_private_hosts=settings.allow_private_hosts,
        clock=product.clock,
        shared=settings.var / TURNS,
    ) as fetcher:
        async for reading in read_all(asked, fetcher=fetcher, clock=product.clock):
            yield reading


def _history(product: Product, key: str) -> Sequence[int]:
    with product.database.read() as connection:
        return sources.history_of(connection, key)


def store(product: Product, readings: Sequence[Reading]) -> list[FetchRecord]:
    """Readings into the database: all in one transaction, and when that fails, each in its own.

    A failure to store one reading is a failed run of its source, with its reason; the others are stored all the same.
    Raises DatabaseNotReady, since then no source can be stored.
    """
    if len(readings) > 1:
        try:
            return _store(product, readings)
        except DatabaseNotReady:
            raise
        except Conflict as busy:  # it has waited long enough for all of them
            return [_fail(product, each, busy) for each in readings]
        except Exception:  # noqa: BLE001, S110 - one of them has broken it; alone, each shows its own cause
            pass
    return [_store_alone(product, each) for each in readings]


def _store_alone(product: Product, reading: Reading) -> FetchRecord:
    """Tried twice: of two processes that store the same entries at once, the slower one finds them known when it
    looks again."""
    problem: Exception
    for _ in range(_TRIES):
        try:
            return _store(product, [reading])[0]
        except Conflict as busy:  # it has waited long enough
            problem = busy
            break
        except Exception as error:  # noqa: BLE001 - what one source's entries do must never stop another's
            problem = error
    if isinstance(problem, DatabaseNotReady):
        raise problem
    return _fail(product, reading, problem)


def _fail(product: Product, reading: Reading, problem: Exception) -> FetchRecord:
    failed = _record(reading, outcome=Outcome.FAILED, error=_not_stored(problem))
    # The record of a failure to write may fail to be written too; the next run starts from the old cursor anyway.
    with suppress(Conflict), product.database.write() as connection:
        sources.finish(connection, [(reading, failed)])
    return failed


def _store(product: Product, readings: Sequence[Reading]) -> list[FetchRecord]:
    with product.database.write() as connection:
        shown = [each for each in readings if each.sightings and each.outcome is not Outcome.FAILED]
        counts = _taken(product, connection, shown) if shown else {}
        records = [_record(each, counts.get(each.source)) for each in readings]
        sources.finish(connection, list(zip(readings, records, strict=True)))
    return records


def _taken(product: Product, connection: Any, readings: Sequence[Reading]) -> Mapping[str, Counts]:
    """Take what was shown. `connection` is opaque here."""
    # What decides about entries, and who looks at them: a run in which nothing is new, as most are, does without.
    from app import applying, reviewing  # noqa: PLC0415

    counts = applying.apply(connection, readings)
    reviewing.give_due_dates(product, connection)
    return counts


def _not_stored(problem: Exception) -> str:
    if isinstance(problem, VerdictsError):
        return str(problem)
    return clean(f"What came could not be stored: {type(problem).__name__}: {problem}", limit=500)


def _record(
    reading: Reading, counts: Counts | None = None, *, outcome: Outcome | None = None, error: str | None = None
) -> FetchRecord:
    record = FetchRecord(
        source=reading.source,
        at=reading.at,
        outcome=outcome or reading.outcome,
        http_status=reading.http_status,
        bytes=reading.bytes,
        entries=len(reading.sightings),
        bad=len(reading.bad),
        left_out=reading.left_out,
        seconds=reading.seconds,
        error=error or reading.error,
    )
    if counts is None:
        return record
    return replace(record, new=counts.new, changed=counts.changed, new_tools=counts.new_tools, merged=counts.merged)


def check(product: Product, key: str) -> Reading:
    """Ask one source once, from the beginning, and store nothing. Raises NotFound."""
    return _run(_check(product, key))


async def _check(product: Product, key: str) -> Reading:
    from ingest.fetch import Fetcher  # noqa: PLC0415 - see _readings
    from ingest.reading import Asked, read_all  # noqa: PLC0415

    by_key = {each.key: each for each in catalogue(product)}
    if key not in by_key:
        raise NotFound(f"There is no source {key!r}.", mend=f"Sources are: {', '.join(by_key) or 'none'}.")
    settings = product.settings
    async with Fetcher(
        contact=settings.contact or settings.base_url,
        version=VERSION,
        allow_private_hosts=settings.allow_private_hosts,
        clock=product.clock,
        shared=settings.var / TURNS,
    ) as fetcher:
        readings = read_all([Asked(source=by_key[key], cursor=Cursor())], fetcher=fetcher, clock=product.clock)
        return await anext(readings)


def pause(product: Product, key: str, *, on: bool, actor: str) -> SourceState:
    """Stop asking a source, or (`on`) ask it again, also after it was gone. Raises NotFound."""
    from store import audit  # noqa: PLC0415 - it brings every table along, which a run that reads sources does without

    after = SourceState.ON if on else SourceState.PAUSED
    listed = catalogue(product)
    with product.database.write() as connection:
        sources.sync(connection, listed)
        before = sources.set_state(connection, key, after)
        audit.note(
            connection,
            now=product.now,
            actor=actor,
            action="source.resume" if on else "source.pause",
            subject=f"source:{key}",
            before=before,
            after=after,
        )
    return after


def require_rhythm(group: str) -> str:
    """One of the three rhythms. Raises UsageError."""
    if group not in ("hourly", "six-hourly", "daily"):
        raise UsageError(f"{group!r} is not a rhythm.", mend="Use hourly, six-hourly or daily.")
    return group
