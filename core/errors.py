"""The one error tree. A message names the thing, the cause and the mend.

VerdictsError
├── UsageError            the caller asked wrongly, or a setting or file is wrong (exit code 2)
│   ├── SettingsError     an environment variable or .env line
│   ├── SourcesFileError  a line of sources.toml
│   └── DatabaseNotReady  no database, or not at this version
├── NotFound              no such tool, comparison, edition, person ...
├── Conflict              somebody else was first; nothing was overwritten
│   ├── StaleVersion      the thing changed since it was read
│   └── StaleFence        the lease was lost; the draft is kept
├── Refused               a rule of the product forbids it
├── FetchError            a source could not be read (permanent? when to try again?)
├── ParseError            a source answered with something else than promised
├── RenderError           a template or its input cannot become a mail or page
└── DeliveryError         a mail provider refused, or its answer is unknown
"""

from __future__ import annotations

import re
from datetime import datetime

_CLAUSE = re.compile(r"(?<=[.;]) +")
_COMMAND = re.compile(r"`|(?<!\S)--[a-z]")


class VerdictsError(Exception):
    """Root of everything this product raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message} {self.mend}".strip()

    @property
    def on_page(self) -> str:
        """Message and mend for somebody who has a page before them."""
        return f"{self.message} {self.mend_on_page}".strip()

    @property
    def mend_on_page(self) -> str:
        """The mend without what only the command line can do, which stands in backticks or as an option."""
        kept = " ".join(each for each in _CLAUSE.split(self.mend) if not _COMMAND.search(each))
        return f"{kept[:-1]}." if kept.endswith(";") else kept


class UsageError(VerdictsError):
    """The call, a setting or a file of the operator's is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is missing or has a value that does not fit."""


class SourcesFileError(UsageError):
    """sources.toml is not what it should be; the message names line and key."""


class DatabaseNotReady(UsageError):
    """The database does not exist or is not at this program's version."""


class NotFound(VerdictsError):
    """The named thing does not exist."""


class Conflict(VerdictsError):
    """Somebody else was first. Nothing was overwritten."""


class StaleVersion(Conflict):
    """The thing has changed since the caller read it."""


class StaleFence(Conflict):
    """The lease that the caller held has gone to somebody else or run out."""


class Refused(VerdictsError):
    """A rule of the product forbids it."""


class FetchError(VerdictsError):
    """A source could not be read.

    `permanent` says that trying again will not help; `retry_after` is the instant before which
    trying again would be impolite (None: the caller's own backoff decides).
    """

    def __init__(
        self,
        message: str,
        *,
        mend: str = "",
        http_status: int | None = None,
        permanent: bool = False,
        retry_after: datetime | None = None,
    ) -> None:
        super().__init__(message, mend=mend)
        self.http_status = http_status
        self.permanent = permanent
        self.retry_after = retry_after


class ParseError(VerdictsError):
    """A body is not what its source promised: wrong format, wrong shape, a page in disguise."""


class RenderError(VerdictsError):
    """A template, or what it was given, cannot become a mail or a page."""


class DeliveryError(VerdictsError):
    """A mail transport cannot be used as it is set up, or was refused as a whole. Nothing was handed over.

    `permanent` says that only an operator can mend it; `retry_after` is when trying again makes sense, if known.
    """

    def __init__(
        self, message: str, *, mend: str = "", permanent: bool = False, retry_after: datetime | None = None
    ) -> None:
        super().__init__(message, mend=mend)
        self.permanent = permanent
        self.retry_after = retry_after
