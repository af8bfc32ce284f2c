"""The keys of names: every sighting that is stored has them, also those from before there were any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.names import keys_of
from store import migrate, schema, tools
from tests.conftest import NOW
from tests.store.test_migrations import _empty, _to


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_sightings_from_before_get_their_keys_and_lose_schemes_that_are_no_more(
    request: pytest.FixtureRequest, dialect: str, tmp_path: Path
) -> None:
    database = _empty(request, dialect, tmp_path)
    _to(database, "0004")
    content = {"identifiers": [{"scheme": "pypi", "value": "foo"}, {"scheme": "url", "value": "foo.example"}]}
    old = {"at": NOW.isoformat(sep=" "), "content": json.dumps(content)}
    with database.write() as connection:
        for statement in (
            "INSERT INTO source (key, kind, url, schedule, enabled, state, cursor) VALUES ('s', 'feed', '', '', true, 'on', '{}')",
            (
                "INSERT INTO tool (id, slug, name, tagline, description, category, tags, edited, status, priority,"
                " priority_reasons, queue_reason, first_seen) VALUES (1, 'foo', 'Foo', '', '', '', '[]', '[]', 'kept', 0, '[]', '', :at)"
            ),
            (
                "INSERT INTO sighting (source, external_id, tool, first_tool, url, name, content, content_hash, first_seen,"
                " last_seen) VALUES ('s', '1', 1, 1, '', 'Show HN: Foo-7B – an agent', :content, '2:0', :at, :at)"
            ),
            "INSERT INTO identifier (scheme, value, tool) VALUES ('pypi', 'foo', 1), ('url', 'foo.example', 1)",
        ):
            connection.execute(sa.text(statement), old)
    migrate.upgrade(database)
    with database.read() as connection:
        row = connection.execute(sa.select(schema.sighting)).one()
        assert (row.name_key, row.family_key) == keys_of(row.name) == ("foo7b", "foo")
        assert row.content["identifiers"] == [{"scheme": "url", "value": "foo.example"}]
        assert [str(each) for each in tools.identifiers_of(connection, [1])[1]] == ["url:foo.example"]
    database.close()
