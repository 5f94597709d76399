"""The tables of a new database in SQL, as all migrations together make them; `tests/store/test_new_database.py` compares the two.

A new database needs no migration machinery, whose import alone takes longer than a small run.
"""

from __future__ import annotations

from gitalign.store.schema import HEAD_REVISION

NEW_DATABASE = (
    """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)""",
    """CREATE TABLE runs (
    number INTEGER NOT NULL,
    id VARCHAR(40) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    started_at DATETIME NOT NULL,
    finished_at DATETIME,
    outcome VARCHAR(24) NOT NULL,
    plan_id VARCHAR(64) NOT NULL,
    total INTEGER NOT NULL,
    undoes VARCHAR(40),
    undone_by VARCHAR(40),
    owner TEXT NOT NULL,
    "plan" TEXT NOT NULL,
    anchor TEXT,
    PRIMARY KEY (number),
    UNIQUE (id)
)""",
    """CREATE TABLE events (
    run_id VARCHAR(40) NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
)""",
    """CREATE TABLE results (
    run_id VARCHAR(40) NOT NULL,
    step_id INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, step_id)
)""",
    """CREATE TABLE publications (
    run_id VARCHAR(40) NOT NULL,
    ref TEXT NOT NULL,
    position INTEGER NOT NULL,
    state VARCHAR(16) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, ref)
)""",
    """CREATE INDEX publications_by_state ON publications (run_id, state)""",
    """CREATE TABLE claims (
    ref TEXT NOT NULL,
    run_id VARCHAR(40) NOT NULL,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (ref)
)""",
    """CREATE INDEX ix_claims_run_id ON claims (run_id)""",
    """CREATE TABLE counters (
    name VARCHAR(32) NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (name)
)""",
    """CREATE TABLE verdicts (
    "key" VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY ("key")
)""",
    """CREATE TABLE sessions (
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY (ref)
)""",
    f"INSERT INTO alembic_version VALUES ('{HEAD_REVISION}')",
)
"""Statements, in order."""
