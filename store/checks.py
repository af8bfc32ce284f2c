"""Every invariant is a query that must return no row. Run by `verdicts check`, and by the tests after each scenario."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

INVARIANTS: dict[str, str] = {
    "a seat says submitted exactly when a verdict counts": """
        SELECT seat.id, seat.state FROM seat
        LEFT JOIN verdict ON verdict.seat = seat.id AND verdict.state = 'submitted'
        WHERE (seat.state = 'submitted') <> (verdict.id IS NOT NULL)
    """,
    "a seat knows how many verdicts its panel has": """
        SELECT seat.id, seat.panel_submitted FROM seat
        WHERE seat.panel_submitted <> (
          SELECT count(*) FROM verdict JOIN seat AS other ON other.id = verdict.seat
          WHERE other.tool = seat.tool AND verdict.state = 'submitted')
    """,
    "a seat has its tool's priority": """
        SELECT seat.id FROM seat JOIN tool ON tool.id = seat.tool WHERE seat.priority <> tool.priority
    """,
    "a seat knows whether its tool waits": """
        SELECT seat.id FROM seat JOIN tool ON tool.id = seat.tool
        WHERE seat.waiting <> (tool.status IN ('queued', 'in_review'))
    """,
    "a tool of the queue has a seat for every active lens": """
        SELECT tool.slug, lens.key FROM tool CROSS JOIN lens
        LEFT JOIN seat ON seat.tool = tool.id AND seat.lens = lens.key
        WHERE tool.status IN ('queued', 'in_review') AND lens.active AND seat.id IS NULL
    """,
    "a tool that is queued has no verdict, one in review has some": """
        SELECT tool.slug, tool.status FROM tool
        WHERE tool.status IN ('queued', 'in_review') AND (tool.status = 'in_review') <> EXISTS (
          SELECT 1 FROM verdict JOIN seat ON seat.id = verdict.seat
          WHERE seat.tool = tool.id AND verdict.state = 'submitted')
    """,
    "a tool's present slug leads to it": """
        SELECT tool.slug FROM tool LEFT JOIN tool_slug ON tool_slug.slug = tool.slug AND tool_slug.tool = tool.id
        WHERE tool_slug.slug IS NULL
    """,
    "a tool has a sighting, unless it was merged into another": """
        SELECT tool.slug FROM tool WHERE tool.status <> 'merged'
        AND NOT EXISTS (SELECT 1 FROM sighting WHERE sighting.tool = tool.id)
    """,
    "a merge leads to a tool that is not merged itself": """
        SELECT loser.slug FROM tool AS loser JOIN tool AS winner ON winner.id = loser.merged_into
        WHERE winner.status = 'merged'
    """,
    "nothing belongs to a merged tool": """
        SELECT tool.slug FROM tool WHERE tool.status = 'merged' AND (
          EXISTS (SELECT 1 FROM sighting WHERE sighting.tool = tool.id)
          OR EXISTS (SELECT 1 FROM identifier WHERE identifier.tool = tool.id))
    """,
    "an approved comparison stands at its approved version": """
        SELECT slug FROM comparison WHERE state = 'approved' AND approved_version <> version
    """,
    "an edition that went out holds published comparisons at the version it was approved with": """
        SELECT edition.week, comparison.slug FROM edition
        JOIN edition_comparison ON edition_comparison.week = edition.week
        JOIN comparison ON comparison.id = edition_comparison.comparison
        WHERE edition.state <> 'draft' AND (comparison.state NOT IN ('published', 'retired')
          OR comparison.approved_version < edition_comparison.comparison_version)
    """,
    "a comparison in sight is of two tools that stand": """
        SELECT comparison.slug, tool.slug FROM comparison JOIN tool ON tool.id IN (comparison.low, comparison.high)
        WHERE comparison.state IN ('approved', 'published') AND tool.status IN ('merged', 'rejected')
    """,
    "a frozen edition keeps its addresses": """
        SELECT edition.week, edition_comparison.position FROM edition
        JOIN edition_comparison ON edition_comparison.week = edition.week
        WHERE (edition.state = 'draft') <> (edition_comparison.slug IS NULL)
    """,
    "a published comparison stands in an edition": """
        SELECT slug FROM comparison WHERE state = 'published'
        AND NOT EXISTS (SELECT 1 FROM edition_comparison WHERE comparison = comparison.id)
    """,
    "a draft or approved edition has no batch": """
        SELECT edition.week FROM edition JOIN batch ON batch.week = edition.week
        WHERE edition.state IN ('draft', 'approved')
    """,
    "an edition that is sent has nothing open": """
        SELECT edition.week, delivery.id FROM edition JOIN delivery ON delivery.week = edition.week
        WHERE edition.state = 'sent' AND delivery.state IN ('pending', 'in_batch', 'uncertain')
    """,
    "a delivery agrees with its batch": """
        SELECT delivery.id, delivery.state, batch.state FROM delivery JOIN batch ON batch.id = delivery.batch
        WHERE (delivery.state = 'in_batch') AND batch.state NOT IN ('pending', 'claimed', 'sending')
           OR (delivery.state = 'uncertain') AND batch.state <> 'uncertain'
           OR (delivery.state = 'accepted') AND batch.state NOT IN ('sent', 'uncertain', 'confirmed') AND NOT EXISTS (
              SELECT 1 FROM event WHERE event.delivery = delivery.id)
    """,
    "an uncertain batch has an uncertain delivery": """
        SELECT batch.id FROM batch WHERE batch.state = 'uncertain' AND NOT EXISTS (
          SELECT 1 FROM delivery WHERE delivery.batch = batch.id AND delivery.state = 'uncertain')
    """,
    "an attempt is open exactly while its batch is being sent": """
        SELECT batch.id, attempt.id FROM batch LEFT JOIN attempt ON attempt.id = batch.attempt
        WHERE (batch.state = 'sending') <> (attempt.id IS NOT NULL AND attempt.outcome IS NULL)
    """,
    "a mail that was taken had an attempt": """
        SELECT delivery.id FROM delivery JOIN batch ON batch.id = delivery.batch
        WHERE delivery.state = 'accepted' AND batch.attempts = 0
    """,
    "a cancelled edition is paused": """
        SELECT week FROM edition WHERE cancelled_at IS NOT NULL AND state <> 'paused'
    """,
    "a delivery and its batch belong to one variant of one edition": """
        SELECT delivery.id FROM delivery JOIN batch ON batch.id = delivery.batch
        WHERE batch.week <> delivery.week OR batch.variant <> delivery.variant
    """,
    "a batch carries the content that was approved": """
        SELECT batch.id FROM batch JOIN edition ON edition.week = batch.week
        LEFT JOIN edition_variant ON edition_variant.week = batch.week AND edition_variant.number = batch.variant
        WHERE batch.content_hash <>
          CASE WHEN batch.variant = 0 THEN edition.content_hash ELSE COALESCE(edition_variant.content_hash, '') END
    """,
    "the best of a month serves no taste": """
        SELECT edition_taste.week, edition_taste.taste FROM edition_taste
        JOIN edition_variant ON edition_variant.week = edition_taste.week
          AND edition_variant.number = edition_taste.variant
        WHERE edition_variant.best_of IS NOT NULL
    """,
    "a vote chooses one of the two": """
        SELECT vote.comparison, vote.choice FROM vote JOIN comparison ON comparison.id = vote.comparison
        WHERE vote.choice NOT IN (comparison.low, comparison.high)
    """,
    "an active subscriber has agreed": """
        SELECT subscriber.id FROM subscriber WHERE subscriber.state = 'active' AND NOT EXISTS (
          SELECT 1 FROM consent WHERE consent.subscriber = subscriber.id AND consent.kind IN ('confirmed', 'imported')
          AND NOT EXISTS (SELECT 1 FROM consent AS later WHERE later.subscriber = subscriber.id
            AND later.kind = 'withdrawn' AND later.id > consent.id))
    """,
}


def violations(connection: Connection, *, limit: int = 20) -> list[dict[str, Any]]:
    """What is broken: the rule in words and the first rows that break it. Empty when all is well."""
    found: list[dict[str, Any]] = []
    for rule, query in INVARIANTS.items():
        rows = [list(row) for row in connection.execute(sa.text(query)).fetchmany(limit)]
        if rows:
            found.append({"rule": rule, "rows": rows})
    return found
