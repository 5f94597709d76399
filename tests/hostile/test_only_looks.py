"""What only looks starts no program that a repository names, whatever way it names it. Edge case 41."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned
from gitalign.core.plan import Permit
from tests.git.workspace import Workspace
from tests.resolve.test_ladder_runs import diverged
from tests.runs import branch

COMMANDS = (
    "core.fsmonitor", "core.sshCommand", "core.editor", "sequence.editor", "core.pager", "core.askPass", "core.gitProxy",
    "diff.external", "merge.evil.driver", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge",
    "filter.evil.process", "gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.ssh.defaultKeyCommand",
    "core.alternateRefsCommand", "uploadpack.packObjectsHook", "credential.helper", "remote.origin.uploadpack",
    "interactive.diffFilter", "trailer.evil.command", "alias.rev-list", "alias.merge-tree",
)  # fmt: skip
HOOKS = ("reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout", "fsmonitor-watchman")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def evil(tmp_path: Path, canary: Path) -> Path:
    script = tmp_path / "evil"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {canary}\nexit 1\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def work(tmp_path: Path, evil: Path) -> Workspace:
    """Two branches of which one conflicts; every setting that git knows names a program, and so does our own file."""
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    work.git("branch", "other", "topic~1")
    work.switch("other")
    work.commit("other", {"g": b"g\n"})
    work.switch("main")
    for name in HOOKS:
        place = work.path / ".git" / "hooks" / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(evil)
    own = work.path / ".git" / "gitalign"
    own.mkdir(exist_ok=True)
    (own / "config.yaml").write_text(
        "resolutions:\n  rungs: [driver, external, regenerate]\n"
        f"  driver: {{command: [{evil}, '%A']}}\n"
        f"  external: {{command: [{evil}]}}\n"
        f"  regenerate: [{{paths: [f], command: [{evil}]}}]\n"
        "validation:\n  confinement: none\n"
        f"  checks: [{{name: evil, command: [{evil}]}}]\n"
    )
    work.git("remote", "add", "origin", "nowhere.invalid:x.git")
    for key in COMMANDS:
        work.git("config", key, str(evil))
    for key, value in {
        "commit.gpgSign": "true",
        "gpg.format": "ssh",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "core.hooksPath": str(work.path / ".git" / "hooks"),
        "log.showSignature": "true",
    }.items():
        work.git("config", key, value)
    (work.path / ".git" / "info").mkdir(exist_ok=True)
    (work.path / ".git" / "info" / "attributes").write_text("* merge=evil diff=evil filter=evil\n")
    return work


LOOKING: dict[str, Callable[[facade.Request], object]] = {
    "status": facade.status,
    "plan": facade.plan,
    "forecast": facade.forecast,
    "forecast --pairs": lambda request: facade.forecast(request, pairs=True, furthest=True),
    "order": facade.order,
    "conflicts": facade.conflicts,
    "categorize": lambda request: facade.categorize(request, clusters=False),
    "rules check": lambda request: facade.check_rules(request, packs=("python",)),
    "runs": facade.runs,
    "doctor": facade.doctor,
}


@pytest.mark.parametrize("verb", LOOKING)
def test_what_only_looks_runs_nothing_of_the_repository(work: Workspace, canary: Path, verb: str) -> None:
    LOOKING[verb](facade.Request(repo=work.path))
    assert not canary.exists(), canary.read_text()


def test_a_missing_object_is_not_fetched_by_looking(work: Workspace, canary: Path) -> None:
    """A partial clone would start the ssh command of the repository to get it."""
    blob = work.tip("topic:f")
    (work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    facade.forecast(facade.Request(repo=work.path))
    assert not canary.exists(), canary.read_text()


ANSWERS = "import json, sys\njson.load(sys.stdin)\nprint(json.dumps({'content': 'settled\\n'}))"


def test_a_forecast_says_which_program_it_did_not_start(tmp_path: Path) -> None:
    """And starts it where the operator names the file; what was seen without it is not taken for what a run makes."""
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    tool = tmp_path / "tool.py"
    tool.write_text(ANSWERS)
    own = work.path / ".git" / "gitalign" / "config.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text(
        f"resolutions:\n  rungs: [external]\n  external: {{command: ['{sys.executable}', '{tool}'], name: oracle}}\n"
        "validation:\n  confinement: none\n"
    )
    without = facade.forecast(facade.Request(repo=work.path))
    assert [one.prospect.value for one in without.branches] == ["conflict"]
    (notice,) = without.notices
    assert "resolutions.external" in notice
    assert f"--config {own}" in notice
    assert facade.order(facade.Request(repo=work.path)).metadata["notices"] == [notice]
    allowed = facade.forecast(facade.Request(repo=work.path, config_file=own))
    assert [one.prospect.value for one in allowed.branches] == ["clean"]
    assert allowed.notices == ()
    report = facade.run(facade.Request(repo=work.path), permit=Permit(plan_id="*"))
    assert isinstance(branch(report, "topic").result.outcome, Aligned)
