"""Repositories have an identity that no later one gets, and may have an address; credentials for it."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "s0002"
down_revision = "s0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    op.add_column("service_repositories", sa.Column("id", sa.String(length=32), nullable=True))
    op.add_column("service_repositories", sa.Column("url", sa.Text(), nullable=True))
    repositories = sa.table("service_repositories", sa.column("number", KEY), sa.column("id", sa.String()))
    connection = op.get_bind()
    for number in list(connection.execute(sa.select(repositories.c.number)).scalars()):
        named = repositories.update().where(repositories.c.number == number)
        connection.execute(named.values(id=secrets.token_hex(16)))
    op.create_index("service_repositories_by_id", "service_repositories", ["id"], unique=True)
    op.create_table(
        "service_credentials",
        sa.Column("repository", KEY, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("changed_at", KEY, nullable=False),
        sa.PrimaryKeyConstraint("repository"),
    )
