"""Lists of subscribers that an operator brings and takes: CSV in, CSV out, a million rows in little memory."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self, TextIO

from app.reviewing import checked_address
from app.wiring import Product
from core.category import CATEGORIES
from core.clock import from_iso, to_iso
from core.errors import Refused, UsageError, VerdictsError
from core.subscriber import address_key
from core.text import clean
from store import audit, subscribers
from store.subscribers import Newcomer, key_hash

SHOWN = 1000
"""Refused rows that are told one by one; all of them go into a file when there are more."""

_COLUMNS = ("email", "consent", "name", "categories", "confirmed_at")
_EMPTY = dict.fromkeys(_COLUMNS, "")
_SLICE = 10_000  # rows of one transaction: more make fewer index pages be written twice, and take more memory
_PAUSE = 0.11
"""Seconds between two transactions on SQLite, which has one place for writers: who waits for it, a reader who leaves, looks
again every tenth of a second at the least, and would never find it free."""
_LONGEST_LINE = 1 << 20  # characters
_CUT = "\ufffd"  # what a decoder puts where it could not read
_TOO_MANY = Refused("It has more cells than the header.", mend="Put quotes around a text with a comma in it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a list, or would have (`dry_run`): rows added, already known, and refused.

    `refused` are the first rows that were, with their reason (row 1 is below the header); `refused_file` holds all of
    them when there were more, or when a file was asked for.
    """

    added: int
    known: int
    refused_rows: int
    refused: tuple[tuple[int, str], ...]
    refused_file: Path | None
    dry_run: bool


_Numbered = tuple[int, list[str] | csv.Error]

# ------------------------------------------------------------ in


def import_file(
    product: Product, path: Path, *, actor: str, dry_run: bool = False, report: Path | None = None
) -> Imported:
    """Add the rows of a CSV file `email,consent[,name,categories,confirmed_at]`; rows with a consent text become
    active, others are refused: nobody is mailed who did not agree. With `dry_run` nothing is changed.

    The file is in UTF-8, or in UTF-16 with a byte order mark. A row that is not in UTF-8 is read as Windows-1252, and
    refused when its address is concerned. Raises UsageError for a file or header that cannot be read.
    """
    try:
        with path.open("rb") as file, _text(file) as text:
            return _import(product, text, name=path.name, actor=actor, dry_run=dry_run, report=report)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}.", mend="It must be a CSV file.") from None


def _text(file: BinaryIO) -> TextIO:
    start = file.read(2)
    file.seek(0)
    wide = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def _import(product: Product, file: TextIO, *, name: str, actor: str, dry_run: bool, report: Path | None) -> Imported:
    rows = csv.reader(_lines(file))
    columns = _columns(rows)
    default = product.settings.var / "imports" / f"refused-{product.now:%Y%m%dT%H%M%S}.csv"
    counts = _Counts(dry_run=dry_run)
    with _Refusals(report or default, always=report is not None) as refusals:
        parsed = (_parse(part, columns, product.now) for part in _slices(_numbered(rows)))
        for refused in _one_ahead(parsed, lambda part: part.refused + _take(product, part.taken, counts)):
            refusals.add(sorted(refused))
    done = Imported(
        added=counts.added,
        known=counts.known,
        refused_rows=refusals.count,
        refused=tuple(refusals.first),
        refused_file=refusals.path if refusals.written else None,
        dry_run=dry_run,
    )
    if not dry_run:
        told = {"file": clean(name, limit=100), "added": done.added, "known": done.known, "refused": done.refused_rows}
        with product.database.write() as connection:
            audit.note(
                connection,
                now=product.now,
                actor=actor,
                action="subscriber.import",
                subject="subscribers",
                after=told,
            )
    return done


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is longer than any row, its beginning."""
    cut = False
    while line := file.readline(_LONGEST_LINE):
        whole = line.endswith(("\n", "\r"))
        if not cut:
            yield line if whole or len(line) < _LONGEST_LINE else f"{line[:1000]}{_CUT}\n"
        cut = not whole and len(line) == _LONGEST_LINE


def _columns(rows: Iterator[list[str]]) -> dict[str, int]:
    """Column -> its place. Raises UsageError for a wrong header."""
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise UsageError(f"The header cannot be read: {error}.", mend="It must be a CSV file.") from None
    found = {name.strip().lower(): place for place, name in enumerate(header)}
    if not {"email", "consent"} <= found.keys() <= set(_COLUMNS) or len(found) < len(header):
        raise UsageError(
            f"The header is {clean(', '.join(header), limit=200) or 'missing'}.",
            mend="It must be email,consent and may go on with name,categories,confirmed_at.",
        )
    return found


def _numbered(rows: Iterator[list[str]]) -> Iterator[_Numbered]:
    """Rows with their number, empty lines left out; a row that is no CSV is an error value beside its neighbours."""
    number = 0
    while True:
        try:
            row: list[str] | csv.Error = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            row = error
        if row:
            number += 1
            yield number, row


def _slices(rows: Iterator[_Numbered]) -> Iterator[list[_Numbered]]:
    while part := list(islice(rows, _SLICE)):
        yield part


def _one_ahead(parts: Iterator[_Part], take: Callable[[_Part], list[_Refusal]]) -> Iterator[list[_Refusal]]:
    """What `take` makes of each part, in order. The next part is read while the database is busy with the last: half of
    an import is reading, half is waiting for the database."""
    with ThreadPoolExecutor(max_workers=1) as hand:
        waiting: list[Future[list[_Refusal]]] = []
        try:
            for part in parts:
                waiting.append(hand.submit(take, part))
                if len(waiting) > 1:
                    yield waiting.pop(0).result()
            yield from (each.result() for each in waiting)
        finally:
            hand.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that can be taken, unless the database says otherwise."""

    number: int
    newcomer: Newcomer

    @property
    def key(self) -> str:
        """What makes its address unique."""
        return self.newcomer.key


_Refusal = tuple[int, str]
"""The number of a row, and why it was refused."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What was read of one slice."""

    taken: list[_Row]
    refused: list[_Refusal]


class _Refusals:
    """Refused rows: counted, the first ones kept, all of them written to a file once they are many."""

    def __init__(self, path: Path, *, always: bool) -> None:
        self.path = path
        self.count = 0
        self.first: list[_Refusal] = []
        self._file: TextIO | None = None
        self._writer: Any = None
        if always:
            self._open()

    @property
    def written(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def add(self, refused: Sequence[_Refusal]) -> None:
        """Note some rows."""
        self.count += len(refused)
        if self._file is None and self.count > SHOWN:
            self._open()
            self._write(self.first)
        self.first += refused[: SHOWN - len(self.first)]
        if self._file is not None:
            self._write(refused)

    def _write(self, refused: Iterable[_Refusal]) -> None:
        self._writer.writerows((number, _harmless(reason)) for number, reason in refused)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _private(self.path)
        self._writer = csv.writer(self._file)
        self._writer.writerow(("row", "reason"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _private(path: Path) -> TextIO:
    """A file for this user alone: what it holds are people's addresses."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", newline="", encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class _Counts:
    """Who became active and who was known so far. `seen` holds eight bytes for each address of a dry run, which writes none."""

    dry_run: bool
    added: int = 0
    known: int = 0
    seen: set[int] = field(default_factory=set)


def _parse(part: Iterable[_Numbered], columns: dict[str, int], now: datetime) -> _Part:
    found = _Part([], [])
    for number, row in part:
        try:
            if isinstance(row, csv.Error):
                raise Refused(f"It is no row of CSV: {row}.")
            found.taken.append(_read_row(number, row, columns, now))
        except (VerdictsError, ValueError) as error:
            found.refused.append((number, str(error)))
    return found


def _read_row(number: int, row: list[str], columns: dict[str, int], now: datetime) -> _Row:
    """Raises Refused or ValueError for a row that cannot be taken."""
    if len(row) > len(columns):
        raise _TOO_MANY
    cells = dict(_EMPTY)
    for name, place in columns.items():
        if place < len(row):
            cell = row[place]
            cells[name] = cell if cell.isascii() else _decoded(name, cell)
    address = _address(cells["email"].strip())
    consent = _consent(cells["consent"])
    categories = _categories(cells["categories"]) if cells["categories"] else ()
    confirmed = from_iso(cells["confirmed_at"]) if cells["confirmed_at"].strip() else now
    newcomer = Newcomer(
        address=address,
        key=address_key(address),
        name=clean(cells["name"], limit=100) if cells["name"] else "",
        categories=categories,
        consent=consent,
        confirmed_at=min(confirmed, now),
    )
    return _Row(number, newcomer)


def _decoded(column: str, cell: str) -> str:
    """A cell as text. Raises Refused for bytes that are none, and for an address that would have to be guessed."""
    if _CUT in cell:
        raise Refused("It cannot be read.", mend="Save the file as UTF-8.")
    try:
        cell.encode()
    except UnicodeEncodeError:
        if column == "email":
            raise Refused("Its address is not in UTF-8.", mend="Save the file as UTF-8.") from None
        with suppress(UnicodeDecodeError):
            return cell.encode("utf-8", "surrogateescape").decode("cp1252")
        raise Refused(f"Its {column} is neither UTF-8 nor Windows-1252.", mend="Save the file as UTF-8.") from None
    return cell


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@([A-Za-z0-9.-]+)")
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254  # RFC 5321, 4.5.3.1


def _address(text: str) -> str:
    """`checked_address`, which takes as long as everything else of a row together, for the plain addresses that nearly
    all are: atoms, dots, and a domain that has been checked before. Raises Refused."""
    found = _PLAIN.fullmatch(text) if len(text) <= _LONGEST_ADDRESS else None
    if found is None or len(found[1]) > _LONGEST_LOCAL:
        return checked_address(text)
    domain = _domain(found[2])
    if domain is None:
        return checked_address(text)  # raises, with the reason
    return f"{found[1]}@{domain}"


@lru_cache(maxsize=100_000)
def _domain(text: str) -> str | None:
    """A domain as it is written in addresses; None when something is wrong with it."""
    try:
        return checked_address(f"a@{text}").rpartition("@")[2]
    except Refused:
        return None


@lru_cache(maxsize=1000)
def _consent(text: str) -> str:
    words = clean(text, limit=500)
    if not words:
        raise Refused("There is no consent text.", mend="Say what the person agreed to.")
    return words


@lru_cache(maxsize=10_000)
def _categories(text: str) -> tuple[str, ...]:
    wanted = tuple(each.strip() for each in text.split(";") if each.strip())
    unknown = [each for each in wanted if each not in CATEGORIES]
    if unknown:
        raise Refused(f"There is no category {clean(unknown[0], limit=40)!r}.", mend="Leave it empty for all of them.")
    return tuple(dict.fromkeys(wanted))


def _take(product: Product, rows: Sequence[_Row], counts: _Counts) -> list[_Refusal]:
    """Add what is new and may be mailed, in one transaction. Returns the rows that may not."""
    if product.database.dialect == "sqlite" and counts.added and not counts.dry_run:
        time.sleep(_PAUSE)
    fresh = {row.key: row for row in reversed(rows)}  # of two rows with one address the first counts
    begin = product.database.read if counts.dry_run else product.database.write
    with begin() as connection:
        closed = _closed(connection, fresh)
        if counts.dry_run:
            known = subscribers.settled_keys(connection, list(fresh))
            added = _count_unseen((key for key in fresh if key not in known and key not in closed), counts.seen)
        else:
            newcomers = [row.newcomer for row in rows if fresh[row.key] is row and row.key not in closed]
            added = subscribers.add_many(connection, newcomers, source="command line", now=product.now)
    counts.added += added
    counts.known += sum(row.key not in closed for row in rows) - added
    return [_refusal(row, closed[row.key]) for row in rows if row.key in closed]


def _closed(connection: Any, keys: Collection[str]) -> dict[str, str]:
    """Those of these address keys that may not be mailed, with the reason; not those of whom a row would change nothing."""
    hashes = {key_hash(key): key for key in keys}
    domains = subscribers.suppressed_domains(connection)
    closed = {key: "domain" for key in keys if domains and subscribers.domain_of(key) in domains}
    closed |= {hashes[each]: why for each, why in subscribers.suppressed_hashes(connection, list(hashes)).items()}
    for key in subscribers.settled_keys(connection, list(closed)) if closed else ():
        del closed[key]
    return closed


def _refusal(row: _Row, why: str) -> _Refusal:
    words = f"{row.newcomer.address} may not be mailed ({why}). Only that person can subscribe again."
    return row.number, words


def _count_unseen(keys: Iterable[str], seen: set[int]) -> int:
    before = len(seen)
    seen.update(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) for key in keys)
    return len(seen) - before


# ------------------------------------------------------------ out


_EXPORTED = (
    *("email", "state", "name", "categories", "created_at", "confirmed_at"),
    *("left_at", "rhythm", "paused_until", "language", "time_zone"),
)


def export_csv(product: Product, file: TextIO, *, actor: str) -> int:
    """Write every subscriber as CSV; no cell can be a spreadsheet's formula. Returns how many."""
    writer = csv.writer(file)
    writer.writerow(_EXPORTED)
    count = 0
    with product.database.read() as connection:
        for each, left_at in subscribers.everybody_and_when_they_left(connection):
            row = [
                each.address,
                each.state,
                each.name,
                ";".join(each.categories),
                to_iso(each.created_at),
                _day(each.confirmed_at),
                _day(left_at),
                each.rhythm,
                _day(each.paused_until),
                each.language or "",
                each.time_zone or "",
            ]
            writer.writerow([_harmless(cell) for cell in row])
            count += 1
    with product.database.write() as connection:
        told = {"subscribers": count}
        audit.note(
            connection, now=product.now, actor=actor, action="subscriber.export", subject="subscribers", after=told
        )
    return count


def export_file(product: Product, path: Path, *, actor: str) -> int:
    """`export_csv` into a file that only this user can read. Raises UsageError for a place that cannot be written."""
    try:
        with _private(path) as file:
            return export_csv(product, file, actor=actor)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}.", mend="Choose another place.") from None


def _day(instant: datetime | None) -> str:
    return to_iso(instant) if instant else ""


_RISKY = frozenset(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


def _harmless(cell: str) -> str:
    # A spreadsheet runs what begins like this (OWASP, "CSV injection"), full-width forms included, and some skip blanks
    # before they look; the quote makes it text.
    return f"'{cell}" if cell[:1] in _RISKY or cell.lstrip()[:1] in _RISKY else cell
