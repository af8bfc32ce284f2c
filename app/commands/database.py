"""`verdicts db`, `check`, `doctor`, `settings`."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from app import health
from app.lenses import load_standard_lenses
from app.report import Report
from app.settings import described, read_settings
from app.wiring import open_product

app = App(name="db")


@app.command
def upgrade() -> Report:
    """Make the database, or bring it to this program's version."""
    from store import migrate  # noqa: PLC0415 - Alembic is slow to load

    with open_product(require_current=False) as product:
        revision = migrate.upgrade(product.database)
        load_standard_lenses(product)
        where = product.database.path or product.database.dialect
    return Report(data={"revision": revision}, text=f"{where} is at revision {revision}.")


@app.command
def backup(file: Path) -> Report:
    """Copy a SQLite database to FILE while it is in use."""
    from store.backup import backup as copy  # noqa: PLC0415 - used here only

    with open_product() as product:
        size = copy(product.database, file)
    return Report(data={"file": str(file), "bytes": size}, text=f"{file}: {size} bytes.")


def check() -> Report:
    """Look for rows that break an invariant. Exit code 1 when there are any."""
    with open_product() as product:
        broken = health.violations(product)
    words = "\n".join(f"{each['rule']}: {each['rows']}" for each in broken) or "All invariants hold."
    return Report(data={"violations": broken}, text=words, ok=not broken)


def doctor() -> Report:
    """What an operator should mend. Exit code 1 when something is not well."""
    with open_product(require_current=False) as product:
        findings = health.examine(product)
    data = [{"what": each.what, "well": each.well, "detail": each.detail} for each in findings]
    return Report(data=data, rows=data, ok=all(each.well for each in findings))


def settings() -> Report:
    """Every setting, its value (secrets masked) and meaning."""
    rows = described(read_settings())
    return Report(data=rows, rows=rows)
