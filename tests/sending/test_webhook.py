"""The webhook over real HTTP: the product's web server, and the stand-in that posts to it."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
import uvicorn

from store import subscribers
from store.schema import event
from tests.sending.stage import states
from web.application import create_app

PATH = "/webhooks/sendgrid"


@pytest.fixture
def site(stage) -> Iterator[httpx.Client]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(stage.product), log_level="critical", lifespan="off", ws="none", access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=10) as client:
            yield client
        server.should_exit = True
        thread.join()


def signed(stage, body: bytes) -> dict[str, str]:
    return stage.provider.reporter._signed(body, stage.clock()).headers


def kept(stage) -> int:
    with stage.product.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(event)) or 0


def test_the_stand_in_posts_and_the_ledger_follows(stage, site):
    stage.send()
    stage.clock.move(minutes=31)
    stage.provider.webhook = f"{site.base_url}{PATH}"
    stage.provider.post_events()
    deadline = time.monotonic() + 5
    while states(stage.product.database) != {"delivered": 10} and time.monotonic() < deadline:
        time.sleep(0.02)
    assert states(stage.product.database) == {"delivered": 10}
    assert kept(stage) == 20


BODY = json.dumps([{"event": "bounce", "email": "reader1@example.org", "timestamp": 1_790_000_000}]).encode()


def test_it_is_kept_before_it_is_answered_and_nothing_is_said(stage, site):
    answer = site.post(PATH, content=BODY, headers=signed(stage, BODY))
    assert (answer.status_code, answer.content) == (204, b"")
    assert kept(stage) == 1
    assert site.post(PATH, content=BODY, headers=signed(stage, BODY)).status_code == 204
    assert kept(stage) == 1


def test_compressed_on_its_way_it_is_read_as_well(stage, site):
    headers = signed(stage, BODY) | {"Content-Encoding": "gzip"}
    assert site.post(PATH, content=gzip.compress(BODY), headers=headers).status_code == 204
    assert kept(stage) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X-Twilio-Email-Event-Webhook-Signature": "AAAA"}, 403),
        ({"X-Twilio-Email-Event-Webhook-Signature": "not base64"}, 403),
        ({"X-Twilio-Email-Event-Webhook-Timestamp": "1"}, 403),
        ({"X-Twilio-Email-Event-Webhook-Timestamp": "soon"}, 403),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "gzip"}, 400),
    ],
)
def test_what_is_not_the_provider_s_is_refused(stage, site, change, status):
    answer = site.post(PATH, content=BODY, headers=signed(stage, BODY) | change)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert kept(stage) == 0


def test_a_changed_byte_is_refused(stage, site):
    assert site.post(PATH, content=BODY + b" ", headers=signed(stage, BODY)).status_code == 403


def test_a_body_without_end_is_read_no_further_than_the_limit(stage, site):
    def endless() -> Iterator[bytes]:
        for _ in range(60):
            yield b" " * 100_000

    assert site.post(PATH, content=endless(), headers=signed(stage, BODY)).status_code == 413
    assert kept(stage) == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_a_post_is_taken(site, method):
    assert site.request(method, PATH).status_code == 405


def test_a_database_that_is_away_is_no_2xx(stage, site, monkeypatch):
    from core.errors import DatabaseNotReady  # noqa: PLC0415

    def away(*_: object, **__: object) -> None:
        raise DatabaseNotReady("The database cannot be used.")

    monkeypatch.setattr("store.events.keep", away)
    assert site.post(PATH, content=BODY, headers=signed(stage, BODY)).status_code == 503
    monkeypatch.undo()
    assert site.post(PATH, content=BODY, headers=signed(stage, BODY)).status_code == 204
    with stage.product.database.read() as connection:
        assert subscribers.find(connection, "reader1@example.org") is not None
