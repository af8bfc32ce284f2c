"""Readers: asked, confirmed by a link in a letter, choosing, voting, leaving; and lists that operators bring and take."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import editing, growth, limiting, lists, sending, subscribing, tidying, voting
from app.limiting import Caller, Limit, TooMany
from app.sending import Links
from app.tokens import Purpose, Signer, stamp
from app.wiring import Product
from core.errors import NotFound, Refused, StaleVersion, UsageError
from core.subscriber import SubscriberState
from core.week import Week
from digest.headers import unsubscribe_headers
from store import editions, schema, subscribers
from tests.app.making import WEEK, enrol, hold, publish, review, rows, subscriber
from tests.conftest import NOW
from tests.tokens import vote_link

ADA = "ada@example.com"
YES = "Yes, send me the mail."
LONG = ("x" * 10_000, f"{'x' * 10_000}@example.com", f"ada@{'x' * 10_000}.com", f"ada@{'x.' * 5_000}com")


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
    found = re.search(rf"http://127\.0\.0\.1:8000/{path}/([\w.-]+)", words(letter))
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


@pytest.mark.parametrize(
    "wrong", ["", " ", "ada", "jörg@example.com", "ada@", "ada@@example.com", "ada@example.com\nBcc: b@c.d", *LONG]
)
def test_what_is_no_address_is_refused(product, wrong):
    with pytest.raises(Refused, match="e-mail address") as refusal:
        ask(product, wrong)
    assert len(str(refusal.value)) < 400
    assert letters(product) == []


@pytest.fixture
def mail_is_down(product) -> Iterator[None]:
    product.settings.outbox_folder.write_text("a file where the folder should be")
    yield
    if product.settings.outbox_folder.is_file():
        product.settings.outbox_folder.unlink()


def test_a_letter_that_could_not_go_out_may_be_asked_for_again_at_once(product, mail_is_down):
    ask(product)
    product.settings.outbox_folder.unlink()
    ask(product)
    assert len(letters(product)) == 1


def test_while_the_mail_is_down_a_known_address_and_a_new_one_are_answered_alike(product):
    join(product)
    product.settings.outbox_folder.rename(product.settings.var / "moved")
    product.settings.outbox_folder.write_text("a file where the folder should be")
    assert ask(product) is None  # type: ignore[func-returns-value]
    assert ask(product, "new@example.com") is None  # type: ignore[func-returns-value]


def test_a_letter_that_could_not_go_out_goes_out_with_the_next_housekeeping(product, mail_is_down):
    ask(product)
    tidying.tidy(product)
    product.settings.outbox_folder.unlink()
    assert tidying.tidy(product)["confirmations sent late"] == 1
    assert tidying.tidy(product)["confirmations sent late"] == 0
    subscribing.confirm(product, token(letters(product)[0], "confirm"))
    assert state(product) is SubscriberState.ACTIVE


def test_nobody_is_asked_more_than_twice(product):
    for days in (0, 1, 2, 10, 29):
        ask(product.at(NOW + timedelta(days=days)))
    assert len(letters(product)) == 2


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("Zoe@BÜCHER.example", "Zoe@bücher.example"),
        ("ada+news@example.com", "ada+news@example.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
    ],
)
def test_international_domains_plus_and_dot_forms_are_addresses_of_their_own(product, address, kept):
    ask(product, address)
    assert [each.address for each in subscribing.listed(product)] == [kept]


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
        with pytest.raises(Refused, match="has expired"):
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
        Purpose.VOTE: vote_link(product, person, "ada-vs-bea", expires=NOW + timedelta(days=1)),
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


def bring(product: Product, folder: Path, text: str | bytes, **more: Any) -> lists.Imported:
    """Import a file with this content."""
    file = folder / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return lists.import_file(product, file, actor="test", **more)


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
        ("x" * 200_000, "The header cannot be read"),
        ("email,email,consent\n", "email, email"),
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
    assert lists.export_csv(product, file, actor="test") == 8
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
        "left_at": "",
        "rhythm": "weekly",
        "paused_until": "",
        "language": "",
        "time_zone": "",
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


# ------------------------------------------------------------ links without a stamp, or of somebody else


@pytest.mark.parametrize("purpose", USES)
def test_a_link_without_a_stamp_or_with_another_person_s_speaks_for_nobody(product, purpose):
    """A database may give a number to somebody else: signed by us is not enough."""
    join(product)
    join(product, "bea@example.com")
    ada, bea = subscriber(product, ADA), subscriber(product, "bea@example.com")
    assert ada is not None
    assert bea is not None
    more = ["ada-vs-bea"] if purpose is Purpose.VOTE else []
    before = rows(product)
    for payload in ([ada.id, *more], [ada.id, *more, stamp(bea.address_key)], [ada.id, *more, stamp(ADA), stamp(ADA)]):
        with pytest.raises(Refused, match="no longer exists"):
            USES[purpose](product, product.signer.sign(purpose, *payload))  # type: ignore[operator]
    assert rows(product) == before


# ------------------------------------------------------------ the way back


def left(product: Product) -> str:
    """Somebody has joined and left. Returns what the goodbye page's button carries."""
    join(product)
    secret = token(letters(product, "welcome")[-1], "unsubscribe")
    subscribing.unsubscribe(product, secret)
    back = subscribing.way_back(product, secret)
    assert back is not None
    return back.rpartition("/")[2]


def test_who_left_by_mistake_is_back_with_one_press(product):
    back = left(product)
    assert subscribing.check_undo(product, back) == ADA
    assert state(product) is SubscriberState.UNSUBSCRIBED, "looking changes nothing"
    for _ in range(2):
        assert subscribing.undo(product, back) == ADA
    assert state(product) is SubscriberState.ACTIVE
    assert trail(product)[-2:] == [("withdrawn", "link"), ("confirmed", "undo")]
    hold(product)


def test_there_is_a_way_back_for_a_day_and_for_nobody_who_never_confirmed_or_is_not_to_be_mailed(product):
    back = left(product)
    late = product.at(NOW + timedelta(days=1, seconds=1))
    with pytest.raises(Refused, match="has expired"):
        subscribing.undo(late, back)
    subscribing.stop_mailing(product, ADA, actor="test")
    with pytest.raises(Refused, match="may not send mail"):
        subscribing.undo(product, back)
    ask(product, "pending@example.com")
    person = subscriber(product, "pending@example.com")
    assert person is not None
    secret = Links(product).unsubscribe(person).rpartition("/")[2]
    subscribing.unsubscribe(product, secret)
    assert subscribing.way_back(product, secret) is None


def test_an_old_way_back_does_not_undo_a_later_leaving(product):
    back = left(product)
    subscribing.undo(product, back)
    later = product.at(NOW + timedelta(hours=30))
    subscribing.unsubscribe(later, token(letters(product, "welcome")[-1], "unsubscribe"))
    with pytest.raises(Refused, match="has expired"):
        subscribing.undo(later, back)
    assert state(product) is SubscriberState.UNSUBSCRIBED


# ------------------------------------------------------------ leaving by mail


def mail(subject: str, **more: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "somebody@example.com", "leave@verdicts.example", subject
    for name, value in more.items():
        made[name] = value
    made.set_content("")
    return made.as_bytes()


@pytest.mark.parametrize("subject", ["unsubscribe {}", "Unsubscribe  {} ", "UNSUBSCRIBE\t{}"])
def test_a_mail_that_names_a_subscription_ends_it(product, subject):
    join(product)
    secret = token(letters(product, "welcome")[0], "unsubscribe")
    assert subscribing.unsubscribe_by_mail(product, mail(subject.format(secret))) == ADA
    assert state(product) is SubscriberState.UNSUBSCRIBED
    assert trail(product)[-1] == ("withdrawn", "mailto")


def test_a_mail_with_a_folded_or_encoded_subject_is_read(product):
    join(product)
    secret = token(letters(product, "welcome")[0], "unsubscribe")
    coded = f"Subject: =?utf-8?q?unsubscribe_{secret.replace('_', '=5F')}?=\r\n\r\n"
    assert subscribing.unsubscribe_by_mail(product, coded.encode()) == ADA
    assert subscribing.unsubscribe_by_mail(product, f"Subject: unsubscribe\r\n {secret}\r\n\r\n".encode()) == ADA


@pytest.mark.parametrize(
    "subject",
    [
        "unsubscribe",
        "unsubscribe {preferences}",
        "unsubscribe {confirm}",
        "unsubscribe forged-token-of-some-length",
        "Re: unsubscribe {unsubscribe}",
        "Undelivered mail: unsubscribe {unsubscribe}",
        "unsubscribe {unsubscribe} and more",
        "unsubscribe " + "x" * 5000,
        "",
    ],
)
def test_a_mail_that_asks_for_nothing_of_ours_changes_nothing(product, subject):
    join(product)
    found = {each: token(letters(product, "welcome")[0], each) for each in ("unsubscribe", "preferences")}
    found["confirm"] = token(letters(product, "confirm")[0], "confirm")
    before = rows(product)
    assert subscribing.unsubscribe_by_mail(product, f"Subject: {subject.format(**found)}\n\n".encode()) is None
    assert rows(product) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=80), subject=st.binary(max_size=80))
def test_no_mail_breaks_the_mailbox(product, head, subject):
    assert subscribing.unsubscribe_by_mail(product, head + b"\nSubject: unsubscribe " + subject + b"\n\n") is None


def test_an_edition_names_the_mailbox_beside_the_link_when_there_is_one(product):
    url = "https://verdicts.example/unsubscribe/abc.def"
    assert unsubscribe_headers(url=url)["List-Unsubscribe"] == f"<{url}>"
    both = unsubscribe_headers(url=url, mailto="leave@verdicts.example")["List-Unsubscribe"]
    assert both == f"<{url}>, <mailto:leave@verdicts.example?subject=unsubscribe%20abc.def>"


# ------------------------------------------------------------ wishes and pauses


def pref(product: Product, address: str = ADA) -> str:
    person = subscriber(product, address)
    assert person is not None
    return Links(product).preferences(person).rpartition("/")[2]


def test_rhythm_language_and_zone_are_kept_and_can_be_taken_back(product):
    join(product)
    secret = pref(product)
    kept = subscribing.choose(product, secret, [], rhythm="monthly", language="de", time_zone="Europe/Berlin")
    assert (kept.rhythm, kept.language, kept.time_zone) == ("monthly", "de", "Europe/Berlin")
    back = subscribing.choose(product, secret, [])
    assert (back.rhythm, back.language, back.time_zone) == ("weekly", None, None)


@pytest.mark.parametrize(
    "wish",
    [
        {"rhythm": "daily"},
        {"rhythm": ""},
        {"language": "xx"},
        {"language": "<b>"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "x" * 10_000},
    ],
)
def test_a_wish_that_there_is_not_is_refused_and_nothing_is_changed(product, wish):
    join(product)
    secret = pref(product)
    before = rows(product)
    with pytest.raises(Refused, match="choose one"):
        subscribing.choose(product, secret, [], **wish)
    assert rows(product) == before


def test_a_pause_is_shown_until_it_is_over_and_can_be_ended(product):
    join(product)
    secret = pref(product)
    assert subscribing.pause(product, secret, weeks=2).paused_until == NOW + timedelta(weeks=2)
    assert subscribing.preferences(product.at(NOW + timedelta(weeks=2)), secret).paused_until is None
    assert subscribing.pause(product, secret, weeks=0).paused_until is None
    for weeks in (-1, subscribing.LONGEST_PAUSE + 1):
        with pytest.raises(Refused, match="lasts 1 to 26 weeks"):
            subscribing.pause(product, secret, weeks=weeks)


# ------------------------------------------------------------ another address

NEW = "ada@new.example"


def moved(product: Product) -> str:
    """Somebody has joined and moved. Returns the link's token."""
    join(product)
    letter = subscribing.ask_move(product, pref(product), NEW)
    assert letter is not None
    assert subscribing.send_move(product, letter)
    secret = token(letters(product, "move-")[-1], "move")
    assert subscribing.check_move(product, secret) == NEW
    assert state(product) is SubscriberState.ACTIVE, "looking changes nothing"
    assert subscribing.move(product, secret) == NEW
    return secret


def test_a_subscription_moves_once_the_new_address_has_confirmed_and_the_old_one_is_told(product):
    secret = moved(product)
    assert (state(product), state(product, NEW)) == (None, SubscriberState.ACTIVE)
    assert trail(product, NEW)[-1] == ("confirmed", "new address")
    [told] = letters(product, "moved-")
    assert told["To"] == ADA
    assert NEW not in words(told), "whoever has the old mailbox now"
    assert "a…@new.example" in words(told)
    before = rows(product)
    assert subscribing.move(product, secret) == NEW
    assert rows(product) == before, "again is harmless"
    assert len(letters(product, "moved-")) == 1
    hold(product)


def test_links_to_the_old_address_still_lead_out_and_show_nothing_else(product):
    join(product)
    old = {path: token(letters(product, "welcome")[0], path) for path in ("unsubscribe", "preferences")}
    first = token(letters(product, "confirm")[0], "confirm")
    letter = subscribing.ask_move(product, pref(product), NEW)
    assert letter is not None
    subscribing.send_move(product, letter)
    subscribing.move(product, token(letters(product, "move-")[-1], "move"))
    for use, secret in ((subscribing.preferences, old["preferences"]), (subscribing.confirm, first)):
        with pytest.raises(Refused, match="do not use here any more"):
            use(product, secret)  # type: ignore[operator]
    assert subscribing.check_unsubscribe(product, old["unsubscribe"]) == "a…@new.example"
    assert subscribing.unsubscribe(product, old["unsubscribe"]) == "a…@new.example"
    assert state(product, NEW) is SubscriberState.UNSUBSCRIBED


def test_the_old_address_can_have_it_back(product):
    moved(product)
    back = token(letters(product, "moved-")[0], "move")
    assert subscribing.move(product, back) == ADA
    assert (state(product), state(product, NEW)) == (SubscriberState.ACTIVE, None)
    hold(product)


def test_a_link_to_move_serves_once_and_for_seven_days(product):
    secret = moved(product)
    subscribing.move(product, token(letters(product, "moved-")[0], "move"))
    with_another = product.at(NOW + timedelta(hours=2))
    assert subscribing.ask_move(with_another, pref(product), "third@new.example") is not None
    with pytest.raises(Refused, match="has expired"):
        subscribing.move(product.at(NOW + timedelta(days=7, seconds=1)), secret)


def test_asking_to_move_tells_nobody_who_is_known(product):
    """No letter goes to an address that has a subscription or must not be mailed; who asks is told the same."""
    join(product)
    join(product, "bea@example.com")
    subscribing.stop_mailing(product, "never@example.com", actor="test")
    for address in ("bea@example.com", "never@example.com"):
        assert subscribing.ask_move(product, pref(product), address) is None
    with pytest.raises(Refused, match="already"):
        subscribing.ask_move(product, pref(product), ADA.upper())
    with pytest.raises(Refused, match="not an e-mail address"):
        subscribing.ask_move(product, pref(product), "ada@example.com\nBcc: x@y.example")


def test_a_link_cannot_be_used_to_send_letters_to_many_addresses(product, monkeypatch):
    monkeypatch.setitem(limiting.LIMITS, "move", Limit(per_address=3, per_network=3))
    join(product)
    for number in range(3):
        assert subscribing.ask_move(product, pref(product), f"other{number}@new.example") is not None
    with pytest.raises(TooMany):
        subscribing.ask_move(product, pref(product), "other4@new.example")
    assert subscribing.ask_move(product.at(NOW + timedelta(hours=1)), pref(product), NEW) is not None


def test_an_address_that_somebody_took_meanwhile_is_not_moved_to(product):
    join(product)
    letter = subscribing.ask_move(product, pref(product), NEW)
    assert letter is not None
    subscribing.send_move(product, letter)
    subscribing.add(product, NEW, consent=YES, actor="test")
    before = rows(product)
    with pytest.raises(Refused, match="subscription of its own"):
        subscribing.move(product, token(letters(product, "move-")[-1], "move"))
    assert rows(product) == before


# ------------------------------------------------------------ suppression


def test_an_address_is_taken_off_for_good_and_may_be_allowed_again(product):
    join(product)
    subscribing.stop_mailing(product, ADA, actor="test")
    assert state(product) is SubscriberState.UNSUBSCRIBED
    ask(product)
    assert len(letters(product, "confirm")) == 1, "nobody is asked"
    assert subscribing.allow_mailing(product, ADA, actor="test") == "manual"
    with pytest.raises(NotFound, match="not on the list"):
        subscribing.allow_mailing(product, ADA, actor="test")
    join(product)
    assert state(product) is SubscriberState.ACTIVE
    hold(product)


def test_a_spam_report_or_an_erasure_is_not_the_operator_s_to_undo(product):
    join(product)
    subscribing.erase(product, ADA, actor="test")
    with product.database.write() as connection:
        subscribers.suppress(connection, "eve@example.com", reason="complained", now=NOW)
    for address in (ADA, "eve@example.com"):
        with pytest.raises(Refused, match="Only that person"):
            subscribing.allow_mailing(product, address, actor="test")


@pytest.mark.parametrize("written", ["Bücher.Example", "@xn--bcher-kva.example", " bücher.example "])
def test_a_domain_is_suppressed_however_it_is_written(product, written):
    assert subscribing.stop_domain(product, written, note="", actor="test") == "bücher.example"
    ask(product, "ada@bücher.example")
    assert letters(product) == []
    subscribing.allow_domain(product, written, actor="test")
    with pytest.raises(NotFound):
        subscribing.allow_domain(product, written, actor="test")
    for wrong in ("", "@", "a b", "ada@example.com"):
        with pytest.raises(Refused):
            subscribing.stop_domain(product, wrong, note="", actor="test")


def returned(product: Product, addresses: list[str], *, weeks: int, of: int) -> None:
    """Mails of so many editions to these addresses came back, of so many mails in all."""
    with product.database.write() as connection:
        for back in range(weeks):
            at = Week.of(NOW - timedelta(weeks=back))
            words = {"subject": "", "preheader": "", "intro": ""}
            editions.keep_draft(connection, at, comparisons=(), left_over=0, now=NOW, **words)
            batch = connection.execute(
                sa.insert(schema.batch)
                .values(week=str(at), state="confirmed", recipients=of, content_hash="", attempt="a", attempts=1)
                .returning(schema.batch.c.id)
            ).scalar_one()
            row = {"week": str(at), "batch": batch, "updated_at": NOW - timedelta(weeks=back) + timedelta(hours=1)}
            for address in addresses:
                found = subscribers.find(connection, address)
                assert found is not None
                connection.execute(sa.insert(schema.delivery).values(subscriber=found.id, state="bounced", **row))
            for _ in range(of - len(addresses)):
                connection.execute(sa.insert(schema.delivery).values(state="delivered", **row))
        connection.execute(sa.update(schema.subscriber).values(confirmed_at=NOW - timedelta(days=100)))


def test_an_address_whose_mails_keep_coming_back_is_not_mailed_again(product):
    join(product)
    later = product.at(NOW + timedelta(hours=2))
    returned(product, [ADA], weeks=2, of=3)
    assert subscribing.strike_out(later) == 0, "two are not three"
    strict = replace(later, settings=product.settings.model_copy(update={"soft_bounces": 2}))
    assert subscribing.strike_out(strict) == 1
    assert state(product) is SubscriberState.BOUNCED
    with product.database.read() as connection:
        assert subscribers.suppressed(connection, ADA) == "bounced"
    assert subscribing.strike_out(strict) == 0


def test_returns_of_long_ago_do_not_count(product):
    join(product)
    returned(product, [ADA], weeks=3, of=3)
    assert subscribing.strike_out(product.at(NOW + timedelta(days=29))) == 0
    assert tidying.tidy(product.at(NOW + timedelta(hours=2)))["addresses whose mails come back"] == 1


def test_an_edition_that_came_back_as_a_whole_says_nothing_of_its_readers(product):
    addresses = enrol(product, 10)
    returned(product, addresses, weeks=3, of=100)
    assert subscribing.strike_out(product.at(NOW + timedelta(hours=2))) == 0


# ------------------------------------------------------------ growth


def test_growth_adds_up_from_week_to_week(product):
    for number, back in enumerate((0, 0, 7, 20, 200)):
        join(product.at(NOW - timedelta(days=back)), f"reader{number}@example.com")
    ask(product, "pending@example.com")
    person = subscriber(product, "reader2@example.com")
    assert person is not None
    subscribing.unsubscribe(product, Links(product).unsubscribe(person).rpartition("/")[2])
    found = growth.growth(product, weeks=4)
    assert [str(each.week) for each in found] == ["2026-W44", "2026-W45", "2026-W46", "2026-W47"]
    assert [each.active for each in found] == [2, 2, 3, 4]
    assert [each.joined for each in found] == [1, 0, 1, 2]
    assert (found[-1].pending, found[-1].lost) == (1, {"unsubscribed": 1, "erased": 0})
    for weeks in (0, 1000):
        with pytest.raises(UsageError, match="no number of weeks"):
            growth.growth(product, weeks=weeks)
