"""SMTP with its commands in one journey: the same outcomes as one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from core.delivery import AnswerKind, Mail, Outgoing, Recipient
from digest.transports.smtp import Smtp
from tests.digest.servers import MailServer

PIPELINING = "250-here\r\n250-PIPELINING\r\n250 SIZE 33554432"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(params=[True, False], ids=["pipelined", "asked"])
def server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    running = MailServer()
    if request.param:
        running.replies["EHLO"] = PIPELINING
    yield running
    running.close()


def send(server: MailServer, *numbers: int) -> object:
    mail = Mail(sender="we@verdicts.example", subject="s", html="<p>hi</p>", text="hi")
    people = tuple(Recipient(delivery=each, address=f"r{each}@example.org") for each in numbers)
    with closing(Smtp(server.url, timeout=2)) as relay:
        return relay.send(Outgoing(batch=1, week="2026-W47", mail=mail, recipients=people), relay.open_attempt(NOW))


def test_everybody_gets_theirs_over_one_connection(server):
    assert send(server, 1, 2, 3).kind is AnswerKind.ACCEPTED
    assert [to for _, to, _ in server.mails] == [f"r{each}@example.org" for each in (1, 2, 3)]
    assert server.connections == 1


@pytest.mark.parametrize(("reply", "where"), [("550 nobody here", "refused"), ("451 later", "later")])
def test_a_recipient_that_is_refused_never_takes_its_neighbours_along(server, reply, where):
    server.replies["RCPT", "r2@example.org"] = reply
    answer = send(server, 1, 2, 3)
    assert set(getattr(answer, where)) == {2}
    assert [to for _, to, _ in server.mails] == ["r1@example.org", "r3@example.org"]


def test_a_server_that_hangs_up_in_the_middle_has_taken_nothing_of_that_mail(server):
    server.drop = ["rcpt"]
    assert send(server, 1, 2).kind is AnswerKind.ACCEPTED
    assert [to for _, to, _ in server.mails] == ["r1@example.org", "r2@example.org"]


def test_a_sender_that_is_refused_stops_the_edition(server):
    server.replies["MAIL"] = "550 not from you"
    assert send(server, 1, 2).kind is AnswerKind.UNAUTHORISED
    assert server.mails == []
