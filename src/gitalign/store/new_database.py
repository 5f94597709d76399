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
    """CREATE TABLE path_claims (
    repository INTEGER NOT NULL,
    id VARCHAR(40) NOT NULL,
    holder TEXT NOT NULL,
    patterns TEXT NOT NULL,
    note TEXT NOT NULL,
    made_at DATETIME NOT NULL,
    until DATETIME NOT NULL,
    PRIMARY KEY (repository, id)
)""",
    """CREATE TABLE projects (
    number INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id VARCHAR(36) NOT NULL,
    name TEXT NOT NULL,
    local_path TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    writes INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT projects_by_id UNIQUE (repository, id)
)""",
    """CREATE TABLE project_metadata (
    project INTEGER NOT NULL,
    "key" VARCHAR(100) NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (project, "key")
)""",
    """CREATE TABLE batch_runs (
    number INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id VARCHAR(40) NOT NULL,
    project INTEGER NOT NULL,
    target TEXT NOT NULL,
    plan_digest VARCHAR(64) NOT NULL,
    status VARCHAR(16) NOT NULL,
    execution_mode VARCHAR(24) NOT NULL,
    created_at DATETIME NOT NULL,
    started_at DATETIME,
    finished_at DATETIME,
    current_batch INTEGER,
    completed_batches INTEGER NOT NULL,
    batches_total INTEGER NOT NULL,
    completed_tasks INTEGER NOT NULL,
    tasks_total INTEGER NOT NULL,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL,
    request VARCHAR(16) DEFAULT '' NOT NULL,
    body TEXT NOT NULL,
    "plan" TEXT NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT batch_runs_by_id UNIQUE (repository, id)
)""",
    """CREATE INDEX batch_runs_by_number ON batch_runs (repository, number)""",
    """CREATE INDEX batch_runs_by_plan ON batch_runs (repository, plan_digest, number)""",
    """CREATE INDEX batch_runs_by_project ON batch_runs (project, number)""",
    """CREATE TABLE batch_tasks (
    batch_run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    batch_number INTEGER NOT NULL,
    status VARCHAR(16) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (batch_run, position)
)""",
    """CREATE TABLE batch_events (
    batch_run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (batch_run, seq)
)""",
    """CREATE TABLE parallel_batches (
    number INTEGER NOT NULL,
    project INTEGER NOT NULL,
    batch_run INTEGER NOT NULL,
    batch_number INTEGER NOT NULL,
    status VARCHAR(16) NOT NULL,
    task_ids TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    started_at DATETIME,
    completed_at DATETIME,
    body TEXT NOT NULL,
    PRIMARY KEY (number)
)""",
    """CREATE UNIQUE INDEX parallel_batches_by_run ON parallel_batches (batch_run, project, batch_number)""",
    """CREATE INDEX parallel_batches_by_project ON parallel_batches (project, batch_run)""",
    """CREATE TABLE worktrees (
    number INTEGER NOT NULL,
    project INTEGER NOT NULL,
    batch_run INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    branch_name TEXT NOT NULL,
    worktree_path TEXT NOT NULL,
    status VARCHAR(16) NOT NULL,
    merge_commit VARCHAR(64),
    created_at DATETIME NOT NULL,
    merged_at DATETIME,
    PRIMARY KEY (number)
)""",
    """CREATE UNIQUE INDEX worktrees_by_task ON worktrees (batch_run, task_id)""",
    """CREATE INDEX worktrees_by_project ON worktrees (project)""",
    """CREATE TABLE batch_worktrees (
    batch INTEGER NOT NULL,
    worktree INTEGER NOT NULL,
    PRIMARY KEY (batch, worktree)
)""",
    """CREATE INDEX batch_worktrees_by_worktree ON batch_worktrees (worktree)""",
    f"INSERT INTO alembic_version VALUES ('{HEAD_REVISION}')",
)
"""Statements, in order."""
