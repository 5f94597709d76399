"""People with passwords or an OpenID provider; tokens know repositories by identity; sessions can be listed and ended."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "s0006"
down_revision = "s0005"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    _users()
    op.add_column("service_tokens", sa.Column("repository_ids", sa.Text(), nullable=True))
    op.add_column("service_tokens", sa.Column("person", KEY, nullable=True))
    op.create_index("service_tokens_by_person", "service_tokens", ["person"], unique=False)
    _names_to_ids()
    for name, kind, default in (
        ("id", sa.String(length=16), ""),
        ("person", KEY, "0"),
        ("created_at", KEY, "0"),
        ("seen_at", KEY, "0"),
        ("address", sa.String(length=64), ""),
        ("agent", sa.String(length=200), ""),
    ):
        op.add_column("service_sessions", sa.Column(name, kind, server_default=default, nullable=False))
    op.create_index("service_sessions_by_person", "service_sessions", ["person"], unique=False)


def _users() -> None:
    op.create_table(
        "service_users",
        sa.Column("number", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("repository_ids", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("issuer", sa.String(length=500), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", KEY, nullable=False),
        sa.Column("disabled_at", KEY, nullable=True),
        sa.Column("removed_at", KEY, nullable=True),
        sa.Column("last_sign_in_at", KEY, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("issuer", "subject", name="service_users_by_subject"),
    )


def _names_to_ids() -> None:
    """Tokens that were for names are for the repositories that have these names now."""
    connection = op.get_bind()
    repositories = sa.table("service_repositories", sa.column("name", sa.String()), sa.column("id", sa.String()))
    tokens = sa.table(
        "service_tokens",
        sa.column("number", KEY),
        sa.column("repositories", sa.Text()),
        sa.column("repository_ids", sa.Text()),
    )
    ids = {"*": "*"} | {row.name: row.id for row in connection.execute(sa.select(repositories))}
    for row in connection.execute(sa.select(tokens.c.number, tokens.c.repositories)).all():
        mine = [ids[name] for name in json.loads(row.repositories) if name in ids]
        changed = tokens.update().where(tokens.c.number == row.number)
        connection.execute(changed.values(repository_ids=json.dumps(mine)))
