"""Every setting, in one class: environment variables or `.env`, prefix `VERDICTS_`. docs/settings.md describes each."""

from __future__ import annotations

import os
import re
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import SettingsError

PREFIX = "VERDICTS_"
ENV_FILE = "VERDICTS_ENV_FILE"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailKind(StrEnum):
    """Where mails go."""

    OUTBOX = "outbox"
    SMTP = "smtp"
    SENDGRID = "sendgrid"


SECRET_KEY_LENGTH = 32  # characters, at the least


class Settings(BaseSettings):
    """All settings with their defaults: enough to run on one machine with nothing but Python."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    var: Path = Field(Path("var"), description="Folder for everything that is written.")
    database_url: SecretStr | None = Field(
        None, description="`sqlite:///...` or `postgresql://...`; without it, a SQLite file under VERDICTS_VAR."
    )
    sources: Path = Field(Path("sources.toml"), description="The sources file.")
    base_url: str = Field("http://127.0.0.1:8000", description="Public address, used in mails, pages and feeds.")
    secret_key: SecretStr | None = Field(
        None,
        min_length=SECRET_KEY_LENGTH,
        description="Signs links. Made and kept under VERDICTS_VAR while the base URL is loopback; required otherwise.",
    )
    mail: MailKind = Field(MailKind.OUTBOX, description="`outbox`, `smtp` or `sendgrid`.")
    outbox: Path | None = Field(None, description="Folder of the outbox; without it, `outbox` under VERDICTS_VAR.")
    smtp_url: SecretStr | None = Field(None, description="`smtp://user:password@host:port` or `smtps://...`.")
    sendgrid_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SENDGRID_API_KEY", "sendgrid_api_key"),
        description="SendGrid's API key. Named as SendGrid names it, without the prefix.",
    )
    sendgrid_url: str = Field("https://api.sendgrid.com", description="SendGrid's API address; another one in tests.")
    sendgrid_webhook_key: str | None = Field(None, description="Public key of SendGrid's signed event webhook.")
    from_address: str | None = Field(
        None,
        validation_alias=AliasChoices(f"{PREFIX}FROM", "from_address"),
        description="`Name <address>` of the sender. Required before anything but the outbox sends.",
    )
    postal_address: str | None = Field(
        None, description="Printed in every digest. Required before anything but the outbox sends."
    )
    dkim_key: Path | None = Field(None, description="Private key (PEM file) that signs mails sent by SMTP.")
    dkim_selector: str | None = Field(None, description="The key's name under `_domainkey` in the DNS.")
    dkim_domain: str | None = Field(None, description="The domain that the key signs for.")
    allow_private_hosts: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Hosts, or host:port, that may be fetched although they are private or loopback."
    )
    lease_seconds: int = Field(300, ge=10, le=86400, description="How long a worker owns a batch.")
    fence_minutes: int = Field(
        30, ge=0, le=4000, description="How far ahead of its time an attempt is handed to the provider."
    )
    send_lines: int = Field(
        2, ge=1, le=20, description="Requests (SendGrid) or connections (SMTP) of one sending process at one time."
    )
    rate_per_minute: int | None = Field(
        None, ge=1, le=10_000_000, description="Mails a minute at most, over all workers; without it, no limit."
    )
    send_window_hours: int = Field(
        96,
        ge=1,
        le=2000,
        description="How long after its approval, or its set time, an edition may be sent. Later it never is.",
    )
    unsubscribe_mailbox: str | None = Field(
        None, description="Address that takes `unsubscribe` mails; named in every edition's List-Unsubscribe."
    )
    check_deliverability: bool = Field(
        default=False,
        description="Ask the DNS whether the domain of an address that is typed into a form takes mail at all.",
    )
    soft_bounces: int = Field(3, ge=1, le=100, description="Returned mails after which an address is not mailed again.")
    soft_bounce_days: int = Field(30, ge=1, le=365, description="Days within which returned mails are counted.")
    contact: str | None = Field(None, description="URL or address that goes into the User-Agent of ingestion.")
    quorum: int = Field(4, ge=1, le=20, description="Verdicts from different lenses that close a panel.")
    seat_minutes: int = Field(30, ge=1, le=1440, description="How long a reviewer's claim of a seat lasts.")
    due_days: int = Field(
        7,
        ge=1,
        le=90,
        description="Days until a verdict on a tool that enters the queue is due, to the end of the day.",
    )
    quiet_hours: str = Field(
        "20-8", description="Hours, in each person's own zone, in which nobody is reminded: first and end; `0-0`: none."
    )
    edition_size: int = Field(8, ge=1, le=25, description="Comparisons that an edition takes at the most.")
    time_zone: str = Field("UTC", description="Zone in which the weekly schedules are read.")
    web_port: int = Field(8000, ge=0, le=65535, description="Port of the web server on this machine; 0: any free one.")
    clock: datetime | None = Field(
        None, description="Stops the clock at this instant, for rehearsals and the demo. Only with the outbox."
    )

    @field_validator("allow_private_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: Any) -> Any:
        return frozenset(re.split(r"[,\s]+", value.strip().lower())) - {""} if isinstance(value, str) else value

    @field_validator("base_url", "sendgrid_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http or https address without query")
        if parts.port == 0:  # reading the port raises for one that is none
            raise ValueError("must have a port that can be reached")
        return value.rstrip("/")

    @field_validator("clock")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("must carry a time zone, as in 2026-11-20T09:00:00Z")
        return value

    @field_validator("unsubscribe_mailbox")
    @classmethod
    def _mailbox(cls, value: str | None) -> str | None:
        # It stands in a header and in a mailto: address: nothing that means something there.
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}", value):
            raise ValueError("must be a plain address like leave@verdicts.example")
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        found = re.fullmatch(r"(\d{1,2})-(\d{1,2})", value.strip())
        if not found or max(map(int, found.groups())) > 23:  # noqa: PLR2004 - hours of a day
            raise ValueError("must be two hours of the day like 20-8")
        return value.strip()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - a tenth of the start of `--help`

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
            raise ValueError("is not a time zone like Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if not self.is_local and self.secret_key is None:
            raise ValueError(f"{PREFIX}SECRET_KEY must be set when {PREFIX}BASE_URL is not loopback")
        if self.clock is not None and self.mail is not MailKind.OUTBOX:
            raise ValueError(f"{PREFIX}CLOCK works with the outbox only")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the public address is this machine's alone."""
        host = urlsplit(self.base_url).hostname or ""
        return host in _LOOPBACK or _is_loopback(host)

    @property
    def database(self) -> str:
        """The database's address."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.var / 'verdicts.db'}"

    @property
    def outbox_folder(self) -> Path:
        """Where the outbox writes."""
        return self.outbox or self.var / "outbox"

    @property
    def quiet(self) -> tuple[int, int]:
        """The first quiet hour, and the hour at which quiet ends."""
        begins, _, ends = self.quiet_hours.partition("-")
        return int(begins), int(ends)

    @property
    def sender(self) -> str:
        """Who mails come from."""
        return self.from_address or "Weekly Verdicts <verdicts@localhost>"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings() -> Settings:
    """The settings of this process, from the environment and the file that VERDICTS_ENV_FILE names (`.env`).

    Raises SettingsError, one sentence for the first thing that does not fit.
    """
    named = os.environ.get(ENV_FILE)
    if named and not Path(named).is_file():
        raise SettingsError(f"{ENV_FILE} names {named}, which is no file.", mend="Leave it empty to read none.")
    file = ".env" if named is None else named
    try:
        if file and Path(file).is_file():
            _require_readable(file)
        return Settings(_env_file=file or None)
    except ValidationError as error:
        raise SettingsError(_explain(error), mend="docs/settings.md lists them all.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not in UTF-8.", mend="Save it again as UTF-8.") from None


def _require_readable(file: str) -> None:
    """Raise SettingsError for a line that python-dotenv would pass over: a run with half of its settings is a wrong one."""
    with Path(file).open(encoding="utf-8") as stream:
        for binding in parse_stream(stream):
            if binding.error:
                text = binding.original.string
                line = binding.original.line + len(text[: len(text) - len(text.lstrip())].splitlines())
                raise SettingsError(
                    f"{file}, line {line}, cannot be read.",
                    mend='Write NAME=value, and close every quote: NAME="a value".',
                )


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{cause}."
    name = variable(str(first["loc"][0]))
    return f"{name} does not fit: {cause[:1].lower()}{cause[1:]}."


def variable(field: str) -> str:
    """The environment variable of a field: `base_url` is VERDICTS_BASE_URL."""
    if field.isupper():
        return field
    special = {"sendgrid_api_key": "SENDGRID_API_KEY", "from_address": f"{PREFIX}FROM"}
    return special.get(field, PREFIX + field.upper())


def described(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its value (secrets masked) and meaning, in the order of the class."""
    return [
        {"name": variable(name), "value": _shown(getattr(settings, name)), "meaning": field.description or ""}
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "********"
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
