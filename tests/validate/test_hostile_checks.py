"""Code of a branch that turns on its work tree, on the operator's files, or on the branches after it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.outcome import Failed
from gitalign.core.report import Report, Verdict
from gitalign.core.validation import CheckStatus, ValidationStatus
from tests import needs
from tests.git.workspace import Workspace
from tests.runs import branch, run

SCRIPT = "if [ -f check.sh ]; then sh ./check.sh; fi"
CONFINEMENTS = ("prefer", "none")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": b"1\n", "src/deep/x": b"x\n", "src/y": b"y\n"})
    return made


def with_checks(work: Workspace, **scripts: str) -> None:
    """A branch for each script that it runs as its check."""
    for name, script in scripts.items():
        work.switch(name, "main")
        work.commit(name, {"check.sh": script.encode(), f"own-{name}": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})


def checked(work: Workspace, confinement: str, **more: Any) -> Report:
    settings = {"test_command": ["sh", "-c", SCRIPT], "confinement": confinement, "work_trees": 1, **more}
    return run(work.path, **{f"validation__{key}": value for key, value in settings.items()})


@pytest.mark.parametrize("confinement", CONFINEMENTS)
def test_a_work_tree_that_became_a_link_is_not_followed(work: Workspace, tmp_path: Path, confinement: str) -> None:
    victim = tmp_path / "victim"
    (victim / ".git").mkdir(parents=True)
    (victim / ".git" / "HEAD").write_text("precious")
    (victim / "notes.txt").write_text("not committed")
    with_checks(
        work,
        a_tree=f"cd ..; mv tree t2; ln -s {victim} tree; exit 1\n",
        b_root=f"cd ../..; mv 0 t3; mkdir 0; ln -s {victim} 0/tree; exit 1\n",
        c_home=f"cd ..; rm -rf home tmp; ln -s {victim} home; ln -s {victim} tmp; exit 1\n",
        d_git=f"rm -rf .git; ln -s {victim}/.git .git; rm -rf src; ln -s {victim} src; exit 1\n",
        e_good="test -f own-e_good && test -f src/deep/x && test ! -e notes.txt\n",
    )
    report = checked(work, confinement)
    assert (victim / ".git" / "HEAD").read_text() == "precious"
    assert (victim / "notes.txt").read_text() == "not committed"
    assert sorted(path.name for path in victim.iterdir()) == [".git", "notes.txt"]
    verdicts = {name: branch(report, name).verdict for name in ("a_tree", "b_root", "c_home", "d_git", "e_good")}
    assert verdicts.pop("e_good") is Verdict.ALIGNED
    assert set(verdicts.values()) == {Verdict.FAILED}


@pytest.mark.parametrize("confinement", CONFINEMENTS)
def test_nothing_of_one_branch_is_left_for_the_next(work: Workspace, confinement: str) -> None:
    work.git("update-index", "--add", "--cacheinfo", f"160000,{work.git('rev-parse', 'HEAD')},sub")
    (work.path / "sub").mkdir()
    work.git("commit", "-qm", "submodule")
    with_checks(
        work,
        a_poison="touch sub/poison; chmod 555 src; chmod 444 src/y; chmod 000 src/deep; ln src/y hard; exit 0\n",
        b_victim="test ! -e sub/poison && echo z >> src/y && touch src/new && cat src/deep/x && test ! -e hard\n",
    )
    report = checked(work, confinement)
    assert branch(report, "b_victim").verdict is Verdict.ALIGNED, branch(report, "b_victim").result.validation


def test_line_ends_follow_the_attributes_of_the_branch(work: Workspace) -> None:
    work.commit("script", {"a.sh": b"echo a\n"})
    work.switch("a_plain", "main")
    work.commit("plain", {"check.sh": b"test $(grep -c '\r' a.sh) = 0\n"})
    work.switch("b_crlf", "main")
    work.commit("crlf", {".gitattributes": b"a.sh eol=crlf\n", "check.sh": b"test $(grep -c '\r' a.sh) = 1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    report = checked(work, "prefer")
    assert {branch(report, name).verdict for name in ("a_plain", "b_crlf")} == {Verdict.ALIGNED}


@pytest.mark.parametrize("confinement", CONFINEMENTS)
def test_a_tree_without_end_and_folders_nobody_may_read_harm_nobody_else(work: Workspace, confinement: str) -> None:
    # Deeper than Python calls itself, and longer than any path may be.
    deep = "import os\nfor _ in range(1200):\n    os.mkdir('deep'); os.chdir('deep')\n"
    with_checks(
        work,
        a_deep=f'{sys.executable} -c "{deep}"\nexit 1\n',
        b_shut="mkdir -p x/y; touch x/y/z; chmod 000 x/y x .; exit 1\n",
        c_good="test -f own-c_good\n",
    )
    report = checked(work, confinement)
    assert branch(report, "c_good").verdict is Verdict.ALIGNED
    again = checked(work, confinement)
    assert again.run.outcome == "attention"


def test_the_kernel_is_not_told_anything(work: Workspace) -> None:
    """For the kernel, root is root without any capability, too."""
    needs.bubblewrap(work.path)
    setting = Path("/proc/sys/kernel/core_uses_pid")
    before = setting.read_text()
    with_checks(work, a_kernel=f"echo {before.strip()} > {setting}\n", b_device="head -c 100 /dev/zero > /dev/fill\n")
    report = checked(work, "prefer", rerun_failed=False)
    assert branch(report, "a_kernel").verdict is Verdict.FAILED
    assert branch(report, "b_device").verdict is Verdict.FAILED


def test_of_the_repository_only_objects_are_seen(work: Workspace) -> None:
    needs.bubblewrap(work.path)
    work.git("config", "remote.origin.url", "https://user:SECRET@example.org")
    (work.path / ".git" / "config.worktree").write_text("[http]\n\textraHeader = Authorization: SECRET\n")
    with_checks(
        work,
        a_looks=f"cat {work.path}/.git/config* {work.path}/.git/logs/HEAD; git cat-file -p HEAD >/dev/null || exit 2\n",
    )
    report = checked(work, "prefer")
    (check,) = branch(report, "a_looks").result.validation.checks
    assert check.status is CheckStatus.PASSED, check.output
    assert "SECRET" not in check.output


def test_dotfiles_that_are_links_are_covered(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.bubblewrap(work.path)
    monkeypatch.setenv("HOME", os.environ.get("HOME", str(tmp_path)))
    real = tmp_path / "dotfiles"
    (real / "ssh").mkdir(parents=True)
    (real / "ssh" / "id").write_text("SECRET")
    (real / "gitconfig").write_text("SECRET")
    links = (Path.home() / ".ssh", real / "ssh"), (Path.home() / ".gitconfig", real / "gitconfig")
    for link, place in links:
        link.symlink_to(place)
    try:
        with_checks(work, a_looks=f"cat {Path.home()}/.ssh/id {Path.home()}/.gitconfig {real}/ssh/id; exit 0\n")
        report = checked(work, "prefer")
    finally:
        for link, _ in links:
            link.unlink()
    assert "SECRET" not in branch(report, "a_looks").result.validation.checks[0].output


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "no_such_module_at_all"],
        ["sh", "-c", "exec no-such-tool"],
        ["sh", "-c", "exit 126"],
    ],
)
def test_a_broken_tool_is_not_excused_by_the_target(work: Workspace, command: list[str]) -> None:
    with_checks(work, topic="exit 0\n")
    report = run(work.path, validation__test_command=command)
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.code == "validation_not_possible"


def test_a_script_whose_interpreter_is_missing_is_a_missing_tool(work: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with_checks(work, topic="exit 0\n")
    report = run(work.path, validation__test_command=[str(script)])
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.code == "validation_not_possible"


def test_what_fails_in_another_way_than_on_the_target_counts(work: Workspace) -> None:
    work.commit("the target fails", {"check.sh": b"exit 3\n"})
    work.switch("worse", "main")
    work.commit("worse", {"check.sh": b"exit 4\n"})
    work.switch("same", "main")
    work.commit("same", {"own": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    report = checked(work, "prefer")
    assert branch(report, "worse").verdict is Verdict.FAILED
    told = branch(report, "same").result.validation
    assert told.status is ValidationStatus.INCONCLUSIVE
    assert branch(report, "same").verdict is Verdict.ALIGNED
    assert report.exit_code() == 1


def test_a_pass_does_not_outlive_its_tool(work: Workspace, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    with_checks(work, topic="exit 0\n")
    before = work.git("rev-parse", "topic")

    def status(**more: Any) -> CheckStatus:
        work.git("update-ref", "refs/heads/topic", before)
        report = run(work.path, validation__test_command=[str(tool)], **more)
        (check,) = branch(report, "topic").result.validation.checks
        return CheckStatus.SKIPPED if check.from_memory else check.status

    assert status() is CheckStatus.PASSED
    assert status() is CheckStatus.SKIPPED, "from memory"
    assert status(validation__confinement="none") is CheckStatus.PASSED
    tool.write_text("#!/bin/sh\nexit 11\n")
    assert status() is CheckStatus.FAILED_BEFORE
    tool.unlink()
    assert status() is CheckStatus.MISSING_TOOL


def test_links_and_no_numbers_are_no_critical_files(work: Workspace) -> None:
    (work.path / "link.json").symlink_to("123")
    work.git("add", "-A")
    work.git("commit", "-qm", "link")
    work.switch("topic", "main")
    work.commit("topic", {"nan.json": b'{"a": NaN}\n', "own": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    report = run(
        work.path,
        validation__fail_on_new_only=False,
        validation__critical_files=[
            {"path": "link.json", "checks": ["exists", "valid_json"]},
            {"path": "nan.json", "checks": ["valid_json"]},
            {"path": "own"},
            {"path": "src"},
        ],
    )
    ended = {check.name: check.status for check in branch(report, "topic").result.validation.checks}
    assert ended == {
        "file link.json": CheckStatus.FAILED,
        "file nan.json": CheckStatus.FAILED,
        "file own": CheckStatus.PASSED,
        "file src": CheckStatus.FAILED,
    }


def test_a_repository_under_an_odd_path(tmp_path: Path) -> None:
    work = Workspace(tmp_path / 'odd "path"\nwith a line')
    work.commit("base", {"f": b"1\n"})
    with_checks(work, topic="git status --porcelain && git cat-file -p HEAD:f\n")
    assert branch(checked(work, "prefer"), "topic").verdict is Verdict.ALIGNED


def test_a_repository_that_borrows_objects(work: Workspace, tmp_path: Path) -> None:
    with_checks(work, topic="git diff HEAD && git cat-file -p HEAD:src/y\n")
    work.git("clone", "-q", "--shared", "--bare", str(work.path), str(tmp_path / "borrower"))
    for key, value in (("user.name", "O Perator"), ("user.email", "operator@example.org")):
        work.git("--git-dir", str(tmp_path / "borrower"), "config", key, value)
    report = run(tmp_path / "borrower", validation__test_command=["sh", "-c", SCRIPT])
    assert branch(report, "topic").verdict is Verdict.ALIGNED


def test_what_stands_on_a_refused_branch_is_held_with_it(work: Workspace) -> None:
    work.switch("low", "main")
    work.commit("low", {"check.sh": b"exit 1\n"})
    work.switch("middle", "low")
    work.commit("middle", {"check.sh": b"exit 0\n"})
    work.switch("top", "middle")
    work.commit("top", {"top": b"1\n"})
    work.switch("apart", "main")
    work.commit("apart", {"apart": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    before = {name: work.git("rev-parse", name) for name in ("low", "middle", "top")}
    report = checked(work, "prefer")
    assert branch(report, "low").verdict is Verdict.FAILED
    assert branch(report, "middle").verdict is Verdict.REFUSED
    assert "stands on low" in branch(report, "middle").detail
    assert branch(report, "top").verdict is Verdict.REFUSED
    assert branch(report, "apart").verdict is Verdict.ALIGNED
    assert {name: work.git("rev-parse", name) for name in before} == before
