"""Alembic's environment: runs revisions on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from gitalign.store.service.schema import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
