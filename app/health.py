"""Is the product ready, and what would an operator have to mend?"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

from app import ingesting, sending
from app.settings import ENV_FILE, PREFIX, MailKind, Settings, variable
from app.wiring import Product
from core.errors import SettingsError, VerdictsError
from core.source import SourceState, SourceStatus
from store import checks, sources, subscribers, tools

_ROOM = 500_000_000
RUNS = 60
"""So many runs of a source are shown as a plot."""


def ready(product: Product) -> tuple[bool, str]:
    """Whether requests can be served, and why not. Cheap enough to be asked every second."""
    try:
        product.database.require_current()
    except VerdictsError as error:
        return False, str(error)
    return True, "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `mend` says what to do when it is not well."""

    what: str
    well: bool
    detail: str


def examine(product: Product) -> list[Finding]:
    """Everything an operator should know before relying on this installation."""
    looks = (_database, _invariants, _sources, _mail, _secret_key, _disk, _unknown_settings)
    return [_look(product, look) for look in looks]


def _look(product: Product, look: object) -> Finding:
    name = getattr(look, "__name__", "").strip("_").replace("_", " ")
    try:
        return look(product, name)  # type: ignore[operator,no-any-return] # one of the functions below
    except VerdictsError as error:
        return Finding(what=name, well=False, detail=str(error))


def _database(product: Product, name: str) -> Finding:
    product.database.require_current()
    with product.database.read() as connection:
        waiting = tools.counts(connection)
        active = subscribers.counts(connection).get("active", 0)
    detail = f"{product.database.dialect}, {sum(waiting.values())} tools, {active} active subscribers"
    return Finding(what=name, well=True, detail=detail)


def _invariants(product: Product, name: str) -> Finding:
    broken = violations(product)
    detail = f"{len(broken)} broken: {broken[0]['rule']}" if broken else f"{len(checks.INVARIANTS)} hold"
    return Finding(what=name, well=not broken, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """A source as an operator looks at it; every instant in UTC.

    `state` is `on`, `failing`, `paused`, `gone` or `off` (switched off in sources.toml). `budget_left` is what its host
    still granted after the last run, None where hosts do not say. `runs` are the entries of its last 60 runs, the newest
    first; a run that failed or found nothing new has none.
    """

    key: str
    kind: str
    url: str
    state: str
    last_success: datetime | None
    last_non_empty: datetime | None
    entries_median: int | None  # of the last 14 runs that were read
    consecutive_failures: int
    last_error: str | None
    next_due: datetime | None
    waits_until: datetime | None  # its host, or its failures, call for rest
    budget_left: int | None
    runs: tuple[int, ...]


def source_health(product: Product) -> list[SourceHealth]:
    """Every source of sources.toml, in its order. A fixed number of statements, however many there are. Raises
    SourcesFileError."""
    known = ingesting.statuses(product)
    with product.database.read() as connection:
        past = sources.runs(connection, limit=RUNS)
    return [_health(each, past.get(each.source.key, [])) for each in known]


def _health(status: SourceStatus, runs: list[int]) -> SourceHealth:
    return SourceHealth(
        key=status.source.key,
        kind=status.source.kind,
        url=status.source.url,
        state=_state(status),
        last_success=status.last_success,
        last_non_empty=status.last_non_empty,
        entries_median=status.entries_median,
        consecutive_failures=status.consecutive_failures,
        last_error=status.last_error,
        next_due=status.next_due,
        waits_until=status.not_before,
        budget_left=status.budget_left,
        runs=tuple(runs),
    )


def _state(status: SourceStatus) -> str:
    if not status.source.enabled:
        return "off"
    return "failing" if status.state is SourceState.ON and status.last_error else status.state.value


def violations(product: Product) -> list[dict[str, object]]:
    """Every invariant of the store that some row breaks."""
    with product.database.read() as connection:
        return checks.violations(connection)


def _sources(product: Product, name: str) -> Finding:
    known = ingesting.statuses(product)
    failing = [each.source.key for each in known if each.last_error]
    detail = f"failing: {', '.join(failing)}" if failing else f"{len(known)} sources, none failing"
    return Finding(what=name, well=not failing, detail=detail)


def _mail(product: Product, name: str) -> Finding:
    sending.require_sendable(product)
    if product.settings.mail is MailKind.OUTBOX:
        _require_writable(product.settings.outbox_folder)
    return Finding(what=name, well=True, detail=f"by {product.settings.mail}")


def _secret_key(product: Product, name: str) -> Finding:
    kept = product.settings.var / "secret.key"
    if product.settings.secret_key is not None:
        return Finding(what=name, well=True, detail="set")
    if not kept.exists():
        return Finding(what=name, well=True, detail=f"will be made and kept as {kept}")
    signs = product.signer is not None  # raises for what is no key
    return Finding(what=name, well=signs, detail=f"kept as {kept}")


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"Nothing can be written into the outbox, {folder} ({error.strerror}).",
            mend="Let VERDICTS_OUTBOX name a folder that this user may write.",
        ) from None


def _disk(product: Product, name: str) -> Finding:
    folder = product.settings.var
    free = shutil.disk_usage(folder if folder.exists() else ".").free
    return Finding(what=name, well=free > _ROOM, detail=f"{free // 1_000_000} MB free")


def _unknown_settings(_: Product, name: str) -> Finding:
    known = {variable(field) for field in Settings.model_fields} | {ENV_FILE}
    unknown = sorted(key for key in os.environ if key.startswith(PREFIX) and key not in known)
    detail = f"not a setting: {', '.join(unknown)}" if unknown else "none"
    return Finding(what=name, well=not unknown, detail=detail)
