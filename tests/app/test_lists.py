"""Lists: what is in them is taken row by row, whatever the other rows are like, and nothing comes back that must not."""

from __future__ import annotations

import codecs
import csv
import io
import resource
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import lists, subscribing
from app.lists import SHOWN, Imported
from app.reviewing import checked_address
from app.wiring import Product
from core.errors import Refused
from store import audit, subscribers
from tests.app.making import hold, rows, subscriber

YES = "Yes, please."


def bring(product: Product, content: str | bytes, **more: Any) -> Imported:
    file = product.settings.var / "list.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return lists.import_file(product, file, actor="test", **more)


def names(product: Product) -> dict[str, str]:
    return {each.address: each.name for each in subscribing.listed(product, limit=1000)}


def audited(product: Product) -> list[dict[str, Any]]:
    with product.database.read() as connection:
        return [each for each in audit.entries(connection) if each["subject"] == "subscribers"]


# ------------------------------------------------------------ rows


def test_each_row_is_read_in_its_own_encoding(product):
    lines = [b"email,consent,name", "a@x.example,Yes,Zoë".encode(), "b@x.example,Yes,Zoë".encode("cp1252")]
    lines += ["c@x.example,Yes,“Zoë”".encode("cp1252"), b"d@x.example,Yes,\x81\x8d"]
    lines += ["zoë@x.example,Yes,".encode("cp1252"), b"f@x.example,Yes,plain"]
    done = bring(product, b"\n".join(lines))
    assert names(product) == {
        "a@x.example": "Zoë",
        "b@x.example": "Zoë",
        "c@x.example": "“Zoë”",
        "f@x.example": "plain",
    }
    assert [row for row, _ in done.refused] == [4, 5]
    assert "neither UTF-8 nor Windows-1252" in done.refused[0][1]
    assert "address is not in UTF-8" in done.refused[1][1], "an address is never guessed"


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_list_in_utf_16_is_read_and_what_is_broken_in_it_refused(product, mark):
    encoding = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    content = mark + "email,consent,name\na@x.example,Yes,Zoë\n".encode(encoding)
    assert bring(product, content + b"\xd8" * 6).refused_rows <= 1
    assert names(product) == {"a@x.example": "Zoë"}


@pytest.mark.parametrize(
    "row",
    [
        "x" * 200_000 + "@x.example,Yes",
        "x" * 3_000_000 + ",Yes",
        '"' + "y" * 400_000 + "\n" * 5,
        "\x00" * 100 + ",Yes",
        "a\x00b@x.example,Yes",
        '"a@x.example\r\nBcc: b@x.example",Yes',
        '"a@x.example, b@x.example",Yes',
        "a@x.example>,Yes",
        "=cmd|' /C calc'!A0,Yes",
        "a@localhost,Yes",
        "@,Yes",
        ",Yes",
        "a@x.example,\u200b\u200b",
        "a@x.example,Yes,one,two,three,four,five",
    ],
)
def test_a_row_that_cannot_be_taken_leaves_its_neighbours_alone(product, row):
    text = f"email,consent\nbefore@x.example,Yes\n{row}\n" + '"\n' * row.startswith('"y') + "after@x.example,Yes\n"
    done = bring(product, text)
    assert "before@x.example" in names(product)
    assert done.refused_rows >= 1
    assert all(len(why) < 400 for _, why in done.refused)
    assert set(names(product)) <= {"before@x.example", "after@x.example"}
    if '"' not in row:
        assert "after@x.example" in names(product)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_whatever_a_list_holds_nobody_is_added_without_a_consent(product, content):
    bring(product, b"email,consent\n" + content)
    with product.database.read() as connection:
        for each in subscribing.listed(product):
            assert subscribers.trail(connection, each.id)[0]["text"]
            assert checked_address(each.address) == each.address


def test_a_name_in_a_list_is_one_line_of_plain_text(product):
    bring(product, 'email,consent,name\na@x.example,Yes,"Eve\r\nBcc: x@y.z\u202e"\n')
    assert names(product) == {"a@x.example": "Eve Bcc: x@y.z"}


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com",
        "Ada.Lovelace+news@Sub.Example.COM",
        "a!#$%&'*+/=?^_`{|}~-z@example.com",
        ".ada@example.com",
        "a..b@example.com",
        "ada.@example.com",
        "ada@example",
        "ada@-example.com",
        "ada@example..com",
        "ada@xn--bcher-kva.example",
        "ada@xn--.example",
        "ada@1.2.3.4",
        "x" * 64 + "@example.com",
        "x" * 65 + "@example.com",
        "a@" + "x" * 63 + ".example",
        "a@" + "x" * 64 + ".example",
        "a@" + ".".join(["x" * 60] * 5) + ".example",
        "zoë@bücher.example",
        '"a b"@example.com',
        "ada@[127.0.0.1]",
        "",
    ],
)
def test_the_short_way_to_check_an_address_says_what_the_long_one_says(text):
    def said(check: Any) -> str:
        try:
            return str(check(text))
        except Refused as refusal:
            return f"refused: {refusal}"

    assert said(lists._address) == said(checked_address)


# ------------------------------------------------------------ many


def test_a_dry_run_says_what_would_be_and_changes_nothing(product):
    subscribing.add(product, "known@x.example", consent=YES, actor="test")
    subscribing.stop_mailing(product, "never@x.example", actor="test")
    before = rows(product)
    text = "email,consent\nknown@x.example,Yes\nnew@x.example,Yes\nNEW@x.example,Yes\nnever@x.example,Yes\nbad,Yes\n"
    tried = bring(product, text, dry_run=True)
    assert rows(product) == before
    assert (tried.added, tried.known, [row for row, _ in tried.refused]) == (1, 2, [4, 5])
    done = bring(product, text)
    assert (done.added, done.known, done.refused) == (tried.added, tried.known, tried.refused)
    hold(product)


def test_a_dry_run_counts_an_address_once_over_all_slices(product, monkeypatch):
    monkeypatch.setattr(lists, "_SLICE", 2)
    text = "email,consent\n" + "a@x.example,Yes\nb@x.example,Yes\n" * 3
    assert [bring(product, text, dry_run=dry).added for dry in (True, False)] == [2, 2]


def test_consent_from_elsewhere_is_enough_for_who_was_only_asked_to_confirm_and_for_nobody_who_left(product):
    for each in ("asked", "typed", "blocked"):
        subscribing.add(product, f"{each}@x.example", consent=None, actor="test")
    gone = subscribing.add(product, "gone@x.example", consent=YES, actor="test")
    with product.database.write() as connection:
        subscribers.leave(connection, gone.id, now=product.now)
        subscribers.suppress(connection, "blocked@x.example", reason="complained", now=product.now)
    text = "email,consent\nasked@x.example,Yes\ngone@x.example,Yes\nblocked@x.example,Yes\n"
    for dry in (True, False):
        done = bring(product, text, dry_run=dry)
        assert (done.added, done.known, done.refused_rows) == (1, 1, 1)
    subscribing.add(product, "typed@x.example", consent=YES, actor="test")
    assert subscribing.add(product, "gone@x.example", consent=YES, actor="test").state == "unsubscribed"
    with pytest.raises(Refused, match=r"may not be mailed \(complained\)"):
        subscribing.add(product, "blocked@x.example", consent=YES, actor="test")
    states = {each.address.partition("@")[0]: each.state for each in subscribing.listed(product)}
    assert states == {"asked": "active", "typed": "active", "blocked": "pending", "gone": "unsubscribed"}


def test_many_refused_rows_are_all_in_a_file_that_only_this_user_can_read_and_few_in_memory(product):
    count = SHOWN + 500
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = bring(product, "email,consent\n" + "=nobody@@x.example,Yes\n" * count)
    assert (done.refused_rows, len(done.refused)) == (count, SHOWN)
    assert done.refused_file is not None
    assert stat.S_IMODE(done.refused_file.stat().st_mode) == 0o600
    with done.refused_file.open(encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert [int(row["row"]) for row in told] == list(range(1, count + 1))
    assert all("is not an e-mail address" in row["reason"] for row in told)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_report_is_written_when_it_is_asked_for(product, tmp_path):
    done = bring(product, "email,consent\nbad,Yes\n", report=tmp_path / "why" / "not.csv")
    assert done.refused_file == tmp_path / "why" / "not.csv"
    assert done.refused_file.read_text().splitlines()[0] == "row,reason"
    assert bring(product, "email,consent\nbad,Yes\n").refused_file is None


def test_nobody_comes_back_by_a_list_who_was_erased_or_suppressed_alone_or_with_their_domain(product):
    for each in ("erased@x.example", "moved@x.example"):
        subscribing.add(product, each, consent=YES, actor="test")
    with product.database.write() as connection:
        found = subscribers.find(connection, "moved@x.example")
        assert found is not None
        subscribers.readdress(connection, found, "new@x.example", now=product.now)
    for each in ("erased@x.example", "new@x.example"):
        subscribing.erase(product, each, actor="test")
    subscribing.stop_mailing(product, "manual@x.example", actor="test")
    subscribing.stop_domain(product, "Closed.Example", note="They asked.", actor="test")
    text = "email,consent\n" + "".join(
        f"{each},Yes\n"
        for each in ("Erased@X.example", "moved@x.example", "new@x.example", "manual@x.example", "a@closed.example")
    )
    done = bring(product, text)
    assert (done.added, done.refused_rows) == (0, 5)
    assert {why.partition("(")[2].partition(")")[0] for _, why in done.refused} == {"erased", "manual", "domain"}


def test_lists_that_come_and_go_are_in_the_log_and_no_address_is(product, tmp_path):
    bring(product, "email,consent\nada@x.example,Yes\nbad,Yes\n")
    bring(product, "email,consent\nada@x.example,Yes\n", dry_run=True)
    lists.export_file(product, tmp_path / "out.csv", actor="test")
    told = {each["action"]: each["after"] for each in audited(product)}
    assert told == {
        "subscriber.import": {"file": "list.csv", "added": 1, "known": 0, "refused": 1},
        "subscriber.export": {"subscribers": 1},
    }
    assert len(audited(product)) == 2, "a dry run is nothing to log"


# ------------------------------------------------------------ out


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_no_cell_can_be_a_formula(text):
    cell = lists._harmless(text)
    assert cell.endswith(text)
    assert not cell.lstrip(" \u00a0\u3000").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))


def test_an_export_is_for_this_user_alone_and_comes_in_again(product, tmp_path):
    subscribing.add(product, "ada@x.example", consent=YES, name="Ada, of London", actor="test")
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o644)
    assert lists.export_file(product, path, actor="test") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [row] = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    assert (row["email"], row["name"], row["rhythm"]) == ("ada@x.example", "Ada, of London", "weekly")


def test_one_person_s_data_is_all_there_is_about_them_and_asking_is_logged(product):
    subscribing.add(product, "ada@x.example", consent=YES, name="Ada", actor="test")
    subscribing.add(product, "bea@x.example", consent=YES, actor="test")
    found = subscribing.data(product, "ADA@x.example", actor="test")
    assert found["subscriber"]["address"] == "ada@x.example"
    assert [step["text"] for step in found["consent"]] == [YES]
    assert found.keys() == {"subscriber", "consent", "former_addresses", "deliveries", "events", "votes"}
    assert "bea" not in str(found)
    person = subscriber(product, "ada@x.example")
    assert person is not None
    with product.database.read() as connection:
        entries = audit.entries(connection, subject=f"subscriber:{person.id}")
    assert [each["action"] for each in entries] == ["subscriber.data", "subscriber.add"]


def test_a_place_that_cannot_be_read_or_written_is_named(product):
    nowhere = Path("/nowhere/list.csv")
    with pytest.raises(lists.UsageError, match="cannot be read"):
        lists.import_file(product, nowhere, actor="test")
    with pytest.raises(lists.UsageError, match="cannot be written"):
        lists.export_file(product, nowhere, actor="test")
