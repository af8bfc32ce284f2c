"""Alembic's entry: runs the chain on the connection that `store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from store.schema import described

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=described(),
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
