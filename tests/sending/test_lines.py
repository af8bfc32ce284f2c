"""Several lines in one process, several processes, and who leaves while they work."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app import crew, sending
from app.settings import MailKind
from core.delivery import without_addresses
from core.edition import EditionState
from core.errors import Refused
from store import subscribers
from store.connect import Database
from store.schema import attempt, batch
from tests.digest.servers import MailServer
from tests.sending.stage import WEEK, mailed, readers, states, to_sendgrid


def change(stage, **settings):
    object.__setattr__(stage.product, "settings", stage.product.settings.model_copy(update=settings))


def on_lines(stage, monkeypatch, lines: int):
    """Send over so many lines, each with a transport of its own."""
    opened = []

    def another(_):
        opened.append(to_sendgrid(stage.provider.url, size=2, clock=stage.clock))
        return closing(opened[-1])

    change(stage, send_lines=lines)
    monkeypatch.setattr(sending, "opened_transport", another)
    done = sending.send(stage.product, WEEK, actor="test", sleep=stage.clock.sleep)
    return done, len(opened)


def test_requests_are_under_way_side_by_side(stage, monkeypatch):
    together = threading.Barrier(3, timeout=5)
    left = [3]

    def wait_for_each_other(point: str) -> None:
        if point == "before" and left[0] > 0:
            left[0] -= 1
            together.wait()  # breaks, and the answers fail, unless three requests are here at one time

    stage.provider.at = wait_for_each_other
    done, opened = on_lines(stage, monkeypatch, 3)
    assert (done.state, done.sent, opened) == (EditionState.SENT, 10, 3)
    stage.clock.move(hours=1)
    assert Counter(mailed(stage.provider)) == Counter(readers(10))


def test_there_are_never_more_lines_than_the_fence_allows(stage, monkeypatch):
    done, opened = on_lines(stage, monkeypatch, 20)
    assert (done.sent, opened) == (10, 8)


def test_what_is_wrong_on_one_line_ends_them_all(stage, monkeypatch):
    with stage.product.database.write() as connection:
        connection.execute(sa.text("UPDATE edition SET html = 'another'"))
    with pytest.raises(Refused, match="not what was approved"):
        on_lines(stage, monkeypatch, 3)
    assert stage.provider.requests == []


def test_who_is_erased_while_a_batch_is_claimed_is_counted_as_what_they_got(stage, monkeypatch):
    """Between the claim and the reading of its recipients there is no moment in which a reader could go."""
    real, erased = Database.write, []

    @contextmanager
    def write(self):
        with real(self) as connection:
            yield connection
        with self.read() as connection:
            claimed = connection.scalar(sa.select(batch.c.id).where(batch.c.state == "claimed"))
        if claimed and not erased:
            erased.append("reader1@example.org")
            with real(self) as connection:
                subscribers.erase(connection, subscribers.find(connection, erased[0]), now=stage.clock())

    monkeypatch.setattr(Database, "write", write)
    stage.send()
    stage.clock.move(hours=1)
    assert erased
    assert states(stage.product.database) == {"accepted": len(mailed(stage.provider))}


def test_what_a_provider_says_is_kept_without_the_addresses_it_quotes(stage, monkeypatch):
    server = MailServer()
    server.replies["MAIL"] = "550 <reader1@example.org> is unknown, ask Post.Master@example.org"
    change(stage, mail=MailKind.SMTP, smtp_url=SecretStr(server.url))
    try:
        with closing(sending.open_transport("smtp", smtp_url=server.url)) as relay:
            sending.send(stage.product, WEEK, actor="test", transport=relay, sleep=stage.clock.sleep)
    finally:
        server.close()
    with stage.product.database.read() as connection:
        kept = [*connection.scalars(sa.select(batch.c.answer)), *connection.scalars(sa.select(attempt.c.answer))]
        kept.append(sending.status(stage.product, WEEK).paused_because)
    assert "550 <(address)> is unknown, ask (address)" in kept
    assert not any("@" in each for each in kept if each)


def test_words_without_addresses_stay_as_they_are():
    assert without_addresses("250 2.0.0 OK: queued as 4X @ 9") == "250 2.0.0 OK: queued as 4X @ 9"


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_share_an_edition_and_mail_nobody_twice(stage, processes):
    server = MailServer()
    change(stage, mail=MailKind.SMTP, smtp_url=SecretStr(server.url), send_lines=2)
    object.__setattr__(stage.product, "clock", type(stage.product).clock)  # helpers live in real time
    try:
        done = crew.send(stage.product, WEEK, actor="test", processes=processes, told=None, stopping=lambda: False)
        assert (done.state, done.sent) == (EditionState.SENT, 10)
        assert Counter(to for _, to, _ in server.mails) == Counter(readers(10))
    finally:
        server.close()
