"""The seven scenarios of the end-to-end specification: a repository each, the command itself, git as the judge, one report.

python -m tests.scenarios.scenarios FOLDER     # runs them and writes scenarios.json and scenarios.md there
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import warm
from tests.git.workspace import Workspace

LINES = b"".join(b"line %d\n" % number for number in range(60))


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        build: makes the repository.
        expected: branch -> (status of the results file, error codes that must be among its errors).
        settings: configuration of the run.
        afterwards: what a person does before the command is run again; None for nothing.
        finally_: expected after the second run.
    """

    name: str
    description: str
    build: Callable[[Workspace], None]
    expected: dict[str, tuple[str, tuple[str, ...]]]
    settings: dict[str, Any]
    afterwards: Callable[[Workspace, list[str]], None] | None = None
    finally_: dict[str, tuple[str, tuple[str, ...]]] | None = None


def _clean(work: Workspace) -> None:
    work.commit("base", {"a": LINES, "b": LINES})
    work.switch("feature/clean", "main")
    work.commit("feat: one", {"new": b"1\n"})
    work.commit("fix: two", {"a": LINES.replace(b"line 50\n", b"fifty\n")})
    work.switch("main")
    work.commit("on", {"a": LINES.replace(b"line 3\n", b"three\n")})


def _fast_forward(work: Workspace) -> None:
    work.commit("base", {"a": LINES})
    work.git("branch", "feature/behind")
    work.commit("on", {"a": LINES + b"more\n"})


def _conflict(work: Workspace) -> None:
    work.commit("base", {"a": LINES})
    work.switch("feature/conflict", "main")
    work.commit("feat: theirs", {"a": LINES.replace(b"line 7\n", b"seven of the branch\n")})
    work.switch("main")
    work.commit("on", {"a": LINES.replace(b"line 7\n", b"seven of the target\n")})


def _unresolvable(work: Workspace) -> None:
    work.commit("base", {"a": LINES, "gone": LINES})
    work.switch("feature/unresolvable", "main")
    work.commit("feat: rewritten", {"a": LINES.upper(), "gone": LINES.upper()})
    work.switch("main")
    work.commit("refactor: everything else", {"a": LINES.replace(b"line", b"row"), "gone": None})


def _divergent(work: Workspace) -> None:
    work.commit("base", {f"f{number}": LINES for number in range(10)})
    work.switch("feature/divergent", "main")
    for number in range(35):
        work.commit(f"feat: step {number}", {f"own/{number}": b"%d\n" % number, "f1": LINES + b"%d\n" % number})
    work.switch("main")
    for number in range(40):
        # A commit every two days: the branch is 80 days behind in the end.
        date = f"{1_700_000_000 + number * 2 * 86_400} +0000"
        place = work.path / f"f{2 + number % 8}"
        place.write_bytes(LINES.replace(b"line %d\n" % (number % 50), b"changed %d\n" % number))
        work.git("add", "-A")
        work.git("commit", "-qm", f"on {number}", env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})


_COVERED = b"import pathlib\nprint('TOTAL 100 35', pathlib.Path('covered').read_text().strip() + '%')\n"


def _uncovered(work: Workspace) -> None:
    work.commit("base", {"covered": b"92\n", "cover.py": _COVERED})
    work.switch("feature/uncovered", "main")
    work.commit("feat: without tests", {"new.py": b"x = 1\n", "covered": b"65\n"})
    work.switch("main")
    work.commit("on", {"other": b"1\n"})


def _mixed(work: Workspace) -> None:
    work.commit("base", {"a": LINES, "b": LINES})
    for target in ("scientific", "orchestration-tools"):
        work.switch(target, "main")
        work.commit(f"start of {target}", {f"{target}.txt": LINES})
    for target in ("main", "scientific", "orchestration-tools"):
        for kind in ("clean", "clash"):
            work.switch(f"{target}-{kind}", target)
            change = {f"new-{target}": b"1\n"} if kind == "clean" else {"a": LINES.replace(b"line 9\n", b"nine\n")}
            work.commit(f"feat: {kind}", change)
        work.switch(target)
        work.commit("on", {"a": LINES.replace(b"line 9\n", b"NINE of %b\n" % target.encode())})


def _resolve(work: Workspace, commands: list[str]) -> None:
    """Follow the commands of the report, then resolve as a person would."""
    environment = {**os.environ, "GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": "/dev/null"}
    *meet, leave = commands
    for command in meet:
        subprocess.run(command, shell=True, cwd=work.path, env=environment, check=False, capture_output=True)
    holder = next(
        (
            Path(line.removeprefix("worktree "))
            for line in work.git("worktree", "list", "--porcelain").splitlines()
            if line.startswith("worktree ") and (_conflicted(Path(line.removeprefix("worktree "))))
        ),
        work.path,
    )
    (holder / "a").write_bytes(LINES.replace(b"line 7\n", b"seven of both\n"))
    for words in (("add", "a"), ("rebase", "--continue")):
        subprocess.run(["git", *words], cwd=holder, env=environment, check=True, capture_output=True)
    resolved = subprocess.run(["git", "rev-parse", "HEAD"], cwd=holder, check=True, capture_output=True, text=True)
    work.git("update-ref", "refs/heads/feature/conflict", resolved.stdout.strip())
    subprocess.run(leave, shell=True, cwd=work.path, check=True, capture_output=True)


def _conflicted(place: Path) -> bool:
    done = subprocess.run(["git", "ls-files", "-u"], cwd=place, capture_output=True, check=False)
    return bool(done.stdout)


_FAILED = ("failed_integration", ("merge_conflict_unresolvable",))
_DONE: tuple[str, tuple[str, ...]] = ("completed", ())

SCENARIOS = (
    Scenario("clean", "applies without a conflict", _clean, {"feature/clean": _DONE}, {}),
    Scenario("fast_forward", "has nothing of its own", _fast_forward, {"feature/behind": _DONE}, {}),
    Scenario(
        "resolvable_conflict",
        "stops, is resolved by a person with the commands of the report, then is done",
        _conflict,
        {"feature/conflict": _FAILED},
        {},
        afterwards=_resolve,
        finally_={"feature/conflict": _DONE},
    ),
    Scenario(
        "unresolvable_conflict",
        "rewrites what the target rewrote and deleted",
        _unresolvable,
        {"feature/unresolvable": _FAILED},
        {},
    ),
    Scenario("divergent", "35 commits, 80 days behind", _divergent, {"feature/divergent": _DONE}, {}),
    Scenario(
        "validation_failure",
        "covers 65 % where 80 % are asked for",
        _uncovered,
        {"feature/uncovered": ("failed_validation", ("validation_failed",))},
        {
            "validation": {
                "checks": [
                    {
                        "name": "coverage",
                        "command": ["python3", "cover.py"],
                        "coverage_pattern": r"TOTAL.*?(\d+)%",
                        "min_coverage_percent": 80,
                    }
                ]
            }
        },
    ),
    Scenario(
        "multi_target",
        "three targets, on each a branch that applies and one that clashes",
        _mixed,
        {
            **{f"{target}-clean": _DONE for target in ("main", "scientific", "orchestration-tools")},
            **{f"{target}-clash": _FAILED for target in ("main", "scientific", "orchestration-tools")},
        },
        {},
    ),
)


def play(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Build, run, look: one entry of `scenario_results`."""
    work = Workspace(folder / "repo")
    scenario.build(work)
    before = {line.split()[1]: line.split()[0] for line in _tips(work)}
    started = time.monotonic()
    results, report = _run(work, folder, scenario.settings)
    took = time.monotonic() - started
    faults = _faults(results, scenario.expected)
    if scenario.afterwards is not None:
        stopped = next(one for one in report["branches"] if one["outcome"]["kind"] == "conflicted")
        scenario.afterwards(work, stopped["outcome"]["reproduce"])
        work.git("worktree", "prune")
        results, report = _run(work, folder, scenario.settings)
        faults += _faults(results, scenario.finally_ or {})
        before = {**before, **{line.split()[1]: line.split()[0] for line in _tips(work)}}
    return {
        "scenario": scenario.name,
        "description": scenario.description,
        "passed": not faults,
        "faults": faults,
        "execution_time_seconds": round(took, 3),
        "branches": {
            name: one["status"]
            for group in results["orchestration_results"].values()
            for name, one in ((entry["branch_name"], entry) for entry in group["branches"])
        },
        "errors": sorted(
            {
                code
                for group in results["orchestration_results"].values()
                for entry in group["branches"]
                for code in entry["errors_detected"]
            }
        ),
        "peak_memory_bytes": report["peak_memory_bytes"],
        "git_verification": _verified(work, report, before),
    }


def _tips(work: Workspace) -> list[str]:
    return work.git("for-each-ref", "--format=%(objectname) %(refname:short)", "refs/heads").splitlines()


def _run(work: Workspace, folder: Path, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    config = folder / "config.json"
    config.write_text(json.dumps(settings))
    output = folder / "results.json"
    words = ["run", "--yes", "--quiet", "--json", "--repo", work.path, "--config", config, "--output", output]
    done = warm.run(*words)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(output.read_text()), json.loads(done.stdout)


def _faults(results: dict[str, Any], expected: dict[str, tuple[str, tuple[str, ...]]]) -> list[str]:
    found = {
        entry["branch_name"]: entry
        for group in results["orchestration_results"].values()
        for entry in group["branches"]
    }
    faults: list[str] = []
    for name, (status, codes) in expected.items():
        entry = found.get(name)
        if entry is None:
            faults.append(f"{name} is not in the results")
        elif entry["status"] != status or not set(codes) <= set(entry["errors_detected"]):
            faults.append(f"{name}: {entry['status']} {entry['errors_detected']}, expected {status} {list(codes)}")
    return faults


def _verified(work: Workspace, report: dict[str, Any], before: dict[str, str]) -> dict[str, Any]:
    """What git says: merges above the targets, branches that moved and should not have, soundness, a clean work tree."""
    merges = 0
    unexpected: list[str] = []
    for one in report["branches"]:
        name, target = one["branch"], one["target"]
        now = work.git("rev-parse", f"refs/heads/{name}")
        if one["verdict"] == "aligned":
            merges += len(work.git("rev-list", "--merges", f"{target}..{name}").splitlines())
            if work.git("merge-base", target, name) != work.git("rev-parse", target):
                unexpected.append(f"{name} does not contain {target}")
        elif now != before[name]:
            unexpected.append(f"{name} moved")
    if work.git("status", "--porcelain"):
        unexpected.append("the work tree was touched")
    if "missing" in work.git("fsck", "--full", "--no-dangling"):
        unexpected.append("objects are missing")
    return {"history_clean": not merges and not unexpected, "merge_commits": merges, "unexpected_changes": unexpected}


def report_of(played: list[dict[str, Any]]) -> dict[str, Any]:
    """The specification's document."""
    times = [one["execution_time_seconds"] for one in played]
    errors = sorted({code for one in played for code in one["errors"]})
    return {
        "report_metadata": {"suite": "git-align end to end", "scenarios": len(played)},
        "test_summary": {
            "total": len(played),
            "passed": sum(one["passed"] for one in played),
            "failed": sum(not one["passed"] for one in played),
        },
        "scenario_results": played,
        "framework_validation": {
            "every_branch_has_an_outcome": all(one["branches"] for one in played),
            "history_clean": all(one["git_verification"]["history_clean"] for one in played),
        },
        "error_categories": {code: sum(code in one["errors"] for one in played) for code in errors},
        "performance_metrics": {
            "min_seconds": min(times),
            "max_seconds": max(times),
            "avg_seconds": round(sum(times) / len(times), 3),
            "peak_memory_usage_mb": round(max(one["peak_memory_bytes"] for one in played) / 1e6, 1),
        },
    }


def markdown_of(document: dict[str, Any]) -> str:
    """The same for people."""
    summary, speed = document["test_summary"], document["performance_metrics"]
    lines = [
        "# Seven scenarios end to end",
        "",
        f"{summary['passed']} of {summary['total']} passed; {speed['min_seconds']:.1f} to {speed['max_seconds']:.1f} s each, "
        f"peak memory {speed['peak_memory_usage_mb']:.0f} MB.",
        "",
        "| scenario | what | passed | history clean | errors |",
        "|---|---|---|---|---|",
    ]
    for one in document["scenario_results"]:
        clean = "yes" if one["git_verification"]["history_clean"] else "no"
        lines.append(
            f"| {one['scenario']} | {one['description']} | {'yes' if one['passed'] else '; '.join(one['faults'])} "
            f"| {clean} | {', '.join(one['errors'])} |"
        )
    return "\n".join(lines) + "\n"


def main(folder: Path) -> int:
    """Play all and write both reports."""
    played: list[dict[str, Any]] = []
    for scenario in SCENARIOS:
        place = folder / scenario.name
        place.mkdir(parents=True)
        played.append(play(scenario, place))
    document = report_of(played)
    (folder / "scenarios.json").write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")
    (folder / "scenarios.md").write_text(markdown_of(document), encoding="utf-8")
    return 0 if not document["test_summary"]["failed"] else 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
