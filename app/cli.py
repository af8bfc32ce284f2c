"""The command line. Each group of commands is imported when it is called: `verdicts --help` loads none of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError

from app.report import Report, json_text
from core.errors import UsageError, VerdictsError
from core.version import VERSION

_USAGE = 2
_INTERRUPTED = 130
_WRONG_PLACES = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)

GROUPS = {
    "demo": ("app.commands.running:demo", "A whole week, offline, on the bundled samples."),
    "up": ("app.commands.running:up", "The product on this machine: schedules, web pages, first ingestion."),
    "web": ("app.commands.running:web", "The web server alone."),
    "ingest": ("app.commands.sources:ingest", "Read the sources that are due, and store what is new."),
    "sources": ("app.commands.sources:app", "List, check, pause, resume and import sources."),
    "tools": ("app.commands.tools:app", "List, show, edit, merge, split and reject tools."),
    "duplicates": ("app.commands.tools:duplicates", 'Answer "same tool?" questions.'),
    "lenses": ("app.commands.running:lenses", "Load the lenses of the panel from a file."),
    "people": ("app.commands.staff:people", "Invite, change, let go and list reviewers, editors and operators."),
    "reminders": ("app.commands.staff:reminders", "Remind people of what is due."),
    "alarms": ("app.commands.staff:alarms", "What needs an operator."),
    "queue": ("app.commands.panel:queue", "List, claim and decline seats."),
    "verdict": ("app.commands.panel:verdict", "Submit a verdict."),
    "comparisons": ("app.commands.comparisons:app", "Propose, create, show and approve comparisons."),
    "edition": ("app.commands.editions:app", "Assemble, preview, approve and send an edition."),
    "votes": ("app.commands.votes:app", "List, count and exclude votes that were set aside."),
    "corrections": ("app.commands.corrections:app", "List, accept and reject what readers report."),
    "subscribers": ("app.commands.subscribers:app", "Add, import, export, list and erase subscribers."),
    "db": ("app.commands.database:app", "Upgrade and back up the database."),
    "dev": ("app.commands.dev:app", "Servers for trying out, such as a stand-in for SendGrid."),
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
        suppress_keyboard_interrupt=False,  # `run` says what Ctrl-C means
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
    arguments[:] = [each for each in arguments if each != flag]
    return found


def run(arguments: list[str], *, as_json: bool, debug: bool) -> int:
    """One command. Returns its exit code; everything that goes wrong becomes a sentence."""
    code = 0
    try:
        code = _answer(arguments, as_json=as_json, debug=debug)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        _write_to_nobody()
    return code


def _answer(arguments: list[str], *, as_json: bool, debug: bool) -> int:
    try:
        _require_text(arguments)
        report = _command_line()(arguments, exit_on_error=False, print_error=False, help_on_error=False)
        if isinstance(report, Report):
            report.show(as_json=as_json)
    except BrokenPipeError:
        raise
    except Exception as error:
        if debug and not isinstance(error, CycloptsError):
            raise
        return _complain(error, as_json=as_json)
    return 0 if not isinstance(report, Report) or report.ok else 1


def _require_text(arguments: list[str]) -> None:
    """Raise UsageError for bytes that are no text: neither a database nor a mail could hold them."""
    for place, each in enumerate(arguments, start=1):
        if not each.isascii() and any("\ud800" <= character <= "\udfff" for character in each):
            raise UsageError(
                f"Argument {place} is not in UTF-8.", mend="Check the encoding of your terminal or script."
            )


def _write_to_nobody() -> None:
    """What is left in the buffer goes nowhere; without this Python complains about it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


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
    if isinstance(error, UnusedCliTokensError):
        return (
            f"Too many arguments: {' '.join(error.unused_tokens or ())}.",
            "`verdicts --help` shows the commands.",
            _USAGE,
        )
    if isinstance(error, CycloptsError):
        return str(error), "`verdicts --help` shows the commands.", _USAGE
    if isinstance(error, OSError) and error.filename is not None:
        wrong = isinstance(error, _WRONG_PLACES)
        return f"{error.filename}: {error.strerror}.", "Check that place.", _USAGE if wrong else 1
    return f"This should not have happened: {type(error).__name__}: {error}", "Run it again with --debug.", 1
