"""Targets are found and said; the primary branch is never forgotten; the newer of a target and its upstream is used."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_verbs import call
from tests.git.workspace import Workspace


def _clone(upstream: Path, place: Path, *words: str) -> Workspace:
    subprocess.run(["git", "clone", "-q", *words, str(upstream), str(place)], check=True)
    return Workspace(place)


@pytest.fixture
def upstream(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "upstream")
    work.commit("base", {"a": b"a\n"})
    return work


def _topic(work: Workspace, start: str) -> None:
    work.git("branch", "topic", start)
    tree = work.git("rev-parse", f"{start}^{{tree}}")
    made = work.git("commit-tree", tree, "-p", start, "-m", "own", stdin=b"")
    work.git("update-ref", "refs/heads/topic", made)


def _steps(work: Workspace, *words: str) -> dict[str, str]:
    document = json.loads(call("plan", "--json", *words, cwd=work.path).stdout)
    return {step["branch"]["name"]: step["target"]["name"] for step in document["steps"]}


class TestSaid:
    def test_which_targets_were_found_and_why(self, upstream: Workspace, tmp_path: Path) -> None:
        upstream.git("branch", "develop")
        work = _clone(upstream.path, tmp_path / "clone")
        _topic(work, "main")
        said = "Targets: main (HEAD of origin); develop (usual name)."
        for words in (("plan",), ("run", "--yes"), ("forecast",)):
            assert said in call(*words, cwd=work.path).stdout
        status = call(cwd=work.path).stdout
        assert re.search(r"target main \(\w+\): HEAD of origin\n  target develop \(\w+\): usual name\n", status), status

    def test_who_named_them(self, upstream: Workspace, tmp_path: Path) -> None:
        _topic(upstream, "main")
        assert "Targets: main (--target)." in call("plan", "--target", "main", cwd=upstream.path).stdout
        config = tmp_path / "config.yaml"
        config.write_text("alignment:\n  targets: [main]\n")
        done = call("plan", "--config", str(config), cwd=upstream.path)
        assert f"Targets: main (alignment.targets in {config})." in done.stdout
        done = call("plan", cwd=upstream.path, env={"GITALIGN_ALIGNMENT__TARGETS": "[main]"})
        assert "Targets: main (GITALIGN_ALIGNMENT__TARGETS)." in done.stdout
        note = json.loads(call("plan", "--json", cwd=upstream.path).stdout)["target_notes"]
        assert note == [{"name": "main", "why": "usual name", "words": "", "is_diverged": False}]

    def test_no_other_words_for_a_branch(self, upstream: Workspace, tmp_path: Path) -> None:
        work = _clone(upstream.path, tmp_path / "clone")
        for name in ("HEAD", "origin/HEAD", "refs/heads/main", "main~1", "", "-x", work.tip("main")):
            done = call("plan", f"--target={name}", cwd=work.path)
            assert (done.returncode, "no such target branch" in done.stderr) == (2, True), (name, done.stderr)

    def test_the_head_of_a_bare_repository_is_a_target(self, upstream: Workspace, tmp_path: Path) -> None:
        upstream.git("branch", "-m", "main", "platform")
        upstream.git("branch", "dev")
        _topic(upstream, "platform")
        subprocess.run(["git", "clone", "-q", "--bare", str(upstream.path), str(tmp_path / "bare.git")], check=True)
        done = call("plan", cwd=tmp_path / "bare.git")
        assert "Targets: platform (HEAD of this repository); dev (usual name)." in done.stdout, done.stderr


class TestPrimaryForgotten:
    @pytest.fixture
    def work(self, upstream: Workspace, tmp_path: Path) -> Workspace:
        """A clone whose default branch has a name of its own, and a branch `dev` beside it."""
        upstream.git("branch", "-m", "main", "platform")
        upstream.git("branch", "dev")
        work = _clone(upstream.path, tmp_path / "clone")
        work.git("branch", "dev", "origin/dev")
        work.commit("ahead", {"b": b"b\n"})
        _topic(work, "dev")
        return work

    def test_the_default_branch_must_be_a_target_or_protected(self, work: Workspace) -> None:
        for verb in ("plan", "run --yes"):
            done = call(*verb.split(), "--target", "dev", cwd=work.path)
            assert done.returncode == 2
            assert "platform is the default branch (HEAD of origin), but neither a target nor protected" in done.stderr
        line = done.stderr.partition("next: ")[2].partition("   ")[0]
        assert line == "git align plan --target dev --target platform"
        assert set(_steps(work, *shlex.split(line)[3:])) == {"topic"}
        assert set(_steps(work, "--target", "dev", "--exclude", "platform")) == {"topic"}
        assert set(_steps(work, "--target", "dev", "--only", "topic")) == {"topic"}
        protected = call("plan", "--target", "dev", cwd=work.path, env={"GITALIGN_ALIGNMENT__PROTECTED": "[platform]"})
        assert protected.returncode == 0, protected.stderr

    def test_and_is_never_moved(self, work: Workspace, tmp_path: Path) -> None:
        before = work.tip("platform")
        done = call("run", "--yes", "--target", "dev", "--only", "platform", cwd=work.path)
        assert work.tip("platform") == before
        assert "is the default branch (HEAD of origin), which is never moved" in done.stdout
        listed = tmp_path / "branches.json"
        listed.write_text(json.dumps([{"branch": "platform", "target": "dev"}]))
        call("run", "--yes", "--target", "dev", "--input", str(listed), cwd=work.path)
        assert work.tip("platform") == before

    def test_a_name_that_may_be_anything_is_not_guessed(self, work: Workspace) -> None:
        work.git("remote", "remove", "origin")
        done = call("run", "--yes", cwd=work.path)
        assert done.returncode == 2
        assert "which branch is the primary one? Only dev has a usual name, and HEAD is on platform" in done.stderr
        assert "git align plan --target dev --target platform" in done.stderr
        status = call(cwd=work.path)
        assert (status.returncode, "which branch is the primary one?" in status.stdout) == (2, True)

    def test_who_stands_on_a_feature_branch_is_not_asked(self, upstream: Workspace) -> None:
        _topic(upstream, "main")
        upstream.commit("more", {"b": b"b\n"})
        upstream.switch("topic")
        assert call("run", "--yes", cwd=upstream.path).returncode == 0
        assert upstream.git("merge-base", "main", "topic") == upstream.tip("main")


class TestNewerTarget:
    @pytest.fixture
    def work(self, upstream: Workspace, tmp_path: Path) -> Workspace:
        work = _clone(upstream.path, tmp_path / "clone")
        _topic(work, "main")
        upstream.commit("theirs", {"t": b"1\n"})
        upstream.commit("theirs", {"t": b"2\n"})
        work.git("fetch", "-q")
        return work

    def test_an_upstream_that_is_ahead_is_used_and_said(self, work: Workspace) -> None:
        before = work.git("for-each-ref", "refs/heads/topic", "refs/heads/main")
        done = call("run", "--yes", cwd=work.path)
        words = "main: origin/main is 2 commits ahead of your main; branches are aligned with origin/main."
        assert (done.returncode, words in " ".join(done.stdout.split())) == (0, True), done.stdout
        assert words[:-1] in call(cwd=work.path).stdout
        assert work.git("rev-parse", "topic~1") == work.tip("origin/main")
        assert work.tip("main") == work.tip("origin/main~2")
        assert call("verify", "last", cwd=work.path).returncode == 0
        assert work.tip("origin/main") in call("show", "last", "--json", cwd=work.path).stdout
        assert call("undo", "last", "--yes", cwd=work.path).returncode == 0
        assert work.git("for-each-ref", "refs/heads/topic", "refs/heads/main") == before

    def test_a_local_target_that_is_ahead_is_used(self, work: Workspace) -> None:
        work.git("merge", "-q", "origin/main")
        work.commit("mine", {"m": b"1\n"})
        assert call("run", "--yes", cwd=work.path).returncode == 0
        assert work.git("rev-parse", "topic~1") == work.tip("main")

    def test_the_upstream_counts_whatever_its_name(self, work: Workspace, upstream: Workspace) -> None:
        upstream.git("branch", "trunk-of-theirs")
        upstream.git("reset", "-q", "--hard", "main~2")
        work.git("fetch", "-q", "--force")
        work.git("config", "branch.main.merge", "refs/heads/trunk-of-theirs")
        assert "main: origin/trunk-of-theirs is 2 commits ahead of your main" in " ".join(
            call("plan", cwd=work.path).stdout.split()
        )
        assert call("run", "--yes", cwd=work.path).returncode == 0
        assert work.git("rev-parse", "topic~1") == work.tip("origin/trunk-of-theirs")

    def test_diverged_targets_are_said_and_the_line_works(self, work: Workspace) -> None:
        work.commit("mine", {"m": b"1\n"})
        planned = " ".join(call("plan", cwd=work.path).stdout.split())
        assert (
            "your main and origin/main have diverged: 1 commit only in yours, 2 only in origin/main; branches are aligned with your main"
            in planned
        )
        line = planned.partition("add ")[2].split(". ")[0].removesuffix(".")
        assert line.startswith("--target origin/main")
        done = call("run", "--yes", "--target", "origin/main", cwd=work.path)
        assert done.returncode == 0, done.stderr
        assert "Targets: main (--target)." in done.stdout
        assert work.git("rev-parse", "topic~1") == work.tip("origin/main")
        assert call("verify", "last", cwd=work.path).returncode == 0
