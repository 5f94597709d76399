"""The tables of a new SQLite database, as all migrations together make them; `tests/store/test_new_database.py` compares the two.

A new database needs no migration machinery, whose import alone takes longer than a small run. Tables of small rows are without
rowid, which only SQLite has words for.
"""

from __future__ import annotations

from gitalign.store.schema import HEAD_REVISION

NEW_DATABASE = (
    """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)""",
    """CREATE TABLE repositories (
    number INTEGER NOT NULL,
    id VARCHAR(64) NOT NULL,
    place TEXT DEFAULT '' NOT NULL,
    token INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id)
)""",
    """CREATE TABLE runs (
    number INTEGER NOT NULL,
    repository INTEGER NOT NULL,
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
    token INTEGER DEFAULT '0' NOT NULL,
    is_held BOOLEAN DEFAULT false NOT NULL,
    anchor TEXT,
    moved INTEGER DEFAULT '0' NOT NULL,
    undone INTEGER DEFAULT '0' NOT NULL,
    pushed INTEGER DEFAULT '0' NOT NULL,
    stood INTEGER DEFAULT '0' NOT NULL,
    unknown INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT runs_by_id UNIQUE (repository, id)
)""",
    """CREATE INDEX runs_by_end ON runs (repository, finished_at)""",
    """CREATE INDEX runs_by_number ON runs (repository, number)""",
    """CREATE INDEX runs_by_state ON runs (repository, state, number)""",
    """CREATE INDEX runs_that_stand ON runs (repository, number) WHERE (moved > undone OR stood > 0)""",
    """CREATE INDEX runs_unsettled ON runs (repository, number) WHERE unknown > 0""",
    """CREATE TABLE plans (
    run INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run)
)""",
    """CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID""",
    """CREATE TABLE results (
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome VARCHAR(24) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, step)
)""",
    """CREATE INDEX results_by_branch ON results (repository, branch, outcome, run)""",
    """CREATE TABLE resolved (
    repository INTEGER NOT NULL,
    "conflict" VARCHAR(64) NOT NULL,
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (repository, "conflict", run, step)
)
 WITHOUT ROWID""",
    """CREATE INDEX resolved_by_run ON resolved (run, step)""",
    """CREATE TABLE publications (
    run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    push VARCHAR(16) NOT NULL,
    before_oid VARCHAR(64) NOT NULL,
    after_oid VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, position)
)""",
    """CREATE UNIQUE INDEX publications_by_ref ON publications (repository, ref, run)""",
    """CREATE INDEX publications_by_state ON publications (run, state, push)""",
    """CREATE TABLE claims (
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    run INTEGER NOT NULL,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (repository, ref)
)
 WITHOUT ROWID""",
    """CREATE INDEX claims_by_run ON claims (run)""",
    """CREATE TABLE verdicts (
    repository INTEGER NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY (repository, "key")
)""",
    """CREATE INDEX verdicts_by_age ON verdicts (repository, at)""",
    """CREATE TABLE sessions (
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY (repository, ref)
)""",
    f"INSERT INTO alembic_version VALUES ('{HEAD_REVISION}')",
)
"""Statements, in order."""
