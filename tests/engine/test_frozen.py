"""A run that goes on applies the gate it was started with, or moves nothing (edge case 65)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.configuration.load import load_config
from gitalign.core.run import RunState
from gitalign.engine.run.frozen_settings import FILE, CannotGoOn, Frozen, OtherSettings, dumped, loaded
from gitalign.errors import RulePackError
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request, run

NEVER = "validation:\n  checks:\n    - {name: never, command: [test, '!', -e, t]}\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"t": b"t\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    return work


@pytest.fixture
def config(tmp_path: Path) -> Path:
    place = tmp_path / "config.yaml"
    place.write_text(NEVER)
    return place


def folder(work: Workspace) -> Path:
    (found,) = (work.path / ".git" / "gitalign" / "runs").iterdir()
    return found


def killed(work: Workspace, *words: str, env: dict[str, str] | None = None) -> None:
    """A run of the command line that is killed between integrating and publishing."""
    done = warm.call("tests.engine.killed:main", "run", "--yes", "--repo", work.path, *words, env=env or {})
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("how", ["--config", "environment", "configuration"])
def test_a_check_that_refuses_is_not_forgotten(work: Workspace, config: Path, how: str) -> None:
    before = work.git("rev-parse", "topic")
    own = work.path / ".git" / "gitalign" / "config.yaml"
    match how:
        case "--config":
            killed(work, "--config", str(config))
        case "environment":
            killed(work, env={"GITALIGN_VALIDATION__CHECKS": "[{name: never, command: [test, '!', -e, t]}]"})
        case _:
            own.parent.mkdir()
            own.write_text(NEVER)
            killed(work)
            own.unlink()
    done = warm.run("resume", "--repo", work.path)
    assert done.returncode == 1
    assert "never" in done.stdout
    assert "validation.checks" in done.stdout, "what was set differently meanwhile is said"
    assert work.git("rev-parse", "topic") == before
    assert warm.run("resume", "--repo", work.path).stdout == "nothing to resume\n"


def test_a_run_without_checks_goes_on_without_them(work: Workspace, config: Path) -> None:
    own = work.path / ".git" / "gitalign" / "config.yaml"
    own.parent.mkdir()
    own.write_text(NEVER)
    killed(work, "--no-checks")
    assert warm.run("resume", "--repo", work.path).returncode == 0
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""


@pytest.mark.parametrize(
    "setting",
    [
        {"detection__refuse_severity": "info", "detection__refuse_introduced_by": ["branch", "integration"]},
        {"orchestration__enable_backup_branches": True},
        {"committer": "preserve"},
    ],
)
def test_every_setting_is_that_of_the_beginning(work: Workspace, setting: dict[str, Any]) -> None:
    asked = request(work.path, **setting)
    frozen = Frozen(load_config(file=None, git_dir=None, environ={}, overrides=asked.overrides), "a", ("b",))
    current = load_config(file=None, git_dir=None, environ={}, overrides={})
    again = loaded(dumped(frozen), current=current)
    assert again.config.model_dump(exclude={"telemetry"}) == frozen.config.model_dump(exclude={"telemetry"})
    assert again.config.origins == frozen.config.origins
    assert (again.rules, again.plugins) == ("a", ("b",))


def test_other_settings_for_the_same_run_are_refused_and_it_can_still_go_on(work: Workspace, config: Path) -> None:
    killed(work)
    with pytest.raises(OtherSettings, match=r"validation\.checks"):
        facade.resume(facade.Request(repo=work.path, config_file=config))
    with pytest.raises(OtherSettings, match=r"alignment\.committer"):
        facade.resume(request(work.path, committer="preserve"))
    (report,) = facade.resume(request(work.path, committer="operator"))
    assert report.exit_code() == 0


@pytest.mark.parametrize("damage", ["gone", "changed", "rehashed format", "link", "not JSON"])
def test_what_cannot_be_honoured_moves_nothing(work: Workspace, damage: str, tmp_path: Path) -> None:
    before = work.git("rev-parse", "topic")
    killed(work)
    place = folder(work) / FILE
    data = json.loads(place.read_text())
    match damage:
        case "gone":
            place.unlink()
        case "changed":
            data["settings"]["validation"]["enabled"] = False
            place.write_text(json.dumps(data))
        case "rehashed format":
            place.write_text(json.dumps({**data, "format": 2}))
        case "link":
            folder(work).rename(tmp_path / "elsewhere")
            place.parent.symlink_to(tmp_path / "elsewhere")
        case _:
            place.write_text("{")
    (report,) = facade.resume(request(work.path))
    assert report.run.state is RunState.FAILED
    assert report.exit_code() == 1
    assert any("does not go on" in one and "git align run" in one for one in report.notices)
    assert work.git("rev-parse", "topic") == before
    assert facade.resume(request(work.path)) == ()
    assert run(work.path).exit_code() == 0


def test_rules_are_those_of_the_beginning(work: Workspace, tmp_path: Path) -> None:
    pack = tmp_path / "pack.yaml"
    text = (
        "format: 1\nname: ours\nversion: '1'\nrequirements:\n"
        "  - {id: r1, name: r, severity: must, check: {required_files: {files: [LICENSE]}}}\n"
    )
    pack.write_text(text)
    config = tmp_path / "rules.yaml"
    config.write_text("rules: {packs: [./pack.yaml]}\n")
    before = work.git("rev-parse", "topic")
    killed(work, "--config", str(config))
    pack.rename(tmp_path / "away")
    with pytest.raises(RulePackError):
        facade.resume(request(work.path))
    pack.write_text(text.replace("LICENSE", "a"))
    (report,) = facade.resume(request(work.path))
    assert any("rule packs were changed" in one for one in report.notices)
    assert work.git("rev-parse", "topic") == before


def test_the_file_is_for_its_owner_alone(work: Workspace) -> None:
    """Also where the umask lets others read; in a repository that a group shares: `hostile/test_shared_repository.py`."""
    run(work.path)
    assert (folder(work) / FILE).stat().st_mode & 0o077 == 0


def test_plugins_of_a_program_cannot_be_frozen() -> None:
    current = load_config(file=None, git_dir=None, environ={}, overrides={})
    with pytest.raises(CannotGoOn, match="changed since"):
        loaded(dumped(Frozen(current)).replace('"plugins": []', '"plugins": ["x"]'), current=current)
