"""Mail programs and filters follow every link of a mail, again and again: of a mail as it is sent, no link changes
anything. `CRAWLS=1000` follows each that often."""

from __future__ import annotations

import email
import email.policy
import os
import re
from html import unescape
from urllib.parse import urlsplit

from app import sending
from app.lenses import load_standard_lenses
from tests.app.making import WEEK, enrol, publish, rows
from tests.conftest import NOW
from tests.web.conftest import BASE_URL
from web.application import create_app

CRAWLS = int(os.environ.get("CRAWLS", "5"))


def links_of(raw: bytes) -> set[str]:
    """Every address of ours in a mail: of its headers, its text, and its HTML."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    text = "\n".join([*map(str, mail.values()), *(unescape(part.get_content()) for part in parts if part)])
    return set(re.findall(rf'{re.escape(BASE_URL)}/[^\s"<>]*', text))


def test_no_link_of_a_sent_mail_changes_anything_however_often_it_is_followed(server, client, fresh):
    product = fresh.at(NOW)
    load_standard_lenses(product)
    publish(product)
    enrol(product, 2)
    sending.send(product, WEEK, actor="test")
    server.stage.app = create_app(product)
    mails = sorted(product.settings.outbox_folder.glob("*.eml"))
    links = {urlsplit(link).path for path in mails for link in links_of(path.read_bytes())}
    kinds = {path.split("/")[1] for path in links}
    assert kinds >= {"", "unsubscribe", "preferences", "vote", "compare", "editions", "methodology"}
    before = rows(product)
    for path in sorted(links):
        answers = {client.request(method, path).status_code for method in ("GET", "HEAD") for _ in range(CRAWLS)}
        assert answers == {200}, path
    assert rows(product) == before
    assert sorted(product.settings.outbox_folder.glob("*.eml")) == mails
