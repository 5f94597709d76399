"""Validation in a run: what passes is published, what fails is not, and nothing is passed over in silence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gitalign
from gitalign import facade
from gitalign.core.outcome import Aligned, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.core.validation import CheckResult, CheckStatus, ValidationStatus
from gitalign.documents.results_file import results_document
from gitalign.errors import ConfigError
from gitalign.worktrees.pool import work_tree_home
from tests.git.workspace import Workspace
from tests.runs import branch, request, run
from tests.validate.test_confined import gone, sleeping

PY = sys.executable
TEST = b"import calc\nassert calc.add(1, 2) == 3, 'add is broken'\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`good` and `docs` pass, `bad` breaks a function."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"calc.py": b"def add(a, b):\n    return a + b\n", "test.py": TEST, "conf.json": b"{}\n"})
    work.switch("good", "main")
    work.commit("feat: more", {"more.py": b"x = 1\n"})
    work.switch("bad", "main")
    work.commit("feat: bad", {"calc.py": b"def add(a, b):\n    return a - b\n"})
    work.switch("docs", "main")
    work.commit("docs", {"docs/x.md": b"# x\n"})
    work.switch("main")
    work.commit("on", {"other.py": b"y = 1\n"})
    return work


def checks(report: Report, name: str) -> dict[str, CheckResult]:
    found = branch(report, name).result
    assert found.validation.checks, found.outcome
    return {check.name: check for check in found.validation.checks}


def validated(work: Workspace, **settings: Any) -> Report:
    return run(work.path, **{f"validation__{key}": value for key, value in settings.items()})


def test_tests_decide_what_is_published(work: Workspace) -> None:
    bad = work.git("rev-parse", "bad")
    report = validated(work, test_command=[PY, "test.py"])
    assert branch(report, "good").verdict is Verdict.ALIGNED
    assert checks(report, "good")["tests"].status is CheckStatus.PASSED
    failed = branch(report, "bad").result.outcome
    assert isinstance(failed, Failed)
    assert (failed.code, failed.stage) == ("validation_failed", "validate")
    assert work.git("rev-parse", "bad") == bad
    assert "add is broken" in checks(report, "bad")["tests"].output
    assert checks(report, "bad")["tests"].attempts == 2
    assert report.exit_code() == 1
    (group,) = results_document(report)["orchestration_results"].values()
    assert {one["branch_name"]: one["status"] for one in group["branches"]}["bad"] == "failed_validation"
    assert work.git("status", "--porcelain") == ""


def test_nothing_configured_is_said_and_is_no_pass(work: Workspace) -> None:
    report = validated(work)
    told = branch(report, "good").result.validation
    assert (told.status, told.tests) == (ValidationStatus.NOT_CONFIGURED, "not_configured")
    assert branch(report, "good").verdict is Verdict.ALIGNED


def test_switched_off_is_skipped_by_name(work: Workspace) -> None:
    report = validated(work, test_command=[PY, "test.py"], enabled=False)
    assert branch(report, "bad").result.validation.status is ValidationStatus.SKIPPED
    assert branch(report, "bad").verdict is Verdict.ALIGNED


def test_a_missing_tool_is_a_failure(work: Workspace) -> None:
    report = validated(work, test_command=["no-such-tool-at-all"])
    failed = branch(report, "good").result.outcome
    assert isinstance(failed, Failed)
    assert failed.code == "validation_not_possible"


def test_a_check_is_for_some_targets_and_some_paths(work: Workspace) -> None:
    report = validated(
        work,
        checks=[
            {"name": "code", "command": [PY, "test.py"], "paths": ["*.py"]},
            {"name": "elsewhere", "command": ["false"], "targets": ["release/*"]},
        ],
    )
    assert checks(report, "docs")["code"].status is CheckStatus.SKIPPED
    assert checks(report, "docs")["elsewhere"].status is CheckStatus.SKIPPED
    assert branch(report, "docs").result.validation.status is ValidationStatus.SKIPPED
    assert checks(report, "good")["code"].status is CheckStatus.PASSED
    assert branch(report, "bad").verdict is Verdict.FAILED


def test_what_fails_on_the_target_does_not_condemn_a_branch(work: Workspace) -> None:
    work.commit("target breaks", {"test.py": b"raise SystemExit(4)\n"})
    report = validated(work, test_command=[PY, "test.py"])
    good = checks(report, "good")["tests"]
    assert good.status is CheckStatus.FAILED_BEFORE
    assert "main itself" in good.reason
    assert branch(report, "good").verdict is Verdict.ALIGNED
    work.git("branch", "-f", "good2", "good~1")
    work.switch("good2")
    work.commit("more", {"z.py": b"\n"})
    work.switch("main")
    work.commit("moves on", {"zz.py": b"\n"})
    strict = validated(work, test_command=[PY, "test.py"], fail_on_new_only=False)
    assert branch(strict, "good2").verdict is Verdict.FAILED


def test_a_flaky_check_is_named_and_does_not_condemn(work: Workspace, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    script = f"echo x >> {counter}; test $(($(wc -l < {counter}) % 2)) = 0"
    report = validated(work, test_command=["sh", "-c", script], confinement="none", work_trees=1)
    assert {checks(report, name)["tests"].status for name in ("good", "bad", "docs")} == {CheckStatus.FLAKY}
    assert branch(report, "good").verdict is Verdict.ALIGNED
    counter.write_text("")
    work.switch("main")
    work.commit("again", {"again": b""})
    strict = validated(
        work,
        test_command=["sh", "-c", script],
        confinement="none",
        work_trees=1,
        rerun_failed=False,
        fail_on_new_only=False,
    )
    assert branch(strict, "good").verdict is Verdict.FAILED or branch(strict, "bad").verdict is Verdict.FAILED


def test_a_pass_is_remembered_by_tree_command_and_environment(work: Workspace, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = ["sh", "-c", f"echo ran >> {log}"]

    def again(**settings: Any) -> int:
        log.write_text("")
        for name in ("good", "bad", "docs"):
            work.git("update-ref", f"refs/heads/{name}", old[name])
        report = validated(work, confinement="none", **settings)
        assert branch(report, "good").verdict is Verdict.ALIGNED
        return len(log.read_text().splitlines())

    old = {name: work.git("rev-parse", name) for name in ("good", "bad", "docs")}
    assert again(test_command=command) == 3
    assert again(test_command=command) == 0
    assert again(test_command=[*command, "other"]) == 3
    assert again(checks=[{"name": "x", "command": command, "environment": {"A": "1"}}]) == 3
    assert again(checks=[{"name": "renamed", "command": command, "environment": {"A": "1"}}]) == 0
    report = validated(work, test_command=command, confinement="none")
    assert report.counts() == {"unchanged": 3}


def test_a_failure_is_not_remembered(work: Workspace) -> None:
    validated(work, test_command=[PY, "test.py"])
    again = validated(work, test_command=[PY, "test.py"])
    assert checks(again, "bad")["tests"].attempts == 2


def test_files_that_must_be_there(work: Workspace) -> None:
    for name, content in (("gone", None), ("empty", b" \n"), ("broken", b"{,}\n")):
        work.switch(name, "main")
        work.commit(name, {"conf.json": content})
    work.switch("main")
    work.commit("later", {"later": b""})
    report = validated(
        work,
        critical_files=[
            {"path": "conf.json", "checks": ["exists", "non_empty", "valid_json"]},
            {"path": "never/there", "checks": ["exists"]},
        ],
    )
    assert {name: branch(report, name).verdict for name in ("good", "gone", "empty", "broken")} == {
        "good": Verdict.ALIGNED,
        "gone": Verdict.FAILED,
        "empty": Verdict.FAILED,
        "broken": Verdict.FAILED,
    }
    assert "is not there" in checks(report, "gone")["file conf.json"].reason
    assert "is empty" in checks(report, "empty")["file conf.json"].reason
    assert "is not JSON" in checks(report, "broken")["file conf.json"].reason
    assert checks(report, "good")["file never/there"].status is CheckStatus.FAILED_BEFORE


def test_advice_does_not_refuse(work: Workspace) -> None:
    report = validated(
        work, checks=[{"name": "advice", "command": ["false"], "required": False}], fail_on_new_only=False
    )
    assert checks(report, "good")["advice"].status is CheckStatus.FAILED
    assert branch(report, "good").verdict is Verdict.ALIGNED


def test_coverage_too_low_refuses(work: Workspace) -> None:
    report = validated(
        work,
        fail_on_new_only=False,
        checks=[
            {
                "name": "coverage",
                "command": ["echo", "TOTAL 65%"],
                "coverage_pattern": r"TOTAL (\d+)%",
                "min_coverage_percent": 80,
            }
        ],
    )
    assert "65 %" in branch(report, "good").detail


def test_the_gates_document(work: Workspace) -> None:
    report = validated(
        work,
        test_command=[PY, "test.py"],
        critical_files=[{"path": "conf.json", "checks": ["valid_json"]}],
        checks=[{"name": "build", "command": ["true"]}],
    )
    folder = work.path / ".git" / "gitalign" / "runs" / report.run.id / "validation"
    schema = json.loads((Path(gitalign.__file__).parent / "schemas" / "gate.schema.json").read_text())
    told = {}
    for name in ("good", "bad", "docs"):
        told[name] = json.loads((folder / f"{name}.json").read_text())
        jsonschema.validate(told[name], schema)
    good, bad = told["good"], told["bad"]
    assert good["can_push"] is True
    assert good["pre_merge_validation"]["checks_passed"] == 1
    assert good["comprehensive_validation"]["build_status"] == "passed"
    assert good["comprehensive_validation"]["test_results"]["status"] == "passed"
    assert good["developer_notification"] is None
    assert bad["can_push"] is False
    assert bad["validation_status"] == "failed"
    assert bad["developer_notification"]["recipient"] == "A U Thor <author@example.org>"
    assert "add is broken" in bad["developer_notification"]["message"]


def test_a_result_that_cannot_be_laid_out_fails_alone(work: Workspace) -> None:
    """A file whose content is missing, as in a partial copy."""
    work.switch("hole", "main")
    work.commit("hole", {"hole.bin": b"a content of its own\n"})
    lost = work.git("rev-parse", "hole:hole.bin")
    work.switch("main")
    work.commit("later", {"later": b""})
    (work.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    report = validated(work, test_command=[PY, "test.py"])
    assert branch(report, "good").verdict is Verdict.ALIGNED
    outcome = branch(report, "hole").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.code == "validation_not_possible"


def test_a_branch_with_nothing_of_its_own_is_excused(work: Workspace) -> None:
    work.git("branch", "behind", "main~1")
    report = run(work.path, validation__test_command=["false"], already_merged="fast-forward")
    one = branch(report, "behind")
    assert isinstance(one.result.outcome, Aligned)
    assert one.result.validation.status is ValidationStatus.SKIPPED


def test_stopping_cancels_what_was_not_checked_and_resume_goes_on(work: Workspace, tmp_path: Path) -> None:
    from gitalign.engine.runtime.signals import StopSignal

    stop = StopSignal()
    flag = tmp_path / "slow"
    flag.write_text("")
    command = ["sh", "-c", f"if test -e {flag}; then sleep 1; fi"]
    asked = request(
        work.path, validation__test_command=command, validation__confinement="none", validation__work_trees=1
    )
    plan = facade.plan(asked)
    before = work.git("for-each-ref", "refs/heads")

    def listen(event: Any) -> None:
        if event.kind == "validation_started":
            stop.request_stop()

    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), listeners=[listen], stop=stop)
    assert report.run.outcome == "interrupted"
    assert work.git("for-each-ref", "refs/heads") == before
    flag.unlink()
    (resumed,) = facade.resume(asked)
    assert branch(resumed, "good").verdict is Verdict.ALIGNED
    assert checks(resumed, "good")["tests"].status is CheckStatus.PASSED


@pytest.mark.parametrize("confinement", ["prefer", "none"])
def test_a_run_that_is_killed_while_it_checks_leaves_no_process_and_nothing_that_stays(
    work: Workspace, tmp_path: Path, confinement: str
) -> None:
    seconds = f"{5000 + os.getpid() % 1000}.{time.monotonic_ns() % 1_000_000}"
    settings = tmp_path / "config.yaml"
    settings.write_text(json.dumps({"validation": {"test_command": ["sleep", seconds], "confinement": confinement}}))
    before = work.git("for-each-ref", "refs/heads")
    running = subprocess.Popen(
        [PY, "-m", "gitalign", "run", "--yes", "--quiet", "--repo", str(work.path), "--config", str(settings)]
    )
    until = time.monotonic() + 60
    while not sleeping(seconds):
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert gone(seconds)
    assert work.git("for-each-ref", "refs/heads") == before
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "git-align"
    assert any(cache.rglob("tree"))
    report = validated(work, test_command=["true"])
    assert branch(report, "good").verdict is Verdict.ALIGNED
    mine = work_tree_home(None, str(work.path / ".git"), environ=os.environ)
    assert not mine.exists()


def test_nothing_is_left_behind(work: Workspace) -> None:
    validated(work, test_command=[PY, "test.py"])
    assert not work_tree_home(None, str(work.path / ".git"), environ=os.environ).exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test_command": "pytest -q"}, "test_command"),
        ({"test_command": []}, "test_command"),
        ({"checks": [{"name": "a", "command": ["x"]}, {"name": "a", "command": ["y"]}]}, "twice"),
        ({"checks": [{"name": "tests", "command": ["x"]}]}, "taken"),
        ({"checks": [{"name": "a", "command": ["x"], "coverage_pattern": "("}]}, "regular expression"),
        ({"checks": [{"name": "a", "command": ["x"], "coverage_pattern": "x"}]}, "group"),
        ({"checks": [{"name": "a", "command": ["x"], "min_coverage_percent": 80}]}, "coverage_pattern"),
        ({"critical_files": [{"path": "a\nb"}]}, "one line"),
        ({"critical_files": [{"path": "a", "checks": ["valid_xml"]}]}, "valid_json"),
        ({"confinement": "maybe"}, "require"),
    ],
)
def test_bad_settings_are_refused(work: Workspace, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        validated(work, **settings)


def test_the_stash_the_index_and_the_head_are_out_of_reach_of_checks(work: Workspace) -> None:
    """Edge case 72: what git says in a check is said of a small repository of the check's own."""
    (work.path / "conf.json").write_bytes(b"stashed\n")
    work.git("stash")
    (work.path / "staged").write_bytes(b"1\n")
    work.git("add", "staged")
    before = (work.git("for-each-ref"), work.git("reflog", "HEAD"), (work.path / ".git" / "index").read_bytes())
    script = (
        "git stash drop; git stash clear; git update-ref -d refs/stash; echo x > new; git add -A; git stash; "
        "git reset --hard; git checkout --orphan gone; git worktree prune; true"
    )
    report = run(
        work.path, only=("good",), validation__test_command=["sh", "-c", script], validation__confinement="none"
    )
    assert branch(report, "good").verdict is Verdict.ALIGNED
    unmoved = [line for line in before[0].splitlines() if "refs/heads/good" not in line]
    assert set(unmoved) <= set(work.git("for-each-ref").splitlines())
    assert (work.git("reflog", "HEAD"), (work.path / ".git" / "index").read_bytes()) == before[1:]
