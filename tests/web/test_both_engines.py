"""Every page on SQLite and on PostgreSQL: the same answers."""

from __future__ import annotations

from app import correcting, limiting, voting
from app.limiting import Caller
from app.tokens import Purpose
from core.week import Week
from tests.web import shelf
from tests.web.samples import APPROVED, EVERY, VIEW
from web.application import create_app

PATHS = {
    "/": "SkillClaw",
    f"/compare/{VIEW.slug}": "SkillClaw",
    "/tools/skillclaw": "Compared with",
    "/lenses/skeptic": "Show me where it breaks.",
    "/categories/agents": VIEW.slug,
    "/editions": "2026-W47",
    "/editions/2026-W47": VIEW.slug,
    "/search?q=agents+skill": VIEW.slug,
    "/search?q=smo": VIEW.slug,
    "/methodology": "How we judge",
    "/corrections": "The note.",
    "/feed.atom": VIEW.slug,
    "/categories/agents/feed.atom": VIEW.slug,
    "/changes.atom": "<feed",
    "/sitemap.xml": VIEW.slug,
    "/llms.txt": VIEW.slug,
    "/badge/skillclaw.svg": "50 %",
    "/api/tools": "skillclaw",
    "/api/comparisons": VIEW.slug,
    "/api/editions": "2026-W47",
    "/metrics": "verdicts_votes",
}


def test_every_page_is_served_from_either_engine(server, client, product_on_both):
    product = product_on_both
    shelf.publish(product, *EVERY)
    shelf.publish(product, *EVERY)
    shelf.edition(product, Week(2026, 47), [VIEW.slug], subject="2026-W47")
    at = correcting.report(product, f"compare/{VIEW.slug}", claim="Wrong.", source_url="")
    correcting.settle(product, at, accept=True, note="The note.", email="noor@verdicts.example")
    server.stage.app = create_app(product)
    for path, expected in PATHS.items():
        response = client.get(path)
        assert response.status_code == 200, path
        assert expected in response.text, path
    assert client.get("/categories/agents?after=2027-01-01T00:00:00Z~99").status_code == 200


def test_votes_and_limits_work_on_either_engine(product_on_both):
    product = product_on_both
    shelf.publish(product, VIEW)
    shelf.edition(product, Week(2026, 47), [VIEW.slug], subject="x")
    for number in range(voting.BURST):
        link = shelf.link(product, Purpose.VOTE, shelf.reader(product, confirmed_at=APPROVED), VIEW.slug)
        token = link.removeprefix("/vote/")
        caller = Caller(address=f"192.0.2.{number}")
        limiting.use(product, "vote", caller)
        nonce = voting.ballot(product, token).nonce
        voting.vote(product, token, choice=VIEW.a.slug, nonce=nonce, caller=caller)
    assert shelf.tallied(product, VIEW.slug) == {}
    readers = voting.settle(product, VIEW.slug, count=True, email="noor@verdicts.example")
    assert len(readers) == voting.BURST
    assert shelf.tallied(product, VIEW.slug) == {VIEW.a.slug: voting.BURST}
