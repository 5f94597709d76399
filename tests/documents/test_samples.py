"""Documents that earlier releases wrote are read by this one."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitalign.configuration.load import Config
from gitalign.core.resolution_origin import OriginKind
from gitalign.documents import certificates, events, moves, plans, results, sessions
from gitalign.documents.formats import FORMATS, json_text, parsed
from gitalign.documents.reports import read_extras
from gitalign.engine.run.frozen_settings import CannotGoOn, dumped, loaded
from gitalign.resolve.archive import unpack
from gitalign.worktrees.resolution_course import Course
from tests import warm
from tests.documents.strict import validate
from tests.git.workspace import Workspace

SAMPLES = Path(__file__).parent / "samples"
RELEASES = sorted(path for path in SAMPLES.iterdir() if path.is_dir())
STORED: dict[str, Any] = {"events": events, "results": results, "publications": moves, "sessions": sessions}


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def sample(request: pytest.FixtureRequest) -> Path:
    place: Path = request.param
    return place


@pytest.fixture
def database(sample: Path) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(":memory:") as database:
        database.executescript(gzip.decompress((sample / "journal.sql.gz").read_bytes()).decode())
        yield database


def test_every_stored_body_is_read_and_says_the_same_when_written_again(database: sqlite3.Connection) -> None:
    for table, documents in STORED.items():
        bodies = [body for (body,) in database.execute(f"SELECT body FROM {table}")]
        assert bodies, table
        for body in bodies:
            value = documents.load(parsed(body))
            written = json_text(documents.dump(value))
            assert documents.load(parsed(written)) == value
            validate(json.loads(written))
            before, after = json.loads(body), json.loads(written)
            assert {**before, "version": after["version"]}.items() <= after.items()


def with_more(value: Any) -> Any:
    """A document in which every object has a key that nobody knows yet."""
    if isinstance(value, dict):
        return {**{key: with_more(item) for key, item in value.items()}, "of_the_future": [1]}
    return [with_more(item) for item in value] if isinstance(value, list) else value


def test_keys_of_newer_minor_versions_are_ignored_everywhere(sample: Path, database: sqlite3.Connection) -> None:
    for table, documents in STORED.items():
        if table == "events":
            continue  # whose data may have any keys
        for (body,) in database.execute(f"SELECT body FROM {table}"):
            value = documents.load(parsed(body))
            assert documents.load(with_more({**documents.dump(value), "version": "2.9"})) == value
    plan = plans.read((sample / "plan.json").read_text())
    assert plans.load(with_more({**plans.dump(plan), "version": "2.9"})) == plan


def test_plans_keep_their_hash(sample: Path, database: sqlite3.Connection) -> None:
    columns = {name for _, name, *_ in database.execute("PRAGMA table_info(runs)")}
    table = "SELECT plan FROM runs" if "plan" in columns else "SELECT body FROM plans"  # until 0.1.0, and since
    stored = [plan for (plan,) in database.execute(table)]
    assert stored
    for said in (*stored, (sample / "plan.json").read_text()):
        plan = plans.read(said)  # refuses a plan whose contents have another hash
        assert plans.read(plans.text_of(plan)) == plan


def test_certificates_are_intact_and_a_changed_one_is_not(sample: Path) -> None:
    for place in sample.glob("runs/*/certificates.jsonl"):
        for line in place.read_text().splitlines():
            value = certificates.load(parsed(line))
            assert value.is_intact
            assert certificates.load(parsed(certificates.text_of(value))).is_intact
            assert not certificates.load({**parsed(line), "git_version": "1.2"}).is_intact


NAMES = {
    "categorize": "branch-list", "categorize-detailed": "categories", "categorize-clustered": "clusters", "doctor": "checks",
    "init": "initial", "order": "execution-plan", "prune": "pruned", "prune-merged": "merged-branches", "verify": "proofs",
    "resolutions-list": "known-resolutions", "resolve": "resolution", "resolve-continue": "report", "show": "report",
    "resolve-list": "resolutions-under-way", "rules-check": "house-rules", "rules-explain": "rule-packs",
    "show-branch": "branch-report", "undo-dry-run": "moves",
}  # fmt: skip
"""Sample -> document, where they are not called the same."""


def test_what_verbs_said_is_said_under_the_same_keys(sample: Path) -> None:
    for place in sorted((sample / "json").iterdir()):
        name = NAMES.get(place.stem, place.stem)
        document = {**json.loads(place.read_text()), **FORMATS[name].stamp}
        for proof in document.get("proofs", ()):
            proof["certificate"].pop("format", None)  # of version 1
            proof["certificate"].pop("is_intact", None)
        validate(document)


def test_files_of_runs_are_read(sample: Path) -> None:
    for folder in (sample / "runs").iterdir():
        if (folder / "report.json").exists():
            extras = read_extras(folder / "report.json")
            assert extras.phases
            assert extras.notices
            frozen = (folder / "settings.json").read_text()
            assert loaded(frozen, current=Config()).config.validation.critical_files[0].path == "list"
            with pytest.raises(CannotGoOn, match="changed since"):
                loaded(frozen.replace('"list"', '"lost"'), current=Config())
            assert loaded(dumped(loaded(frozen, current=Config())), current=Config()) == loaded(
                frozen, current=Config()
            )
        for line in (folder / "audit.jsonl").read_text().splitlines():
            validate({**json.loads(line), **FORMATS["audit-event"].stamp})


def test_an_archive_of_resolutions_and_a_course_are_read(sample: Path, tmp_path: Path) -> None:
    archive = tmp_path / "resolutions.tar"
    archive.write_bytes(gzip.decompress((sample / "resolutions.tar.gz").read_bytes()))
    (one,) = unpack(archive).resolutions
    assert (one.origin.kind, one.origin.branch) == (OriginKind.RESOLVED, "knows")
    shutil.copy(sample / "course.json", tmp_path / "git-align-course")
    course = Course.read(str(tmp_path))
    assert course is not None
    assert len(course.picks) == 1


@pytest.fixture
def old(sample: Path, tmp_path: Path) -> Workspace:
    """The repository of the samples, with the git-align folder that the release left behind."""
    work = Workspace(tmp_path / "repo")
    bundle = sample / "repository.bundle"
    work.git("fetch", "-q", "--update-head-ok", str(bundle), "+refs/*:refs/*")
    for ref in work.git("for-each-ref", "--format=%(refname)", "refs/pinned").split():
        work.git("update-ref", "-d", ref)
    state = work.path / ".git/gitalign"
    shutil.copytree(sample / "runs", state / "runs")
    with sqlite3.connect(state / "gitalign.db") as database:
        database.executescript(gzip.decompress((sample / "journal.sql.gz").read_bytes()).decode())
    return work


def test_a_repository_of_an_earlier_release_goes_on(old: Workspace) -> None:
    """Runs that ended, one that was undone, one that was killed, and a resolution under way."""

    def say(*words: str) -> Any:
        done = warm.run(*words, "--json", cwd=old.path)
        assert done.returncode in (0, 1), done.stderr + done.stdout
        return json.loads(done.stdout)

    runs = say("runs")["runs"]
    assert [run["state"] for run in runs] == ["integrating", *["finished"] * 4]
    killed, aligned, resolved, undo, first = runs
    assert [one["origin"]["branch"] for one in say("resolutions", "list")["resolutions"]] == ["knows"]
    assert first["undone_by"] == undo["id"]
    for run in (first, aligned, resolved):
        report = say("show", run["id"])
        assert {one["verdict"] for one in report["branches"]} <= {"aligned", "conflicted", "partly_aligned", "put_back"}
    assert all(proof["holds"] for run in (aligned, resolved) for proof in say("verify", run["id"])["proofs"])
    reports = say("resume", "--take-over", killed["id"])["reports"]
    assert say("runs")["runs"][0]["state"] == "finished", reports
    assert [one["state"] for one in say("undo", aligned["id"], "--yes")["moves"]] == ["moved"]
