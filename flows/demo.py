"""`make demo`: one whole week, offline. Sample sources on loopback, ingested by the real flow through Prefect; a sample
panel; pairs, an edition, and mails in an outbox. Every step goes through the same use cases as the commands.

Run again, it finds its work done: the same result, and nothing doubled. The clock stands still at a Friday of the
samples' week, so that every machine gets the same edition, byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import composing, editing, lists, pairing, reviewing, sending
from app.lenses import load_standard_lenses
from app.report import json_text, show_table
from app.samples import FOLDER, SamplePanel, SampleServer, SampleTool, load_panel
from app.settings import ENV_FILE, PREFIX, Settings, read_settings, variable
from app.wiring import Product, open_product
from core.edition import Frozen
from core.errors import VerdictsError
from core.panel import Role
from core.week import Week
from store import migrate

ROOT = Path("var/demo")
CLOCK = "2026-11-20T09:00:00Z"
REFERENCE = ("skillclaw", "smolvlm2-2b")
_PROPOSED = 2
_BAR = 24


def main() -> None:
    """Run it and say what happened; exit code 1 with a sentence when something went wrong."""
    quiet = "--json" in sys.argv
    begun = time.monotonic()
    try:
        with SampleServer() as server, _environment(server):
            summary = week(_Progress(quiet=quiet))
    except VerdictsError as error:
        sys.stderr.write(f"\n{error}\n")
        sys.exit(error.exit_code)
    _show(summary, seconds=time.monotonic() - begun, quiet=quiet)


@contextmanager
def _environment(server: SampleServer) -> Iterator[None]:
    """Settings of the demo alone: whatever the operator has set for the real thing is out of reach."""
    _start_over_when_stale()
    ROOT.mkdir(parents=True, exist_ok=True)
    sources = ROOT / "sources.toml"
    sources.write_text(server.sources_toml(), encoding="utf-8")
    for name in [name for name in os.environ if name.startswith(PREFIX)] + ["SENDGRID_API_KEY"]:
        os.environ.pop(name, None)
    chosen = {
        "var": ROOT,
        "sources": sources,
        "clock": CLOCK,
        "allow_private_hosts": server.base_url.removeprefix("http://"),
        "postal_address": "1 Sample Street, Sampletown (demo)",
    }
    os.environ |= {variable(name): str(value) for name, value in chosen.items()} | {ENV_FILE: ""}
    os.environ |= {"PREFECT_HOME": str((ROOT / "prefect").resolve()), "PREFECT_LOGGING_LEVEL": "WARNING"}
    os.environ.pop("PREFECT_API_URL", None)
    yield


def _start_over_when_stale() -> None:
    """Results of other samples, or of another schema, are no use: begin anew."""
    digest = hashlib.sha256(migrate.newest().encode())
    for file in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(file.relative_to(FOLDER).as_posix().encode() + file.read_bytes())
    stamp = ROOT / "samples.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    stamp.write_text(digest.hexdigest())


class _Progress:
    """One line per step on standard error: a bar, the step, and what came of it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._done = 0
        self._steps = 8

    def step(self, words: str, work: Callable[[], str]) -> None:
        """Do a step, showing it before and after."""
        self._write(f"{words} ...", end="")
        outcome = work()
        self._done += 1
        self._write(f"{words}: {outcome}", end="\n")

    def _write(self, line: str, *, end: str) -> None:
        if self._quiet:
            return
        filled = round(_BAR * self._done / self._steps)
        bar = "█" * filled + "░" * (_BAR - filled)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{bar}  {line}{end}")
        elif end:
            sys.stderr.write(f"{bar}  {line}{end}")
        sys.stderr.flush()


def week(progress: _Progress) -> dict[str, Any]:
    """The week, step by step. Returns what happened, as figures."""
    panel = load_panel((FOLDER / "panel.toml").read_text(encoding="utf-8"))
    settings = read_settings()
    demo = _Demo(panel=panel, settings=settings)
    progress.step("Database", demo.prepare)
    progress.step("Sources, through a Prefect flow", demo.ingest)
    with open_product(settings) as product:
        demo.product = product
        progress.step("Editor's wording", demo.word)
        progress.step("Panel", demo.judge)
        progress.step("Pairs", demo.pair)
        progress.step("Edition", demo.assemble)
        progress.step("Subscribers", demo.subscribe)
        progress.step("Mails", demo.send)
        return demo.summary()


class _Demo:
    """The people of the demo at their work."""

    product: Product

    def __init__(self, *, panel: SamplePanel, settings: Settings) -> None:
        self._panel = panel
        self._settings = settings
        self._editor = panel.having(Role.EDITOR).email
        self._tools: dict[str, str] = {}
        self._ingested: list[dict[str, Any]] = []

    def prepare(self) -> str:
        """Schema, lenses, people."""
        with open_product(self._settings, require_current=False) as product:
            revision = migrate.upgrade(product.database)
            load_standard_lenses(product)
            for each in self._panel.person:
                reviewing.invite(
                    product, each.email, roles=each.roles, lenses=each.lenses, name=each.name, actor="demo"
                )
        return f"revision {revision}, {len(self._panel.person)} people"

    def ingest(self) -> str:
        """The ingestion flow, run by a Prefect server that lives as long as the run."""
        from app.ingesting import statuses  # noqa: PLC0415
        from flows.ingestion import ingest  # noqa: PLC0415 - Prefect reads its settings when it is imported

        ended = ingest(every=True, return_state=True)
        if not ended.is_completed() or ended.name != "Completed":
            raise VerdictsError(f"The ingestion flow ended as {ended.name}: {ended.message}")
        with open_product(self._settings) as product:
            known = statuses(product)
            tools = len(editing.list_tools(product, limit=10_000))
        return f"{len(known)} sources, {tools} tools"

    def word(self) -> str:
        """The editor polishes what the sources said of the tools that the panel will judge."""
        for each in self._panel.tool:
            slug = self._slug(each)
            words = {
                "name": each.name,
                "tagline": each.tagline,
                "description": each.description,
                "category": each.category,
                "slug": each.slug,
            }
            editing.edit_tool(self.product, slug, words, actor=self._editor)
        return f"{len(self._panel.tool)} tools"

    def _slug(self, tool: SampleTool) -> str:
        found = editing.find_by_identifier(self.product, tool.identifier)
        if found is None:
            raise VerdictsError(f"The samples hold no {tool.identifier}.", mend="samples/README.md lists them.")
        return found.slug

    def judge(self) -> str:
        """Every reviewer claims their seats and submits, unless they have."""
        for tool in self._panel.tool:
            judged = reviewing.judged_lenses(self.product, tool.slug)
            for verdict in tool.verdict:
                if verdict.lens in judged:
                    continue
                reviewer = self._panel.reviewer(verdict.lens).email
                lease = reviewing.claim(self.product, reviewer, lens=verdict.lens, tool=tool.slug)
                reviewing.submit(
                    self.product,
                    reviewer,
                    seat=lease.seat,
                    fence=lease.fence,
                    decision=verdict.decision,
                    quote=verdict.quote,
                    basis=verdict.basis,
                    disclosure=verdict.disclosure,
                )
        verdicts = sum(len(tool.verdict) for tool in self._panel.tool)
        closed = sum(editing.show_tool(self.product, tool.slug).panel.closed for tool in self._panel.tool)
        return f"{verdicts} verdicts, {closed} panels closed"

    def pair(self) -> str:
        """Two proposed pairs, and the one that the editor makes by hand: no rule would pair these two strangers."""
        made = {each.slug for each in editing.list_comparisons(self.product)}
        if len(made) <= _PROPOSED:
            editing.create_comparison(self.product, *REFERENCE, actor=self._editor)
            # A tool stands in an edition once: pairs with one of the two have to wait for another week.
            free = [each for each in pairing.proposals(self.product) if not {each.a, each.b} & set(REFERENCE)]
            for pair in free[:_PROPOSED]:
                editing.create_comparison(self.product, pair.a, pair.b, actor=self._editor)
        for each in editing.list_comparisons(self.product):
            editing.approve_comparison(self.product, each.slug, email=self._editor)
        return f"{_PROPOSED} proposed, 1 by hand, {len(editing.list_comparisons(self.product))} approved"

    def assemble(self) -> str:
        """Assembled, approved and frozen."""
        week = Week.of(self.product.now)
        composing.assemble(self.product, week)
        done = composing.approve(self.product, week, email=self._editor)
        self._frozen = composing.preview(self.product, week)
        copy = composing.reading_copy(self.product, self._frozen)
        (ROOT / "edition.html").write_text(copy.html, encoding="utf-8")
        (ROOT / "edition.txt").write_text(copy.text, encoding="utf-8")
        return f"{week}, number {done.number}, {len(done.comparisons)} comparisons, frozen"

    _frozen: Frozen

    def subscribe(self) -> str:
        """Three people who agreed."""
        done = lists.import_file(self.product, FOLDER / "subscribers.csv", actor="demo")
        return f"{done.added} added, {done.known} known"

    def send(self) -> str:
        """Into the outbox."""
        done = sending.send(self.product, Week.of(self.product.now), actor="demo")
        return f"{done.sent} of {done.recipients} in the outbox, edition {done.state}"

    def summary(self) -> dict[str, Any]:
        """What happened, as figures: the same after every run."""
        week = Week.of(self.product.now)
        sent = sending.status(self.product, week)
        mails = sorted(path.name for path in self._settings.outbox_folder.glob("*.eml"))
        return {
            "week": str(week),
            "tools": len(editing.list_tools(self.product, limit=10_000)),
            "verdicts": sum(len(tool.verdict) for tool in self._panel.tool),
            "comparisons": [
                {
                    "slug": each.slug,
                    "title": sheet.view.title,
                    "panel": {side.slug: side.panel_label for side in (sheet.view.a, sheet.view.b)},
                    "url": f"{self._settings.base_url}/compare/{each.slug}",
                }
                for each in reversed(editing.list_comparisons(self.product))
                for sheet in [editing.show_comparison(self.product, each.slug)]
            ],
            "edition": {
                "subject": self._frozen.subject,
                "sha256": self._frozen.sha256,
                "bytes": len(self._frozen.html.encode()),
            },
            "recipients": sent.recipients,
            "sent": sent.sent,
            "state": sent.state,
            "mails": mails,
        }


def _show(summary: dict[str, Any], *, seconds: float, quiet: bool) -> None:
    text = json_text(summary) + "\n"
    (ROOT / "summary.json").write_text(text, encoding="utf-8")
    if quiet:
        sys.stdout.write(text)
        return
    sys.stdout.write("\n")
    show_table(
        [
            {"comparison": each["title"], "panel ship": " · ".join(each["panel"].values())}
            for each in summary["comparisons"]
        ]
    )
    show_table(
        [
            {"what": "edition as mailed", "where": str(ROOT / "edition.html")},
            {"what": "the same as text", "where": str(ROOT / "edition.txt")},
            {"what": f"{len(summary['mails'])} mails", "where": str(ROOT / "outbox")},
            {"what": "figures", "where": str(ROOT / "summary.json")},
            {"what": "database", "where": str(ROOT / "verdicts.db")},
        ]
    )
    sys.stdout.write(
        f"\n{summary['sent']} of {summary['recipients']} mails sent, in {seconds:.0f} s. See the pages with:\n"
    )
    sys.stdout.write(f"  VERDICTS_VAR={ROOT} VERDICTS_SOURCES={ROOT}/sources.toml .venv/bin/verdicts web\n")


if __name__ == "__main__":
    main()
