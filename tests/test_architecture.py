"""The import rule of docs/architecture.md, read from the source files themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "core": set(),
    "ingest": {"core"},
    "review": {"core"},
    "digest": {"core"},
    "store": {"core"},
    "app": {"core", "ingest", "review", "digest", "store"},
    "flows": {"core", "ingest", "review", "digest", "store", "app"},
    "web": {"core", "ingest", "review", "digest", "store", "app"},
}
"""Who may import whom; everybody may import themselves."""

ONLY_IN = {
    "prefect": ("flows/",),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "psycopg": ("store/",),
    "sqlite3": ("store/",),
    "starlette": ("web/",),
    "uvicorn": ("web/",),
    "httpx": ("ingest/fetch.py",),
    "urllib.request": ("digest/transports/",),  # below SendGrid's own client
    "http.client": ("digest/transports/",),
    "requests": (),
    "aiohttp": ("ingest/fetch.py",),
    "httpx_aiohttp": ("ingest/fetch.py",),
    "smtplib": ("digest/transports/",),
    "aiosmtplib": ("digest/transports/",),
    "sendgrid": ("digest/transports/",),
    "python_http_client": ("digest/transports/",),
    "mjml": ("digest/",),
    "feedparser": ("ingest/",),
    "bs4": ("ingest/",),
    "webauthn": ("app/passkeys.py",),
    "markdown_it": ("digest/",),
}
"""Libraries that have one room each."""


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, at its top or inside a function, type-checking blocks included."""
    return tuple(_read_imports(path))


def _read_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _is(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    files = _files(package)
    assert files, f"{package}/ is empty"
    forbidden = set(ALLOWED) - ALLOWED[package] - {package}
    wrong = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in _imports(path)
        if module.split(".")[0] in forbidden
    }
    assert not wrong


def test_core_imports_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"core"}
    wrong = {f"{path.name}: {m}" for path in _files("core") for m in _imports(path) if m.split(".")[0] not in allowed}
    assert not wrong


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_room(library: str) -> None:
    rooms = ONLY_IN[library]
    wrong = {
        str(path.relative_to(ROOT))
        for package in ALLOWED
        for path in _files(package)
        if any(_is(module, library) for module in _imports(path))
        and not path.relative_to(ROOT).as_posix().startswith(rooms or ("nowhere/",))
    }
    assert not wrong


def _modules() -> dict[str, Path]:
    found = {}
    for package in ALLOWED:
        for path in _files(package):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = _modules()
    graph = {name: {m for m in _imports(path) if m in modules and m != name} for name, path in modules.items()}
    # A package's own __init__ does not count as importing what lies inside it.
    done: set[str] = set()

    def visit(name: str, road: tuple[str, ...]) -> None:
        assert name not in road, " -> ".join([*road[road.index(name) :], name])
        if name not in done:
            for following in sorted(graph[name]):
                visit(following, (*road, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_the_check_sees_a_forbidden_import(tmp_path: Path) -> None:
    """The reader of imports finds them wherever they stand."""
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from store import tools\n    import prefect.states\n")
    assert set(_imports(file)) == {"store", "store.tools", "prefect.states"}
