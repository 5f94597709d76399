"""Published schemas: current, and true of what the program really writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest

from gitalign.cli.lazy_group import VERBS, verb_named, verbs_of
from gitalign.core.conflict_groups import MergeCulprit
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import Oid
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.core.shared_conflicts import Piece
from gitalign.documents import resolution_origins, sessions
from gitalign.documents.conflict_pieces import dump_merge_culprit, dump_piece, load_merge_culprit, load_piece
from gitalign.documents.formats import FORMATS, stamped
from gitalign.documents.schemas import OF_BATCHES, SHIPPED, texts
from gitalign.errors import UserError
from gitalign.service.credentials import KEYS_VARIABLE, new_key
from gitalign.worktrees.resolution_course import Course
from tests import warm
from tests.documents.strict import validate
from tests.git.workspace import Workspace

PUBLISHED = Path(__file__).parents[2] / "docs/schemas"
LINES = b"".join(b"line %d\n" % number for number in range(12))
SETTINGS = """
alignment: {summaries: true}
validation: {critical_files: [{path: list}]}
rules: {packs: [python]}
"""
STEPS = (
    ("", "status"),
    ("plan", "plan"),
    ("run --dry-run", "plan"),
    ("categorize --no-clusters", "branch-list"),
    ("categorize --format detailed --no-clusters", "categories"),
    ("categorize --format clustered --no-clusters", "clusters"),
    ("forecast --pairs --furthest --html forecast.html", "forecast"),
    ("order", "execution-plan"),
    ("conflicts clash", "conflicts"),
    ("rules check", "house-rules"),
    ("rules explain", "rule-packs"),
    ("resolve clash", "resolution"),
    ("resolve", "resolutions-under-way"),
    ("resolve clash --abort", "closed-resolution"),
    ("run --yes --partial", "report"),
    ("run --yes --output results.json", "report"),  # from the caches
    ("runs", "runs"),
    ("show", "report"),
    ("show last clash", "branch-report"),
    ("report", "report"),
    ("report --format json", "report"),
    ("verify {run}", "proofs"),
    ("undo {run} --dry-run", "moves"),
    ("restore clean --dry-run", "moves"),
    ("undo {run} --yes", "report"),
    ("push --dry-run", "error"),  # no remote
    ("resume", "reports"),
    ("prune --dry-run", "pruned"),
    ("prune --merged --dry-run", "merged-branches"),
    ("resolutions learn", "learned-resolutions"),
    ("resolutions list", "known-resolutions"),
    ("resolutions show {conflict}", "known-resolutions"),
    ("resolutions export r.tar", "exported-resolutions"),
    ("resolutions forget {conflict}", "forgotten-resolutions"),
    ("resolutions import r.tar", "imported-resolutions"),
    ("doctor", "checks"),
    ("init --dry-run", "initial"),
    ("demo --dir shop --branches 20", "demo"),
    ("show nosuch", "error"),
    ("framework install", "framework"),
    ("framework rollback", "framework"),
    ("framework install --mode full", "framework"),
    ("framework uninstall conflict_detector", "framework"),
    ("framework status", "framework"),
    ("framework merge-to-branch clean --dry-run", "framework-additions"),
    ("paths who other", "path-touches"),
    ("paths claim src --as me", "path-claims"),
    ("paths claims", "path-claims"),
    ("paths release --as me", "path-claims"),
    ("batch plan tasks.yaml", "batch-plan"),
    ("batch run tasks.yaml --yes --confinement none", "batch-run"),
    ("batch status", "batch-run"),
    ("batch events", "batch-events"),
    ("batch list", "batch-runs"),
    ("batch logs last a", "batch-log"),
    ("batch report", "batch-report"),
    ("batch resume last", "batch-run"),
    ("batch land last", "batch-run"),
    ("batch retry last --yes", "error"),  # nothing has failed
    ("batch prune --dry-run", "batch-trees"),
    ("batch undo last --dry-run", "batch-landings"),
    ("batch pause", "error"),  # no process runs it
    ("batch stop", "error"),
    ("batch cancel", "error"),
    ("repo add here .", "repositories"),
    ("repo list", "repositories"),
    ("repo credential here --forget", "error"),  # it has none
    ("schedule add here run hourly", "error"),  # not an expression of cron
    ("schedule list here", "schedules"),
    ("schedule remove here nosuch", "error"),
    ("webhook add here https://example.org/hook", "webhooks"),
    ("webhook list here", "webhooks"),
    ("webhook deliveries here nosuch", "error"),
    ("webhook remove here nosuch", "error"),
    ("repo fetch here", "job"),
    ("repo remove here --yes", "repositories"),
    ("user add ada --no-password", "users"),
    ("user list", "users"),
    ("user disable ada", "users"),
    ("user enable ada", "users"),
    ("user role ada lander", "users"),
    ("user password ada", "error"),  # no one can be asked
    ("user remove ada --yes", "users"),
    ("token create ada --role lander", "tokens"),
    ("token list", "tokens"),
    ("token revoke nosuch", "error"),
    ("audit verify", "audit-check"),
    ("db check", "service-database"),
    ("db upgrade", "service-database"),
    ("db backup service.backup", "service-database"),
    ("db restore service.backup", "error"),
)
"""Every verb in turn on one repository, and the document that it says."""


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES, "other": LINES})
    for name, line in (("old", 3), ("clash", 5)):
        work.switch(name, "main")
        work.commit(name, {"list": LINES.replace(b"line %d\n" % line, b"theirs\n")})
    work.switch("twin", "main")
    work.commit("twin", {"list": LINES.replace(b"line 5\n", b"theirs\n"), "twin": b"1\n"})
    for name in ("clean", "rival"):
        work.switch(name, "main")
        work.commit(f"feat: {name}", {"own.py": b"x = %d\n" % ord(name[0])})
    work.switch("main")
    work.commit("one", {"other": LINES + b"more\n"})
    work.commit("two", {"list": LINES.replace(b"line 3\n", b"three\n").replace(b"line 5\n", b"five\n")})
    work.git("merge", "-q", "old", check=False)
    (work.path / "list").write_bytes(LINES.replace(b"line 3\n", b"both\n").replace(b"line 5\n", b"five\n"))
    work.git("commit", "-qam", "merge old")  # a merge from which its resolution is learned
    (work.path / ".git/gitalign").mkdir()
    (work.path / ".git/gitalign/config.yaml").write_text(SETTINGS)
    (work.path / "tasks.yaml").write_text("target: main\ntasks: [{id: a, shell: 'git commit --allow-empty -qm a'}]\n")
    return work


def test_the_published_schemas_are_made_from_the_models() -> None:
    written = texts()
    assert {place.name for place in PUBLISHED.glob("*.schema.json")} == set(written) | OF_BATCHES
    for name, said in written.items():
        assert (PUBLISHED / name).read_text() == said, "python -m gitalign.documents.schemas docs/schemas"
        jsonschema.Draft202012Validator.check_schema(json.loads(said))


def verbs_with_json(command: click.Command, name: str) -> Iterator[str]:
    if any("--json" in getattr(option, "opts", ()) for option in command.params):
        yield name
    for verb, inner in verbs_of(command).items():
        yield from verbs_with_json(inner, f"{name} {verb}")


def test_every_verb_says_one_document_that_its_schema_describes(work: Workspace) -> None:
    known: dict[str, str] = {}
    env = {"XDG_STATE_HOME": str(work.path.parent / "state"), KEYS_VARIABLE: new_key()}
    for step, name in STEPS:
        words = step.format(**known).split()
        done = warm.run(*words, "--json", cwd=work.path, env=env)
        assert done.stdout, (step, done.stderr)
        document = json.loads(done.stdout)
        assert validate(document) == name, (step, done.stdout[:500])
        assert list(document)[:2] == ["format", "version"]
        if step == "run --yes --partial":
            known["run"] = document["run"]["id"]
        if step == "resolutions list":
            known["conflict"] = document["resolutions"][0]["conflict"][:12]
    here = [verb for verb in VERBS if verb != "remote"]  # those of a server: tests/service/test_remote_verbs.py
    verbs = {name for verb in here for name in verbs_with_json(verb_named(verb), verb)}
    assert {verb for verb in verbs if not any(step.startswith(verb) for step, _ in STEPS)} == set()

    seen = {name for _, name in STEPS} | {validate(json.loads((work.path / "results.json").read_text()))}
    for document in stored(work.path / ".git/gitalign"):
        seen.add(validate(document))
    for place in (work.path / ".cli_framework").rglob("*.json"):
        if place.name in ("manifest.json", "step.json"):
            seen.add(validate(json.loads(place.read_text())))
    for place in (work.path.parent / "state").glob("git-align/trees/*/*/slot.json"):
        seen.add(validate(json.loads(place.read_text())))
    assert set(FORMATS) - seen == NOT_HERE | OF_SERVICE


NOT_HERE = {"validation-report", "session", "resolution-course", "resolution-origin", "merge-culprit", "conflict-piece"}
"""Of passing things, and of what needs more than this repository: the test below looks at them, and one of `compat`."""
OF_SERVICE = {
    *("account", "jobs", "audit-trail", "branches", "service-backup", "task-log"),
    *("protections", "repository-settings", "clash-map", "branch-story", "webhook-deliveries"),
}
"""Looked at by the tests of the service."""


def stored(state: Path) -> Iterator[Any]:
    """Every document that runs keep: rows of the journal, and files of runs."""
    for place in state.glob("runs/*/**/*.json"):
        yield json.loads(place.read_text())
    for place in state.glob("runs/*/*.jsonl"):
        yield from map(json.loads, place.read_text().splitlines())
    with sqlite3.connect(state / "gitalign.db") as database:
        for table in ("events", "results", "publications", "verdicts"):
            yield from (json.loads(body) for (body,) in database.execute(f"SELECT body FROM {table}"))


def test_documents_of_passing_things_are_as_their_schemas_say(tmp_path: Path) -> None:
    a, at = Oid("a" * 40), datetime(2026, 1, 1, tzinfo=UTC)
    Course(picks=(a,), stand_ins={a: a}, rest=(), tip=a).keep(str(tmp_path))
    assert Course.read(str(tmp_path)) == Course(picks=(a,), stand_ins={a: a}, rest=(), tip=a)
    session = ResolutionSession(
        ref="refs/heads/x",
        branch="x",
        target="main",
        seen=a,
        onto=a,
        folder="f",
        plan="{}",
        is_merge=False,
        opened_at=at,
    )
    piece = Piece(paths=("p",), kind="lines", target=("t",), branch=("b",))
    culprit = MergeCulprit(commit=a, author="A", email="a@b", subject="s", is_merge=True)
    documents = [
        json.loads((tmp_path / "git-align-course").read_text()),
        sessions.dump(session),
        json.loads(resolution_origins.content_of(Origin(kind=OriginKind.LEARNED, at=at))),
        stamped("merge-culprit", dump_merge_culprit(culprit)),
        stamped("conflict-piece", dump_piece(piece)),
    ]
    assert {validate(json.loads(json.dumps(document))) for document in documents} == NOT_HERE - {"validation-report"}
    assert (load_piece(documents[4]), load_merge_culprit(documents[3])) == (piece, culprit)


def test_a_course_of_a_newer_release_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "git-align-course").write_text('{"format": "git-align/resolution-course", "version": "3.0"}')
    with pytest.raises(UserError, match=r"resolution-course version 3\.0.*use a newer release") as caught:
        Course.read(str(tmp_path))
    assert "--abort" in caught.value.hint


def test_schemas_of_others_are_published_too() -> None:
    assert {f"{name}.schema.json" for name in SHIPPED} <= {place.name for place in PUBLISHED.iterdir()}
