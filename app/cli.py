"""The command line. Each group of commands is imported when it is called: `verdicts --help` loads none of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from app.report import Report, json_text
from core.errors import VerdictsError
from core.version import VERSION

_USAGE = 2
_INTERRUPTED = 130

GROUPS = {
    "demo": ("app.commands.running:demo", "A whole week, offline, on the bundled samples."),
    "up": ("app.commands.running:up", "The product on this machine: schedules, web pages, first ingestion."),
    "web": ("app.commands.running:web", "The web server alone."),
    "ingest": ("app.commands.sources:ingest", "Read the sources that are due, and store what is new."),
    "sources": ("app.commands.sources:app", "List, check, pause and resume sources."),
    "tools": ("app.commands.tools:app", "List, show, edit, merge, split and reject tools."),
    "duplicates": ("app.commands.tools:duplicates", 'Answer "same tool?" questions.'),
    "lenses": ("app.commands.running:lenses", "Load the lenses of the panel from a file."),
    "people": ("app.commands.panel:people", "Invite reviewers, editors and operators."),
    "queue": ("app.commands.panel:queue", "List, claim and decline seats."),
    "verdict": ("app.commands.panel:verdict", "Submit a verdict."),
    "comparisons": ("app.commands.comparisons:app", "Propose, create, show and approve comparisons."),
    "edition": ("app.commands.editions:app", "Assemble, preview, approve and send an edition."),
    "subscribers": ("app.commands.subscribers:app", "Add, import, export, list and erase subscribers."),
    "db": ("app.commands.database:app", "Upgrade and back up the database."),
    "check": ("app.commands.database:check", "Look for rows that break an invariant."),
    "doctor": ("app.commands.database:doctor", "What an operator should mend."),
    "settings": ("app.commands.database:settings", "Every setting, its value and meaning."),
}


def _command_line() -> App:
    app = App(
        name="verdicts",
        help="Finds new AI tools, puts them before a panel, and mails side-by-side verdicts once a week.",
        version=VERSION,
        result_action="return_value",
        help_epilogue="Every command takes --json (one JSON document on standard output) and --debug (tracebacks).",
    )
    for name, (where, words) in GROUPS.items():
        app.command(where, name=name, help=words)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 1 failed (in part, too), 2 wrong use or settings."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json, debug = _take(given, "--json"), _take(given, "--debug")
    sys.exit(run(given, as_json=as_json, debug=debug))


def _take(arguments: list[str], flag: str) -> bool:
    """Whether the flag stands among the arguments, which lose it."""
    found = flag in arguments
    if found:
        arguments.remove(flag)
    return found


def run(arguments: list[str], *, as_json: bool, debug: bool) -> int:
    """One command. Returns its exit code; everything that goes wrong becomes a sentence."""
    try:
        report = _command_line()(arguments, exit_on_error=False, print_error=False, help_on_error=False)
        if isinstance(report, Report):
            report.show(as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 0
    except Exception as error:
        if debug and not isinstance(error, CycloptsError):
            raise
        return _complain(error, as_json=as_json)
    return 0 if not isinstance(report, Report) or report.ok else 1


def _complain(error: Exception, *, as_json: bool) -> int:
    message, mend, code = _explain(error)
    sys.stderr.write(f"{message} {mend}".strip() + "\n")
    if as_json:
        sys.stdout.write(json_text({"error": message, "mend": mend}) + "\n")
    return code


def _explain(error: Exception) -> tuple[str, str, int]:
    """Message, mend and exit code."""
    if isinstance(error, VerdictsError):
        return error.message, error.mend, error.exit_code
    if isinstance(error, CycloptsError):
        return str(error), "`verdicts --help` shows the commands.", _USAGE
    return f"This should not have happened: {type(error).__name__}: {error}", "Run it again with --debug.", 1
