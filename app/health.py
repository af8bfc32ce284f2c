"""Is the product ready, and what would an operator have to mend?"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from app import ingesting, sending
from app.settings import ENV_FILE, PREFIX, Settings, variable
from app.wiring import Product
from core.errors import VerdictsError
from store import checks, subscribers, tools

_ROOM = 500_000_000


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
    looks = (_database, _invariants, _sources, _mail, _disk, _unknown_settings)
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
    return Finding(what=name, well=True, detail=f"by {product.settings.mail}")


def _disk(product: Product, name: str) -> Finding:
    folder = product.settings.var
    free = shutil.disk_usage(folder if folder.exists() else ".").free
    return Finding(what=name, well=free > _ROOM, detail=f"{free // 1_000_000} MB free")


def _unknown_settings(_: Product, name: str) -> Finding:
    known = {variable(field) for field in Settings.model_fields} | {ENV_FILE}
    unknown = sorted(key for key in os.environ if key.startswith(PREFIX) and key not in known)
    detail = f"not a setting: {', '.join(unknown)}" if unknown else "none"
    return Finding(what=name, well=not unknown, detail=detail)
