"""What only looks starts no program that a repository names, whatever way it names it, and writes nothing. Edge case 41."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from gitalign import facade
from gitalign.cli.lazy_group import verbs_of
from gitalign.cli.main import app as root
from gitalign.cli.verb import Verb
from gitalign.core.outcome import Aligned
from gitalign.core.plan import Permit
from tests import warm
from tests.git.workspace import Workspace
from tests.resolve.test_ladder_runs import diverged
from tests.runs import branch

app: Any = root
COMMANDS = (
    "core.fsmonitor", "core.sshCommand", "core.editor", "sequence.editor", "core.pager", "core.askPass", "core.gitProxy",
    "diff.external", "merge.evil.driver", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge",
    "filter.evil.process", "gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.ssh.defaultKeyCommand",
    "core.alternateRefsCommand", "uploadpack.packObjectsHook", "credential.helper", "remote.origin.uploadpack",
    "interactive.diffFilter", "trailer.evil.command", "alias.rev-list", "alias.merge-tree",
)  # fmt: skip
HOOKS = ("reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout", "fsmonitor-watchman")


@dataclass
class Evil:
    """A repository in which every setting that git knows names a program, and so does our own file.

    Attributes:
        work: a branch that conflicts, one that aligns, and one that an earlier run aligned.
        canary: where each program writes what it was started as.
    """

    work: Workspace
    canary: Path
    programs: Path

    def started(self) -> set[str]:
        """The settings whose programs were started since this was asked last."""
        lines = self.canary.read_text().splitlines() if self.canary.exists() else []
        self.canary.unlink(missing_ok=True)
        return set(lines)

    def state(self) -> dict[str, bytes | str]:
        """Every file of the repository but those of ours that are kept answers, and the runs that were made."""
        own = self.work.path / ".git" / "gitalign"
        found: dict[str, bytes | str] = {
            str(place.relative_to(self.work.path)): os.readlink(place) if place.is_symlink() else place.read_bytes()
            for place in self.work.path.rglob("*")
            if not place.is_dir() and not place.is_relative_to(own)
        }
        runs = facade.runs(facade.Request(repo=self.work.path))
        return {**found, "runs": repr([(one.id, one.state, one.moved, one.undone) for one in runs])}


def made_evil(folder: Path) -> Evil:
    work = diverged(folder / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    work.git("branch", "other", "topic~1")
    work.switch("other")
    work.commit("other", {"g": b"g\n"})
    work.switch("main")
    (folder / "tasks.yaml").write_text(
        "target: main\ntasks:\n  - {id: a, shell: 'echo a > a', commit_leftovers: true}\n"
    )
    own = work.path / ".git" / "gitalign"
    own.mkdir(exist_ok=True)
    (own / "config.yaml").write_text("batch: {confinement: none}\n")
    done = warm.run("batch", "run", folder / "tasks.yaml", "--yes", cwd=work.path)
    assert done.returncode == 0, (done.stdout, done.stderr)
    report = facade.run(facade.Request(repo=work.path, only=("other",)), permit=Permit(plan_id="*"))
    assert report.counts() == {"aligned": 1}
    work.commit("on", {"h": b"h\n"})
    programs = folder / "programs"
    programs.mkdir()
    evil = Evil(work, folder / "canary", programs)

    def program(name: str) -> str:
        place = programs / name
        place.write_text(f"#!/bin/sh\necho {name} >> {evil.canary}\nexit 1\n")
        place.chmod(0o755)
        return str(place)

    for name in HOOKS:
        place = work.path / ".git" / "hooks" / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(program(name))
    (own / "config.yaml").write_text(
        "resolutions:\n  rungs: [driver, external, regenerate]\n"
        f"  driver: {{command: [{program('our driver')!r}, '%A']}}\n"
        f"  external: {{command: [{program('our external')!r}]}}\n"
        f"  regenerate: [{{paths: [f], command: [{program('our regenerate')!r}]}}]\n"
        "validation:\n  confinement: none\n"
        f"  checks: [{{name: evil, command: [{program('our check')!r}]}}]\n"
    )
    work.git("remote", "add", "origin", "nowhere.invalid:x.git")
    for key in COMMANDS:
        work.git("config", key, program(key))
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
    return evil


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Evil:
    """One for all verbs: those that only look leave it as it is, which each test checks."""
    return made_evil(tmp_path_factory.mktemp("evil"))


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every verb with what is typed for it."""
    inner = verbs_of(command)
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from leaves(one, (*path, name))


ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("undo",): ("last",),
    ("restore",): ("other",),
    ("resolutions", "show"): ("0123",),
    ("resolutions", "export"): ("../exported.tar",),
    ("batch", "plan"): ("../tasks.yaml",),
    ("batch", "logs"): ("last", "a"),
    ("batch", "undo"): ("last",),
    ("framework", "merge-to-branch"): ("topic",),
    ("paths", "who"): ("f",),
    ("rules", "check"): ("--pack", "python"),
}
"""What verbs take that take something."""
NOTHING_THERE = {("framework", "uninstall"), ("framework", "rollback"), ("resolutions", "show")}
"""Verbs that find nothing to show here."""
ASKS_A_REMOTE: dict[tuple[str, ...], set[str]] = {("push", "--dry-run"): {"core.sshCommand"}}
"""Verbs whose question goes to a remote, and what git itself starts to get there."""


def looking() -> list[tuple[str, ...]]:
    """Each way to call a verb on a repository that only looks, as the verbs themselves say: those that act, with --dry-run."""
    found = []
    for path, command in leaves(app):
        assert isinstance(command, Verb), path
        names = {one.name for one in command.params}
        if "repo" not in names or (command.acts and "dry_run" not in names):
            continue
        needs = any(isinstance(one, click.Argument) and one.required for one in command.params)
        assert not needs or path in ARGUMENTS, f"{path} takes an argument: add it to ARGUMENTS"
        words = (*path, *ARGUMENTS.get(path, ()))
        found.append((*words, "--dry-run") if "dry_run" in names else words)
    return found


@pytest.mark.parametrize("words", looking(), ids=" ".join)
def test_what_only_looks_runs_nothing_of_the_repository_and_writes_nothing(evil: Evil, words: tuple[str, ...]) -> None:
    before = evil.state()
    evil.started()
    done = warm.run(*words, cwd=evil.work.path)
    expected = (2,) if words[:2] in NOTHING_THERE else (3,) if words in ASKS_A_REMOTE else (0, 1)
    assert done.returncode in expected, (words, done.stdout, done.stderr)
    assert evil.started() == ASKS_A_REMOTE.get(words, set())
    assert evil.state() == before


def test_the_list_of_what_only_looks_is_not_empty() -> None:
    found = {" ".join(words) for words in looking()}
    wanted = {
        "",
        "plan",
        "run --dry-run",
        "show",
        "verify",
        "forecast",
        "doctor",
        "undo last --dry-run",
        "push --dry-run",
    }
    assert found >= wanted - {""}
    assert not found & {"run", "undo last", "resolve", "resume", "prune"}


def test_what_acts_is_seen_to_act(tmp_path: Path) -> None:
    """The other side of the test above: what it would not see, it could not find."""
    evil = made_evil(tmp_path)
    work = evil.work
    git = ("git", "-C", str(work.path))
    for words, programs in (
        (("status",), {"core.fsmonitor", "filter.evil.process"}),
        (("config", "--unset", "filter.evil.process"), set()),  # git ends where it fails
        (("diff", "main", "topic"), {"diff.evil.command"}),
        (("blame", "f"), {"diff.evil.textconv"}),
        (("add", "--renormalize", "f"), {"filter.evil.clean"}),
        (("cat-file", "--filters", "main:f"), {"filter.evil.smudge"}),
        (("commit", "--allow-empty", "-m", "x"), {"gpg.ssh.defaultKeyCommand"}),
        (("update-ref", "refs/heads/new", "main"), {"reference-transaction"}),
        (("fetch", "origin"), {"core.sshCommand"}),
        (("merge-tree", "--write-tree", "main", "topic"), {"merge.evil.driver"}),
    ):
        subprocess.run([*git, *words], check=False, capture_output=True, stdin=subprocess.DEVNULL)
        assert evil.started() >= programs, words
    work.git("config", "commit.gpgSign", "false")
    before = evil.state()
    done = warm.run("run", "--yes", cwd=work.path)
    assert done.returncode == 1, done.stderr
    assert evil.started() & {"our check", "our driver", "our external"}
    assert evil.state() != before
    for change in (
        ("config", "x.y", "z"),
        ("update-index", "--force-remove", "f"),
        ("hash-object", "-w", "tasks"),
        ("pack-refs",),
    ):
        (work.path / "tasks").write_text(repr(change))
        before = evil.state()
        subprocess.run(
            [*git, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", *change], check=True, capture_output=True
        )
        assert evil.state() != before, change


def test_a_missing_object_is_not_fetched_by_looking(tmp_path: Path) -> None:
    """A partial clone would start the ssh command of the repository to get it."""
    evil = made_evil(tmp_path)
    blob = evil.work.tip("topic:f")
    (evil.work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    evil.started()
    facade.forecast(facade.Request(repo=evil.work.path))
    assert evil.started() == set()


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
