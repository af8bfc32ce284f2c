"""Settings: every mistake is one sentence with the variable's name, secrets stay secret, and the document is complete."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from app import cli, health
from app.settings import ENV_FILE, PREFIX, Settings, described, read_settings, variable
from app.tokens import Purpose
from app.wiring import Product, open_product
from core.errors import SettingsError
from tests.app.installation import ROOT

KEY = "a key of thirty-two letters or more"
WRONG = [
    ("VERDICTS_BASE_URL", "verdicts.example", "http or https address"),
    ("VERDICTS_BASE_URL", "ftp://verdicts.example", "http or https address"),
    ("VERDICTS_BASE_URL", "https://", "http or https address"),
    ("VERDICTS_BASE_URL", "https://verdicts.example/?page=1", "without query"),
    ("VERDICTS_BASE_URL", "https://verdicts.example:lots", "[Pp]ort"),
    ("VERDICTS_BASE_URL", "https://[verdicts", "IPv6"),
    ("VERDICTS_SENDGRID_URL", "api.sendgrid.com", "http or https address"),
    ("VERDICTS_SECRET_KEY", "short", "at least 32"),
    ("VERDICTS_MAIL", "pigeon", "'outbox', 'smtp' or 'sendgrid'"),
    ("VERDICTS_LEASE_SECONDS", "5", "greater than or equal to 10"),
    ("VERDICTS_LEASE_SECONDS", "soon", "integer"),
    ("VERDICTS_FENCE_MINUTES", "-1", "greater than or equal to 0"),
    ("VERDICTS_RATE_PER_MINUTE", "0", "greater than or equal to 1"),
    ("VERDICTS_SEND_WINDOW_HOURS", "0", "greater than or equal to 1"),
    ("VERDICTS_QUORUM", "0", "greater than or equal to 1"),
    ("VERDICTS_SEAT_MINUTES", "0", "greater than or equal to 1"),
    ("VERDICTS_EDITION_SIZE", "26", "less than or equal to 25"),
    ("VERDICTS_TIME_ZONE", "Middle/Earth", "not a time zone like Europe/Berlin"),
    ("VERDICTS_TIME_ZONE", "../../etc/passwd", "not a time zone"),
    ("VERDICTS_WEB_PORT", "65536", "less than or equal to 65535"),
    ("VERDICTS_CLOCK", "2026-11-20T09:00:00", "must carry a time zone, as in 2026-11-20T09:00:00Z"),
    ("VERDICTS_CLOCK", "noon", "datetime"),
    ("VERDICTS_ENV_FILE", "/nowhere/.env", "is no file"),
]


@pytest.mark.parametrize(("name", "value", "cause"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_wrong_value_is_one_sentence_with_the_name_and_the_mend(monkeypatch, capsys, name, value, cause):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=cause) as refusal:
        read_settings()
    message = refusal.value.message
    assert message.startswith(name)
    assert message.endswith(".")
    assert "\n" not in message
    assert refusal.value.mend
    assert cli.run(["settings"], as_json=True, debug=False) == 2
    output = capsys.readouterr()
    assert json.loads(output.out) == {"error": message, "mend": refusal.value.mend}
    assert output.err == f"{refusal.value}\n"


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("VERDICTS_DATABASE_URL", "my database", "is not a database address.*sqlite:///"),
        ("VERDICTS_DATABASE_URL", "mysql://root:s3cret@host/db", "names 'mysql', which is not supported"),
        ("VERDICTS_DATABASE_URL", "sqlite+aiosqlite:///x.db", "not supported"),
    ],
)
def test_a_database_address_that_is_none_is_refused_without_showing_its_password(monkeypatch, name, value, cause):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=cause) as refusal, open_product():
        pass
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("address", ["https://verdicts.example", "http://10.0.0.7:8000", "https://localhost.example"])
def test_a_public_address_needs_a_key_of_its_own(monkeypatch, address):
    monkeypatch.setenv("VERDICTS_BASE_URL", address)
    with pytest.raises(SettingsError, match="VERDICTS_SECRET_KEY must be set when VERDICTS_BASE_URL is not loopback"):
        read_settings()
    monkeypatch.setenv("VERDICTS_SECRET_KEY", KEY)
    assert not read_settings().is_local


@pytest.mark.parametrize("address", ["http://localhost:8000", "http://127.0.0.9", "http://[::1]:80/"])
def test_a_loopback_address_needs_none(monkeypatch, address):
    monkeypatch.setenv("VERDICTS_BASE_URL", address)
    assert read_settings().is_local
    assert not read_settings().base_url.endswith("/")


@pytest.mark.parametrize("mail", ["smtp", "sendgrid"])
def test_a_stopped_clock_works_with_the_outbox_only(monkeypatch, mail):
    monkeypatch.setenv("VERDICTS_CLOCK", "2026-11-20T10:00:00+01:00")
    with open_product(require_current=False) as product:
        assert product.now.isoformat() in ("2026-11-20T09:00:00+00:00", "2026-11-20T10:00:00+01:00")
    monkeypatch.setenv("VERDICTS_MAIL", mail)
    with pytest.raises(SettingsError, match="VERDICTS_CLOCK works with the outbox only"):
        read_settings()


def test_an_empty_value_counts_as_not_set(monkeypatch):
    for name in ("VERDICTS_QUORUM", "VERDICTS_SECRET_KEY", "VERDICTS_CLOCK", "VERDICTS_MAIL"):
        monkeypatch.setenv(name, "")
    assert read_settings() == Settings()


def test_hosts_are_separated_by_commas_or_spaces(monkeypatch):
    monkeypatch.setenv("VERDICTS_ALLOW_PRIVATE_HOSTS", " 127.0.0.1:8080, Intranet.example\n10.0.0.1 ,")
    assert read_settings().allow_private_hosts == {"127.0.0.1:8080", "intranet.example", "10.0.0.1"}


# ------------------------------------------------------------ the file


def test_the_environment_wins_over_the_file_that_is_named(monkeypatch, tmp_path):
    file = tmp_path / "mine.env"
    file.write_text("VERDICTS_QUORUM=3\nVERDICTS_EDITION_SIZE=5\nSOMETHING_ELSE=1\nSENDGRID_API_KEY=SG.file\n")
    monkeypatch.setenv(ENV_FILE, str(file))
    monkeypatch.setenv("VERDICTS_QUORUM", "2")
    found = read_settings()
    assert (found.quorum, found.edition_size) == (2, 5)
    assert found.sendgrid_api_key is not None
    assert found.sendgrid_api_key.get_secret_value() == "SG.file"


def test_a_file_called_dot_env_is_read_where_a_command_runs(monkeypatch, tmp_path):
    monkeypatch.delenv(ENV_FILE)
    monkeypatch.chdir(tmp_path)
    assert read_settings().quorum == 4
    (tmp_path / ".env").write_text("VERDICTS_QUORUM=3\n")
    assert read_settings().quorum == 3
    monkeypatch.setenv(ENV_FILE, "")
    assert read_settings().quorum == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"VERDICTS_QUORUM=\xff\n", "not in UTF-8"),
        (b"VERDICTS_QUORUM=many\n", "VERDICTS_QUORUM does not fit"),
        (b'# ours\n\n\nVERDICTS_SECRET_KEY="abc\nVERDICTS_QUORUM=3\n', "mine.env, line 4, cannot be read"),
        (b"VERDICTS_QUORUM=3\n=4\n", "mine.env, line 2, cannot be read"),
    ],
)
def test_a_wrong_line_of_the_file_is_as_wrong_as_a_variable(monkeypatch, tmp_path, content, message):
    file = tmp_path / "mine.env"
    file.write_bytes(content)
    monkeypatch.setenv(ENV_FILE, str(file))
    with pytest.raises(SettingsError, match=message):
        read_settings()


# ------------------------------------------------------------ secrets


SECRETS = {
    "VERDICTS_SECRET_KEY": KEY,
    "VERDICTS_DATABASE_URL": "postgresql://verdicts:passw0rd@host/db",
    "VERDICTS_SMTP_URL": "smtp://user:passw0rd@host",
    "SENDGRID_API_KEY": "SG.passw0rd",
}


def test_secrets_are_shown_as_stars_wherever_settings_are_shown(monkeypatch, capsys):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for as_json in (True, False):
        assert cli.run(["settings"], as_json=as_json, debug=False) == 0
        output = capsys.readouterr()
        assert "passw0rd" not in output.out + output.err
        assert KEY not in output.out
    shown = {row["name"]: row["value"] for row in described(read_settings())}
    assert {shown[name] for name in SECRETS} == {"********"}
    assert "passw0rd" not in repr(read_settings())


def test_a_secret_that_does_not_fit_is_not_repeated(monkeypatch):
    monkeypatch.setenv("VERDICTS_SECRET_KEY", "hunter2")
    with pytest.raises(SettingsError) as refusal:
        read_settings()
    assert "hunter2" not in str(refusal.value)


def test_the_key_that_was_made_is_kept_for_the_next_process(monkeypatch, tmp_path):
    monkeypatch.setenv("VERDICTS_VAR", str(tmp_path / "new"))
    tokens = []
    for _ in range(2):
        with open_product(require_current=False) as product:
            tokens.append(product.signer.sign(Purpose.UNSUBSCRIBE, 1))
    assert tokens[0] == tokens[1]


# ------------------------------------------------------------ what is shown and written


def test_every_setting_is_listed_with_its_meaning():
    rows = described(Settings())
    assert [row["name"] for row in rows] == [variable(field) for field in Settings.model_fields]
    assert all(row["name"].startswith(PREFIX) or row["name"] == "SENDGRID_API_KEY" for row in rows)
    assert all(row["meaning"].endswith(".") for row in rows)


def written_rows() -> dict[str, tuple[str, str]]:
    """The document's table: name -> default, meaning."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [re.split(r" ?\| ?", line)[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return {name.strip("`"): (default.strip(), meaning) for name, default, meaning in rows}


def test_the_document_describes_every_setting_and_no_other():
    written = written_rows()
    assert list(written) == [*(variable(field) for field in Settings.model_fields), ENV_FILE]
    assert all(meaning.endswith(".") for _, meaning in written.values())
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:VERDICTS_[A-Z_]+|SENDGRID_API_KEY)\b", text)) - {PREFIX}
    assert named == set(written)


def test_the_document_s_defaults_are_those_of_the_program():
    written = {name: default.strip("`") for name, (default, _) in written_rows().items() if default.startswith("`")}
    written.pop(ENV_FILE)
    program = {variable(field): _plain(getattr(Settings(), field)) for field in Settings.model_fields}
    told = {name: value for name, value in written.items() if " " not in value}
    assert told == {name: value for name, value in program.items() if value}


def _plain(value: Any) -> str:
    return "" if value is None or value == frozenset() else str(value)


@pytest.mark.parametrize("heading", ["One machine", "Many machines"])
def test_the_examples_of_the_document_are_settings_that_fit(monkeypatch, tmp_path, heading):
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    [block] = re.findall(rf"^## {heading}\n.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "example.env"
    file.write_text(block)
    monkeypatch.setenv(ENV_FILE, str(file))
    assert read_settings() != Settings()


# ------------------------------------------------------------ the doctor


def test_the_doctor_names_variables_that_are_no_settings(product, monkeypatch):
    monkeypatch.setenv("VERDICTS_QUORUN", "3")
    findings = {each.what: each for each in health.examine(product)}
    assert not findings["unknown settings"].well
    assert "VERDICTS_QUORUN" in findings["unknown settings"].detail
    assert findings["database"].well


def test_the_doctor_tries_whether_the_outbox_can_be_written(product):
    product.settings.outbox_folder.rmdir() if product.settings.outbox_folder.exists() else None
    product.settings.outbox_folder.write_text("a file where the folder should be")
    [found] = [each for each in health.examine(product) if each.what == "mail"]
    assert (found.well, "VERDICTS_OUTBOX" in found.detail) == (False, True)
    product.settings.outbox_folder.unlink()
    [found] = [each for each in health.examine(product) if each.what == "mail"]
    assert (found.well, found.detail) == (True, "by outbox")


@pytest.mark.parametrize("kept", ["", "short\n"])
def test_a_kept_key_that_anybody_could_guess_signs_nothing(product, tmp_path, kept):
    settings = Settings(_env_file=None, var=tmp_path / "other")
    settings.var.mkdir()
    (settings.var / "secret.key").write_text(kept)
    spoiled = Product(settings=settings, database=product.database)
    with pytest.raises(SettingsError, match=r"secret\.key holds no key of 32 characters"):
        _ = spoiled.signer
    [found] = [each for each in health.examine(spoiled) if each.what == "secret key"]
    assert not found.well
    (settings.var / "secret.key").unlink()
    assert spoiled.signer
    [found] = [each for each in health.examine(spoiled) if each.what == "secret key"]
    assert found.well


def test_the_doctor_looks_at_everything_even_when_nothing_is_there(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VERDICTS_VAR", str(tmp_path / "nothing"))
    monkeypatch.setenv("VERDICTS_SOURCES", str(tmp_path / "nothing.toml"))
    monkeypatch.setenv("VERDICTS_MAIL", "smtp")
    assert cli.run(["doctor"], as_json=True, debug=False) == 1
    found = {each["what"]: each for each in json.loads(capsys.readouterr().out)}
    assert found.keys() >= {"database", "invariants", "sources", "mail", "disk", "unknown settings"}
    assert [found[what]["well"] for what in ("database", "sources", "mail")] == [False] * 3
    assert "db upgrade" in found["database"]["detail"]
    assert "VERDICTS_FROM" in found["mail"]["detail"]


def test_nothing_is_made_where_nothing_was_asked_for(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    read_settings()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the folder itself is what is looked at
