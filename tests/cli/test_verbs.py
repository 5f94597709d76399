"""Every verb as a person or a script calls it: output, exit codes, JSON, errors."""

from __future__ import annotations

import json
import os
import pstats
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pexpect
import pytest

from tests import warm
from tests.git.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
LINES = b"".join(b"line %d\n" % number for number in range(30))


def call(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, without a terminal."""
    return warm.run(*words, cwd=cwd, env=env)


def schema(name: str) -> Any:
    import gitalign

    return json.loads((Path(gitalign.__file__).parent / "schemas" / name).read_text())


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    work.git("branch", "scientific")
    work.git("branch", "orchestration-tools")
    for name, files in (
        ("clean", {"own": b"1\n"}),
        ("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")}),
    ):
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("main", {"list": LINES.replace(b"line 3\n", b"three\n")})
    return work


def test_what_stands_before_a_verb_holds_for_the_verb(work: Workspace, tmp_path: Path) -> None:
    """Also for a verb of a verb; and the verb's own option wins."""
    here = Workspace(tmp_path / "here")
    here.commit("base", {"a": b"a\n"})
    before = here.git("for-each-ref")
    done = call("--repo", str(work.path), "--json", "run", "--yes", "--quiet", cwd=here.path)
    assert json.loads(done.stdout)["counts"] == {"aligned": 1, "conflicted": 1}
    assert here.git("for-each-ref") == before
    missing = call("--config", str(tmp_path / "nowhere.yaml"), "plan", cwd=here.path)
    assert missing.returncode == 2
    assert "nowhere.yaml" in missing.stderr
    nested = call("--repo", str(work.path), "--json", "rules", "check", "--pack", "python", cwd=tmp_path)
    assert nested.returncode in (0, 1), nested.stderr
    json.loads(nested.stdout)
    own = call("--repo", str(tmp_path), "plan", "--repo", str(work.path), cwd=tmp_path)
    assert own.returncode == 0, own.stderr


def test_help_is_quick_and_every_verb_has_one() -> None:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        assert call("--help").returncode == 0
        took.append(time.perf_counter() - started)
    assert min(took) < 0.6  # 0.1 s on an idle machine; the bench holds the 0.3 s
    for verb in ("plan", "forecast", "run", "runs", "show", "undo", "resume", "prune", "doctor", "demo", "version"):
        done = call(verb, "--help")
        assert done.returncode == 0
        assert verb in done.stdout


def test_plan_changes_nothing_and_says_why(work: Workspace) -> None:
    before = work.git("for-each-ref"), sorted(str(path) for path in (work.path / ".git").rglob("*"))
    done = call("plan", cwd=work.path)
    assert done.returncode == 0
    assert "clean" in done.stdout
    assert "own commit" in done.stdout
    assert "Nothing was changed" in done.stdout
    assert (work.git("for-each-ref"), sorted(str(path) for path in (work.path / ".git").rglob("*"))) == before


def test_forecast_moves_nothing_and_names_the_stop(work: Workspace) -> None:
    before = work.git("for-each-ref")
    done = call("forecast", cwd=work.path)
    assert done.returncode == 1, done.stderr
    assert "1 clean, 1 conflict" in done.stdout
    assert "conflicts at commit 1 of 1: list" in done.stdout
    assert "most contested paths:" in done.stdout
    assert "branches left out: 3" in done.stdout
    map_of_pairs = call("forecast", "--pairs", cwd=work.path)
    assert "pairs of branches: 1, of which 1 proved clean, 0 merged, 0 clash" in map_of_pairs.stdout
    assert "compared as far as git merges them with the target: 1" in map_of_pairs.stdout.replace("\n", " ")
    empty = work.path.parent / "empty"
    empty.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=empty, check=True)
    nothing = call("forecast", cwd=empty)
    assert nothing.returncode == 2
    assert "this repository has no branch yet" in nothing.stderr
    document = json.loads(call("forecast", "--all-targets", "--json", cwd=work.path).stdout)
    assert {(one["branch"], one["target"], one["prospect"]) for one in document["branches"]} == {
        ("clean", "main", "clean"),
        ("clash", "main", "conflict"),
        ("clean", "scientific", "unchanged"),
        ("clash", "scientific", "unchanged"),
        ("clean", "orchestration-tools", "unchanged"),
        ("clash", "orchestration-tools", "unchanged"),
    }
    assert call("forecast", "--only", "clean", "-q", cwd=work.path).returncode == 0
    refused = call("forecast", "--target", "nowhere", cwd=work.path)
    assert refused.returncode == 2
    assert "no such target branch: nowhere" in refused.stderr
    assert work.git("for-each-ref") == before


def test_run_without_leave_asks_for_yes(work: Workspace) -> None:
    before = work.git("for-each-ref")
    done = call("run", cwd=work.path)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert work.git("for-each-ref") == before


def test_run_end_to_end_with_results_file_and_exit_code(work: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    done = call("run", "--yes", "--output", str(output), cwd=work.path)
    assert done.returncode == 1, done.stderr
    assert "clash" in done.stdout
    assert "git align undo" in done.stdout
    document = json.loads(output.read_text())
    jsonschema.validate(document, schema("results.schema.json"))
    group = document["orchestration_results"]["main"]
    assert (group["processed_branches"], group["successful"], group["failed"]) == (2, 1, 1)
    entries = {entry["branch_name"]: entry for entry in group["branches"]}
    assert entries["clean"]["status"] == "completed"
    assert entries["clash"]["status"] == "failed_integration"
    assert entries["clash"]["errors_detected"] == ["merge_conflict_unresolvable"]
    assert set(document["orchestration_results"]) == {"main", "scientific", "orchestration-tools"}
    assert document["overall_summary"]["circuit_breaker_triggered"] is False
    assert not list(tmp_path.glob(".results.json*"))


def test_a_profile_of_a_run_counts_every_thread(work: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "stats.prof"
    refused = call("run", "--yes", "--output-stats", str(tmp_path / "nosuch/stats"), cwd=work.path)
    assert refused.returncode == 2
    assert call("run", "--yes", "--workers", "2", "--output-stats", str(place), cwd=work.path).returncode in (0, 1)
    counted = {name for _, _, name in pstats.Stats(str(place)).stats}  # type: ignore[attr-defined]
    assert {"execute", "publish", "align"} <= counted  # branches are aligned by threads of their own


def test_json_is_one_document_on_every_verb(work: Workspace) -> None:
    planned = json.loads(call("plan", "--json", cwd=work.path).stdout)
    assert {step["branch"]["name"] for step in planned["steps"]} == {"clean", "clash"}
    report = json.loads(call("run", "--yes", "--json", cwd=work.path).stdout)
    assert report["counts"] == {"aligned": 1, "conflicted": 1}
    assert report["exit_code"] == 1
    conflict = next(one for one in report["branches"] if one["branch"] == "clash")
    assert conflict["outcome"]["conflicts"][0]["kind"] == "CONFLICT (contents)"
    assert conflict["outcome"]["reproduce"]
    runs = json.loads(call("runs", "--json", cwd=work.path).stdout)["runs"]
    assert {"id", "started_at", "outcome", "moved"} <= runs[0].keys()
    assert runs[0]["moved"] == 1
    assert json.loads(call("show", "last", "--json", cwd=work.path).stdout)["run"]["id"] == runs[0]["id"]
    assert json.loads(call("show", "last", "clash", "--json", cwd=work.path).stdout)["verdict"] == "conflicted"
    preview = json.loads(call("undo", "last", "--dry-run", "--json", cwd=work.path).stdout)
    assert [one["state"] for one in preview["moves"]] == ["intended"]
    undone = json.loads(call("undo", "last", "--yes", "--json", cwd=work.path).stdout)
    assert [one["state"] for one in undone["moves"]] == ["moved"]
    assert json.loads(call("resume", "--json", cwd=work.path).stdout) == {
        "format": "git-align/reports",
        "version": "2.0",
        "reports": [],
    }
    assert (
        json.loads(call("prune", "--dry-run", "--json", "--older-than", "0", cwd=work.path).stdout)["dry_run"] is True
    )
    assert {one["check"] for one in json.loads(call("doctor", "--json", cwd=work.path).stdout)["checks"]} >= {
        "git",
        "disk",
    }
    assert json.loads(call("--json", cwd=work.path).stdout)["next_command"] == "git align run"


def test_errors_are_json_too_and_exit_codes_are_documented(work: Workspace, tmp_path: Path) -> None:
    done = call("plan", "--json", "--repo", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "not_a_repository"
    done = call("run", "--json", cwd=work.path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "not_permitted"
    done = call("show", "nope", cwd=work.path)
    assert done.returncode == 2
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    done = call("run", "--yes", "--strategy", "rebsae", cwd=work.path)
    assert done.returncode == 2
    assert "did you mean rebase" in done.stderr


def test_every_fault_of_a_branch_list_is_told(work: Workspace, tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    listed.write_text(
        '{"branches": [{"assigned_target": "main"}, {"branch_name": 3}, {"branch_name": "x", "confidence": 7}, 5]}'
    )
    done = call("run", "--yes", "--input", str(listed), cwd=work.path)
    assert done.returncode == 2
    for words in ("entry 0", "entry 1, branch_name", "entry 2, confidence", "entry 3"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_stops_before_the_work(work: Workspace, tmp_path: Path) -> None:
    before = work.git("for-each-ref")
    for place in (tmp_path, tmp_path / "missing" / "results.json"):
        done = call("run", "--yes", "--output", str(place), cwd=work.path)
        assert done.returncode == 2
    assert work.git("for-each-ref") == before


def test_saved_plan_is_run_later(work: Workspace, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert call("plan", "--save", str(plan), "--only", "clean", cwd=work.path).returncode == 0
    done = call("run", "--yes", "--plan", str(plan), cwd=work.path)
    assert done.returncode == 0, done.stderr
    assert work.git("merge-base", "--is-ancestor", "main", "clean") == ""
    plan.write_text(plan.read_text().replace('"name": "clean"', '"name": "clash"'))
    done = call("run", "--yes", "--plan", str(plan), cwd=work.path)
    assert done.returncode == 2
    assert "changed after it was made" in done.stderr


@pytest.mark.parametrize(
    "typed",
    [
        "--resolve-with imports",
        "--resolutions",
        "--strategy merge",
        "--merges x",
        "--partial",
        "--only clean",
        "--fetch",
    ],
)
def test_what_a_saved_plan_says_cannot_be_said_beside_it(work: Workspace, tmp_path: Path, typed: str) -> None:
    plan = tmp_path / "plan.json"
    assert call("plan", "--save", str(plan), cwd=work.path).returncode == 0
    before = work.git("for-each-ref")
    done = call("run", "--yes", "--plan", str(plan), *typed.split(), cwd=work.path)
    assert done.returncode == 2
    assert typed.split()[0] in done.stderr
    assert "git align plan" in done.stderr
    assert work.git("for-each-ref") == before


def test_dry_run_is_plan(work: Workspace) -> None:
    before = work.git("for-each-ref")
    done = call("run", "--dry-run", cwd=work.path)
    assert done.returncode == 0
    assert "Nothing was changed" in done.stdout
    assert work.git("for-each-ref") == before


def test_hostile_names_never_reach_the_terminal_raw(work: Workspace) -> None:
    tip = work.tip("clean")
    name = "evil\u202e\u0085\u009b31m"
    work.git("update-ref", "--stdin", stdin=b"create refs/heads/%b %b\n" % (name.encode(), tip.encode()))
    for words in (("plan",), ("run", "--yes"), ("show", "last", "-v"), ("undo", "last", "--dry-run")):
        done = call(*words, cwd=work.path)
        assert "evil" in done.stdout
        for char in "\u202e\u0085\u009b\x1b":
            assert char not in done.stdout + done.stderr, words


def test_status_says_where_things_stand_and_what_to_type(work: Workspace, tmp_path: Path) -> None:
    done = call(cwd=work.path)
    assert done.returncode == 0
    assert "2 branches to align" in done.stdout
    assert "next: git align plan" in done.stdout
    done = call(cwd=tmp_path)
    assert done.returncode == 2
    assert "--repo" in done.stderr


def test_empty_repository_and_empty_list(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "empty")
    assert call("plan", cwd=work.path).returncode == 2
    assert call("run", "--yes", cwd=work.path).returncode == 2
    listed = tmp_path / "list.json"
    listed.write_text("[]")
    output = tmp_path / "out.json"
    assert call("run", "--yes", "--input", str(listed), "--output", str(output), cwd=work.path).returncode == 0
    document = json.loads(output.read_text())
    jsonschema.validate(document, schema("results.schema.json"))
    assert document["overall_summary"]["total_branches_processed"] == 0


def test_works_as_a_git_subcommand(work: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "git-align"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gitalign "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["git", "align", "plan", "--json"],
        cwd=work.path,
        capture_output=True,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        check=True,
    )
    assert json.loads(done.stdout)["steps"]


def test_a_closed_pipe_is_no_error(work: Workspace) -> None:
    done = subprocess.run(
        f"{sys.executable} -m gitalign plan | true",
        shell=True,
        cwd=work.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_a_person_at_a_terminal_is_asked_and_may_say_no(work: Workspace) -> None:
    before = work.git("for-each-ref")
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "gitalign", "run"],
        cwd=str(work.path),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 140),
    )
    terminal.expect("Align 2 branches now")
    terminal.sendline("n")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1
    assert work.git("for-each-ref") == before


def test_a_person_at_a_terminal_sees_progress_and_the_result(work: Workspace) -> None:
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "gitalign", "run"],
        cwd=str(work.path),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 140),
    )
    terminal.expect("Align 2 branches now")
    terminal.sendline("y")
    terminal.expect("conflicted")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1


def test_no_colour_when_not_wanted(work: Workspace) -> None:
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "gitalign", "plan"],
        cwd=str(work.path),
        encoding="utf-8",
        timeout=30,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"},
    )
    terminal.expect(pexpect.EOF)
    assert "\x1b[3" not in (terminal.before or "")


def test_plain_lines_without_a_terminal(work: Workspace) -> None:
    done = call("run", "--yes", cwd=work.path)
    assert "2 of 2 branches" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_version_is_told_in_both_ways() -> None:
    assert call("--version").stdout == call("version").stdout


def test_how_far_a_branch_aligns_is_told_on_every_verb(work: Workspace) -> None:
    clean, broken = work.tip("main~1")[:10], work.tip("main")[:10]
    told = f"aligns nowhere further, first broken by {broken} (A U Thor: main)"
    assert told in " ".join(call("forecast", "--furthest", cwd=work.path, env={"COLUMNS": "300"}).stdout.split())
    call("run", "--yes", "--json", cwd=work.path)
    assert told in " ".join(call("show", "last", cwd=work.path, env={"COLUMNS": "300"}).stdout.split())
    one = call("show", "last", "clash", cwd=work.path, env={"COLUMNS": "300"}).stdout
    assert f"aligns nowhere above {clean}" in one
    assert f"first broken by commit {broken}" in one
    asked = json.loads(call("report", "--furthest", "--json", cwd=work.path).stdout)
    found = next(entry for entry in asked["branches"] if entry["branch"] == "clash")["outcome"]["furthest"]
    assert (found["gained"], found["ahead"], found["broken"][:10]) == (0, 1, broken)


def test_conflicts_are_grouped_and_told_one_by_one(work: Workspace) -> None:
    before = work.git("for-each-ref")
    done = call("conflicts", cwd=work.path, env={"COLUMNS": "200"})
    assert done.returncode == 1, done.stderr
    assert "1. one branch stops: contents in list" in done.stdout
    assert f"caused by  {work.tip('main')[:12]} main, A U Thor <author@example.org>" in done.stdout
    one = call("conflicts", "clash", cwd=work.path, env={"COLUMNS": "200"})
    assert one.returncode == 1
    assert '"ours" (stage 2) is the target main' in one.stdout
    assert "| drei" in one.stdout
    assert "git -C ../align-clash -c rebase.updateRefs=false" in one.stdout
    document = json.loads(call("conflicts", "--json", cwd=work.path).stdout)
    assert [group["branches"] for group in document["groups"]] == [["clash"]]
    fine = call("conflicts", "clean", cwd=work.path)
    assert (fine.returncode, "clean does not conflict" in fine.stdout) == (0, True)
    assert work.git("for-each-ref") == before


def test_the_next_step_that_is_named_for_a_merge_that_was_not_made_again_works(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    work.switch("side", "main")
    work.commit("side", {"side": b"1\n"})
    work.switch("topic", "main")
    work.commit("mine", {"f": LINES.replace(b"line 3\n", b"mine\n")})
    work.git("merge", "-q", "--no-edit", "side")
    work.git("branch", "-D", "side")
    work.switch("main")
    work.commit("yours", {"f": LINES.replace(b"line 3\n", b"yours\n")})
    (work.path / "git-align.yml").write_text("alignment:\n  strategy: rebase-merges\n")
    done = call("run", "--yes", "--config", "git-align.yml", cwd=work.path)
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("next:"))
    words = line.split("git align ")[1].split("   ")[0].split()
    assert words == ["--config", "git-align.yml", "conflicts"]
    lines = call(*words, cwd=work.path).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("next:") and "resolve" in line)
    words = line.split("git align ")[1].split("   ")[0].split()
    assert words == ["--config", "git-align.yml", "resolve", "--strategy", "merge", "topic"]
    refused = call("resolve", "topic", "--config", "git-align.yml", cwd=work.path)
    assert refused.returncode == 2
    begun = call(*words, "--json", cwd=work.path)
    assert begun.returncode in (0, 1), begun.stderr
    assert '"f"' in begun.stdout
