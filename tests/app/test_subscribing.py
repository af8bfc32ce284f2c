"""Readers: asked, confirmed by a link in a letter, choosing, voting, leaving; and lists that operators bring and take."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import editing, sending, subscribing, voting
from app.limiting import Caller
from app.sending import Links
from app.tokens import Purpose, Signer
from app.wiring import Product
from core.errors import DeliveryError, NotFound, Refused, StaleVersion, UsageError
from core.subscriber import SubscriberState
from store import schema, subscribers
from tests.app.making import WEEK, enrol, hold, publish, review, rows, subscriber
from tests.conftest import NOW

ADA = "ada@example.com"
YES = "Yes, send me the mail."


def letters(product: Product, kind: str = "") -> list[EmailMessage]:
    """The letters in the outbox, the oldest first; only those whose file begins like this."""
    files = sorted(product.settings.outbox_folder.glob(f"{kind}*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]  # type: ignore[misc]


def words(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def token(letter: EmailMessage, path: str) -> str:
    """What the letter's link to this page carries."""
    found = re.search(rf"http://127\.0\.0\.1:8000/{path}/(\S+)", words(letter))
    assert found, words(letter)
    return found[1]


def ask(product: Product, address: str = ADA) -> None:
    subscribing.subscribe(product, address, source="web", network="192.0.2.0/24")


def join(product: Product, address: str = ADA) -> None:
    """Subscribe, and follow the link."""
    ask(product, address)
    subscribing.confirm(product, token(letters(product, "confirm")[-1], "confirm"))


def state(product: Product, address: str = ADA) -> SubscriberState | None:
    found = subscriber(product, address)
    return found.state if found else None


def trail(product: Product, address: str = ADA) -> list[tuple[str, str]]:
    found = subscriber(product, address)
    assert found is not None
    with product.database.read() as connection:
        return [(each["kind"], each["source"]) for each in subscribers.trail(connection, found.id)]


# ------------------------------------------------------------ double opt-in


def test_a_subscription_begins_with_a_letter_and_counts_once_its_link_was_followed(product):
    ask(product)
    assert state(product) is SubscriberState.PENDING
    [letter] = letters(product)
    assert letter["To"] == ADA
    assert letter["Auto-Submitted"] == "auto-generated"
    secret = token(letter, "confirm")
    assert subscribing.check_confirm(product, secret) == ADA
    assert state(product) is SubscriberState.PENDING, "looking confirms nothing"
    done = subscribing.confirm(product, secret)
    assert (done.state, done.confirmed_at) == (SubscriberState.ACTIVE, NOW)
    assert trail(product) == [("asked", "web"), ("confirmed", "mail")]
    hold(product)


def test_confirming_twice_is_harmless_and_welcomes_once(product):
    ask(product)
    secret = token(letters(product)[0], "confirm")
    subscribing.confirm(product, secret)
    before = rows(product)
    assert subscribing.confirm(product.at(NOW + timedelta(days=1)), secret).state is SubscriberState.ACTIVE
    assert rows(product) == before
    assert len(letters(product, "welcome")) == 1
    assert token(letters(product, "welcome")[0], "unsubscribe")
    assert token(letters(product, "welcome")[0], "preferences")


def test_nobody_is_asked_more_than_once_a_day(product):
    for hours in (0, 1, 23):
        ask(product.at(NOW + timedelta(hours=hours)))
    assert len(letters(product)) == 1
    ask(product.at(NOW + timedelta(hours=24)))
    assert len(letters(product)) == 2
    ask(product.at(NOW + timedelta(hours=25)), ADA.upper().replace("EXAMPLE.COM", "Example.COM"))
    assert len(letters(product)) == 2


def test_asking_tells_nobody_whether_an_address_is_known(product):
    join(product)
    with product.database.write() as connection:
        subscribers.suppress(connection, "bounced@example.com", reason="bounced", now=NOW)
    before = len(letters(product))
    for address in (ADA, "bounced@example.com", "new@example.com"):
        assert subscribing.subscribe(product, address, source="web", network=None) is None  # type: ignore[func-returns-value]
    assert [letter["To"] for letter in letters(product)[before:]] == ["new@example.com"]
    assert state(product) is SubscriberState.ACTIVE


@pytest.mark.parametrize("wrong", ["", "ada", "ada@", "ada@@example.com", "ada@example.com\nBcc: b@c.d", "x" * 10_000])
def test_what_is_no_address_is_refused(product, wrong):
    with pytest.raises(Refused, match="is not an e-mail address") as refusal:
        ask(product, wrong)
    assert len(str(refusal.value)) < 400
    assert letters(product) == []


def test_a_letter_that_could_not_go_out_may_be_asked_for_again_at_once(product):
    product.settings.outbox_folder.write_text("a file where the folder should be")
    with pytest.raises(DeliveryError, match="confirm mail was not taken"):
        ask(product)
    product.settings.outbox_folder.unlink()
    ask(product)
    assert len(letters(product)) == 1


def test_who_confirmed_is_confirmed_even_when_the_welcome_cannot_go_out(product):
    ask(product)
    secret = token(letters(product)[0], "confirm")
    product.settings.outbox_folder.rename(product.settings.var / "moved")
    product.settings.outbox_folder.write_text("a file where the folder should be")
    assert subscribing.confirm(product, secret).state is SubscriberState.ACTIVE


# ------------------------------------------------------------ links


def test_a_link_to_confirm_lasts_seven_days(product):
    ask(product)
    secret = token(letters(product)[0], "confirm")
    late = product.at(NOW + timedelta(days=7, seconds=1))
    for use in (subscribing.check_confirm, subscribing.confirm):
        with pytest.raises(Refused, match=r"has expired\. Ask for a new one"):
            use(late, secret)
    assert subscribing.confirm(product.at(NOW + timedelta(days=7)), secret).state is SubscriberState.ACTIVE


def test_a_link_to_leave_never_goes_stale(product):
    join(product)
    secret = token(letters(product, "welcome")[0], "unsubscribe")
    assert subscribing.unsubscribe(product.at(NOW + timedelta(days=4000)), secret) == ADA


USES = {
    Purpose.CONFIRM: subscribing.confirm,
    Purpose.UNSUBSCRIBE: subscribing.unsubscribe,
    Purpose.PREFERENCES: subscribing.preferences,
    Purpose.VOTE: voting.ballot,
}


@pytest.mark.parametrize("purpose", USES)
def test_a_link_that_is_forged_cut_short_or_meant_for_something_else_is_refused(product, purpose):
    join(product)
    person = subscriber(product, ADA)
    assert person is not None
    links = Links(product)
    others = {
        Purpose.CONFIRM: links.confirm(person, expires=NOW + timedelta(days=1)),
        Purpose.UNSUBSCRIBE: links.unsubscribe(person),
        Purpose.PREFERENCES: links.preferences(person),
        Purpose.VOTE: links.vote(person, "ada-vs-bea", NOW + timedelta(days=1)),
    }
    good = others.pop(purpose).rpartition("/")[2]
    stranger = Signer("another key, of thirty-two letters or more").sign(purpose, person.id)
    forged = [each.rpartition("/")[2] for each in others.values()]
    forged += [stranger, good[:-1], good[1:], good + "A", good.swapcase(), "", ".", "\u0000", "é" * 50, "A" * 100_000]
    before = rows(product)
    for each in forged:
        with pytest.raises(Refused, match="not one of ours, or was cut short"):
            USES[purpose](product, each)  # type: ignore[operator]
    assert rows(product) == before


def test_links_of_somebody_who_was_erased_speak_for_nobody_else(product):
    """A database may give the number of a deleted row to the next one."""
    join(product)
    old = {path: token(letters(product, "welcome")[0], path) for path in ("unsubscribe", "preferences")}
    ask(product, "pending@example.com")
    confirm = token(letters(product, "confirm")[-1], "confirm")
    for address in ("pending@example.com", ADA):
        subscribing.erase(product, address, actor="test")
    for address in ("bea@example.com", "cid@example.com"):
        ask(product, address)
    for use, secret in (
        (subscribing.preferences, old["preferences"]),
        (subscribing.unsubscribe, old["unsubscribe"]),
        (subscribing.confirm, confirm),
    ):
        with pytest.raises(Refused, match="no longer exists"):
            use(product, secret)  # type: ignore[operator]
    assert {state(product, each) for each in ("bea@example.com", "cid@example.com")} == {SubscriberState.PENDING}


# ------------------------------------------------------------ leaving and coming back


def test_leaving_twice_is_leaving_once(product):
    join(product)
    secret = token(letters(product, "welcome")[0], "unsubscribe")
    assert subscribing.check_unsubscribe(product, secret) == ADA
    assert state(product) is SubscriberState.ACTIVE, "looking changes nothing"
    assert subscribing.unsubscribe(product, secret) == ADA
    before = rows(product)
    assert subscribing.unsubscribe(product.at(NOW + timedelta(days=1)), secret) == ADA
    assert rows(product) == before
    assert state(product) is SubscriberState.UNSUBSCRIBED
    assert trail(product)[-1] == ("withdrawn", "link")
    hold(product)


def test_who_left_comes_back_by_a_new_letter_and_not_by_the_old_link(product):
    join(product)
    old = token(letters(product, "confirm")[0], "confirm")
    subscribing.unsubscribe(product, token(letters(product, "welcome")[0], "unsubscribe"))
    with pytest.raises(Refused, match=r"has ended.*Subscribe again"):
        subscribing.confirm(product, old)
    join(product)
    assert state(product) is SubscriberState.ACTIVE
    hold(product)


def test_an_erased_person_leaves_no_trace_and_no_import_brings_them_back_but_their_own_hand_does(product, tmp_path):
    join(product)
    subscribing.erase(product, ADA, actor="test")
    assert ADA not in str(rows(product))
    with pytest.raises(NotFound, match=r"no subscriber ada@example\.com.*subscribers list"):
        subscribing.erase(product, ADA, actor="test")
    with pytest.raises(Refused, match=r"may not be mailed \(erased\)"):
        subscribing.add(product, ADA, consent=YES, actor="test")
    done = bring(product, tmp_path, f"email,consent\n{ADA},{YES}\n".replace(", ", " "))
    assert (done.added, len(done.refused)) == (0, 1)
    assert state(product) is None
    join(product)
    assert state(product) is SubscriberState.ACTIVE
    publish(product)
    assert sending.send(product, WEEK, actor="test").sent == 1
    hold(product)


# ------------------------------------------------------------ choices


def test_a_reader_chooses_among_the_categories_that_there_are(product):
    review(product, "Ada", "Bea", "Cid")
    for slug, category in {"ada": "coding", "bea": "agents", "cid": "research"}.items():
        editing.edit_tool(product, slug, {"category": category}, actor="test")
    join(product)
    secret = token(letters(product, "welcome")[0], "preferences")
    shown = subscribing.preferences(product, secret)
    assert (shown.address, shown.chosen, shown.available, shown.active) == (
        ADA,
        (),
        ("agents", "coding", "research"),
        True,
    )
    chosen = subscribing.choose(product, secret, ["coding", "cooking", "agents"]).chosen
    assert chosen == ("agents", "coding")
    assert subscribing.choose(product, secret, ["agents", "coding", "research"]).chosen == (), "all is no choice"
    assert subscribing.choose(product, secret, []).chosen == ()


def test_each_reader_has_one_vote_and_may_change_it(product):
    join(product)
    publish(product)
    sending.send(product, WEEK, actor="test")
    [mail] = letters(product, str(WEEK))
    secret = token(mail, "vote")
    first = voting.ballot(product, secret)
    assert ((first.a.slug, first.b.slug), first.choice) == (("ada", "bea"), None)
    caller = Caller(address="192.0.2.7")
    chosen = voting.vote(product, secret, choice="bea", nonce=first.nonce, caller=caller)
    assert chosen.choice == "bea"
    with pytest.raises(StaleVersion):
        voting.vote(product, secret, choice="ada", nonce=first.nonce, caller=caller)
    later = product.at(NOW + timedelta(hours=1))
    assert voting.vote(later, secret, choice="ada", nonce=chosen.nonce, caller=caller).choice == "ada"
    with product.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.vote)) == 1
    with pytest.raises(Refused, match="not one of the two"):
        voting.vote(later, secret, choice="cid", nonce=voting.ballot(later, secret).nonce, caller=caller)
    hold(product)


def test_a_vote_goes_with_the_reader_who_is_erased(product):
    join(product)
    publish(product)
    sending.send(product, WEEK, actor="test")
    secret = token(letters(product, str(WEEK))[0], "vote")
    ballot = voting.ballot(product, secret)
    voting.vote(product, secret, choice="ada", nonce=ballot.nonce, caller=Caller())
    subscribing.erase(product, ADA, actor="test")
    with product.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.vote)) == 0
    with pytest.raises(Refused, match="no longer exists"):
        voting.ballot(product, secret)
    hold(product)


# ------------------------------------------------------------ lists


def bring(product: Product, folder: Path, text: str | bytes) -> subscribing.Imported:
    """Import a file with this content."""
    file = folder / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return subscribing.import_file(product, file, actor="test")


def test_rows_with_a_consent_become_active_and_each_other_row_is_refused_with_its_reason(product_on_both, tmp_path):
    product = product_on_both
    long = "x" * 10_000
    lines = [
        "Email,Consent,Name,Categories,Confirmed_At",
        f"ada@example.com,{YES[:3]},Ada,coding;agents,2026-11-02T08:15:00Z",
        "bea@example.com,,Bea,,",
        "no address,Yes,,,",
        f"{long}@example.com,Yes,,,",
        "cid@example.com,Yes,,,the other day",
        "dot@example.com,Yes,,cooking,",
        "eve@example.com,Yes,one,,,too,many",
        "ADA@example.com,Yes,,,",
        "fay@example.com",
        '"gus@example.com\r\nBcc: x@y.z",Yes,,,',
        "hal@example.com,Yes,Hal,,2999-01-01T00:00:00Z",
    ]
    done = bring(product, tmp_path, "\n".join(lines))
    assert (done.added, done.known) == (2, 1)
    reasons = dict(done.refused)
    assert reasons.keys() == {2, 3, 4, 5, 6, 7, 9, 10}
    assert "no consent text" in reasons[2]
    assert "no consent text" in reasons[9]
    assert all("not an e-mail address" in reasons[row] for row in (3, 4, 10))
    assert "the other day" in reasons[5]
    assert "no category 'cooking'" in reasons[6]
    assert "more cells than the header" in reasons[7]
    assert max(map(len, reasons.values())) < 400
    ada, hal = subscriber(product, ADA), subscriber(product, "hal@example.com")
    assert ada is not None
    assert hal is not None
    assert (ada.state, ada.name, ada.categories) == (SubscriberState.ACTIVE, "Ada", ("coding", "agents"))
    assert ada.confirmed_at == NOW.replace(day=2, hour=8, minute=15)
    assert hal.confirmed_at == NOW, "nobody has agreed in the future"
    assert trail(product) == [("imported", "command line")]
    hold(product)


def test_a_list_is_read_with_a_byte_order_mark_and_with_windows_line_ends(product, tmp_path):
    assert bring(product, tmp_path, f"\ufeffemail,consent\r\n{ADA},Yes\r\n").added == 1
    assert bring(product, tmp_path, f"email,consent\r\n{ADA},Yes\r\n").known == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The header is missing"),
        ("name,address\nAda,ada@example.com\n", r"The header is name, address\. It must be email,consent"),
        ("email,consent,shoe size\n", "shoe size"),
        ("email;consent\nada@example.com;Yes\n", "email;consent"),
        (b"email,consent\n\xff\xfe,Yes\n", r"list\.csv cannot be read"),
        ("email,consent\n" + "x" * 200_000 + ",Yes\n", r"list\.csv cannot be read"),
        ("x" * 100_000, "The header is x"),
    ],
)
def test_a_list_that_is_none_is_refused_as_a_whole(product, tmp_path, text, message):
    with pytest.raises(UsageError, match=message) as refusal:
        bring(product, tmp_path, text)
    assert len(str(refusal.value)) < 400
    assert subscribing.listed(product) == []


def test_a_long_list_is_taken_in_slices(product, tmp_path):
    text = "email,consent\n" + "".join(f"reader{number}@example.com,Yes\n" for number in range(1_500))
    assert bring(product, tmp_path, text).added == 1_500
    assert bring(product, tmp_path, text).known == 1_500
    assert len(subscribing.listed(product, limit=2_000)) == 1_500


def test_a_name_never_becomes_a_header(product):
    evil = 'Eve\r\nBcc: everybody@example.com\n\n<b>"x"</b>'
    subscribing.add(product, "eve@example.com", consent=YES, name=evil, actor="test")
    publish(product)
    sending.send(product, WEEK, actor="test")
    [mail] = letters(product, str(WEEK))
    assert mail["Bcc"] is None
    assert [each.addr_spec for each in mail["To"].addresses] == ["eve@example.com"]
    assert mail.get_content_type() == "multipart/alternative"


def test_an_export_holds_everybody_and_no_formula(product, tmp_path):
    names = ["=1+1", "+1", "-1", "@sum", "\tx", "Ada, of London", '"quoted"']
    for place, name in enumerate(names):
        subscribing.add(product, f"reader{place}@example.com", consent=YES, name=name, actor="test")
    subscribing.add(product, "=cmd@example.com", consent=YES, actor="test")
    file = io.StringIO()
    assert subscribing.export_csv(product, file) == 8
    found = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["name"] for row in found][:7] == ["'=1+1", "'+1", "'-1", "'@sum", "x", "Ada, of London", '"quoted"']
    assert not [cell for row in found for cell in row.values() if cell[:1] in "=+-@\t" and cell]
    assert found[0] | {"email": "", "name": ""} == {
        "email": "",
        "state": "active",
        "name": "",
        "categories": "",
        "created_at": "2026-11-20T09:00:00Z",
        "confirmed_at": "2026-11-20T09:00:00Z",
    }


def test_adding_a_known_address_changes_nothing(product):
    first = subscribing.add(product, ADA, consent=YES, name="Ada", actor="test")
    before = rows(product)
    assert subscribing.add(product, ADA.upper(), consent="Other", name="Other", actor="test") == first
    assert rows(product) == before


def test_a_thousand_readers_come_out_as_they_went_in(product):
    addresses = enrol(product, 1_001)
    assert [each.address for each in subscribing.listed(product, limit=5_000)] == addresses
    assert [each.address for each in subscribing.listed(product, limit=3)] == addresses[:3]


def test_links_are_signed_with_the_installation_s_own_key(product):
    join(product)
    stolen = token(letters(product, "welcome")[0], "preferences")
    settings = product.settings.model_copy(update={"var": product.settings.var / "elsewhere"})
    elsewhere = replace(product, settings=settings)
    with pytest.raises(Refused, match="not one of ours"):
        subscribing.preferences(elsewhere, stolen)
    key = product.settings.var / "secret.key"
    assert len(key.read_text()) >= 64
    assert key.stat().st_mode & 0o077 == 0
