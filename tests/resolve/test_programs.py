"""Programs of the operator that settle conflicts: what they are given, what is taken from them, and how little they can do. Edge cases 40, 41."""

from __future__ import annotations

import json
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted, Failed, Outcome
from gitalign.core.plan import Permit
from gitalign.core.report import BranchReport
from gitalign.errors import ConfigError, PlanRefused
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace
from tests.resolve.test_ladder_runs import content, diverged
from tests.runs import branch, request, run

JSON_DRIVER = """
import json, sys
base, ours, theirs = (json.load(open(name)) for name in sys.argv[1:4])
made = {}
for key in [*ours, *(one for one in theirs if one not in ours)]:
    sides = [side.get(key) for side in (base, ours, theirs)]
    if sides[1] != sides[2] and sides[0] not in (sides[1], sides[2]):
        sys.exit(1)
    value = sides[2] if sides[1] == sides[0] else sides[1]
    if value is not None:
        made[key] = value
with open(sys.argv[2], "w") as file:
    json.dump(made, file, indent=1)
    file.write("\\n")
"""
BASE, OURS, THEIRS = b'{"a": 1}\n', b'{"a": 1, "b": 2}\n', b'{"a": 1, "c": 3}\n'
READS = "import json, sys, os, time, pathlib\nasked = json.load(sys.stdin)\n"


def tool(folder: Path, text: str) -> list[str]:
    """A program written for a test; words to start it with."""
    place = folder / "tool.py"
    place.write_text(text)
    return [sys.executable, str(place)]


def driven(work: Workspace, command: list[str], **more: object) -> dict[str, Any]:
    return {"resolutions__rungs": ["driver"], "resolutions__driver": {"command": command, **more}}


def asked(command: list[str], **more: object) -> dict[str, Any]:
    return {"resolutions__rungs": ["external"], "resolutions__external": {"command": command, "name": "oracle", **more}}


def outcome_of(work: Workspace, settings: dict[str, Any]) -> Outcome:
    return branch(run(work.path, **settings), "topic").result.outcome


def test_a_driver_that_knows_the_syntax_settles_what_lines_cannot(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"deep/f.json": (BASE, OURS, THEIRS)})
    settings = driven(work, [*tool(tmp_path, JSON_DRIVER), "%O", "%A", "%B"], paths=["*.json"], name="keys")
    outcome = outcome_of(work, settings)
    assert isinstance(outcome, Aligned)
    assert json.loads(content(work, "deep/f.json")) == {"a": 1, "b": 2, "c": 3}
    (one,) = outcome.resolved
    assert (one.path, one.resolver, one.source) == ("deep/f.json", "driver", "by the merge driver keys")
    (proof,) = facade.verify(request(work.path))
    assert proof.holds
    assert proof.certificate.resolved == outcome.resolved


def test_a_driver_is_given_what_git_gives_one(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"a b/f.py": (b"base\n", b"ours\n", b"theirs\n")})
    script = (
        "import sys, os\nsaid = [open(one).read() for one in sys.argv[1:4]] + sys.argv[1:] + sorted(os.listdir())\n"
        "open(sys.argv[2], 'w').write(repr(said))"
    )
    words = [*tool(tmp_path, script), "%O", "%A", "%B", "%L", "%P", "%S", "%X", "%Y", "100%%"]
    assert isinstance(outcome_of(work, driven(work, words)), Aligned)
    names = ["base.py", "ours.py", "theirs.py"]
    wanted = ["base\n", "ours\n", "theirs\n", *names, "7", "a b/f.py", "base", "ours", "theirs", "100%", *names]
    assert content(work, "a b/f.py").decode().strip() == repr(wanted)


def test_gits_own_merge_as_a_driver(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"a\nb\n", b"a\nc\n")})
    settings = driven(work, ["git", "merge-file", "--union", "%A", "%O", "%B"])
    assert isinstance(outcome_of(work, settings), Aligned)
    assert content(work, "f") == b"a\nb\nc\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; sys.exit(1)", "exit 1"),
        ("import sys; sys.exit(130)", "exit 130"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "137"),
        ("import time; time.sleep(600)", "no end after 2 s"),
        ("import os, time\nif os.fork() == 0: time.sleep(600)", "left the file as it was"),
        ("pass", "left the file as it was"),
        ("import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])", "left the file as it was"),
        ("import sys; open(sys.argv[2], 'w')", "nothing of the file"),
        ("import sys; open(sys.argv[2], 'w').write('<<<<<<< x\\na\\n=======\\nb\\n>>>>>>> y\\n')", "left a conflict"),
        ("import sys; open(sys.argv[2], 'w').write('a\\0b')", "not text"),
        ("import sys; open(sys.argv[2], 'w').write('x' * 5_000_000)", "too long"),
        ("import os, sys; os.unlink(sys.argv[2])", "no answer"),
        ("import os, sys; os.unlink(sys.argv[2]); os.symlink('/etc/passwd', sys.argv[2])", "no answer"),
        ("import os, sys; os.unlink(sys.argv[2]); os.mkfifo(sys.argv[2])", "no answer"),
        (None, "is not there"),
    ],
)
def test_a_driver_that_fails_settles_nothing(tmp_path: Path, script: str | None, words: str) -> None:
    work = diverged(tmp_path / "repo", {"f.json": (BASE, OURS, THEIRS)})
    command = tool(tmp_path, script) if script is not None else ["no-such-merge-tool"]
    tip = work.tip("topic")
    started = time.monotonic()
    outcome = outcome_of(work, driven(work, [*command, "%O", "%A", "%B"], timeout_seconds=2, name="tool"))
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved[0].startswith("f.json: tool: ")
    assert words in outcome.unresolved[0]
    assert work.tip("topic") == tip
    assert time.monotonic() - started < 60


def test_a_tool_that_is_not_there_is_told_once_for_the_run(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.json": (BASE, OURS, THEIRS)})
    report = run(work.path, **driven(work, ["no-such-merge-tool", "%A"], name="tool"))
    told = "tool settles nothing: no-such-merge-tool is not there, or cannot be executed"
    assert report.notices.count(told) == 1
    assert told in call("report", "--format", "md", cwd=work.path).stdout
    fine = run(work.path, **driven(work, [*tool(tmp_path, JSON_DRIVER), "%O", "%A", "%B"]))
    assert not any("settles nothing" in notice for notice in fine.notices)


def test_what_a_driver_is_not_for_is_not_given_to_it(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.txt": (b"a\n", b"b\n", b"c\n")})
    outcome = outcome_of(work, driven(work, [*tool(tmp_path, JSON_DRIVER), "%O", "%A", "%B"], paths=["*.json"]))
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved == ("f.txt: no recorded resolution or enabled resolver applies",)


def test_a_proposal_is_told_with_whoever_made_it(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    script = READS + "print(json.dumps({'content': 'b and c\\n', 'by': 'model \\x1b[31m7', 'note': 'both'}))"
    outcome = outcome_of(work, asked(tool(tmp_path, script)))
    assert isinstance(outcome, Aligned)
    (one,) = outcome.resolved
    assert (one.resolver, one.recorded_by, one.source) == ("external", "model [31m7", "as oracle proposed: both")
    assert content(work, "f") == b"b and c\n"
    (proof,) = facade.verify(request(work.path))
    assert proof.certificate.resolved == (one,)
    shown = call("show", "last", "topic", cwd=work.path, env={"COLUMNS": "300"}).stdout
    assert "as oracle proposed: both by model [31m7" in shown


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_what_the_command_is_given_is_what_the_schema_says(tmp_path: Path, strategy: str) -> None:
    sides = (b"a\n\xff\n", b"b\n\xff\n", "ä\n".encode())
    work = diverged(tmp_path / "repo", {"f": sides})
    tip = work.tip("topic")
    script = READS + "print(json.dumps({'content': json.dumps(asked) + chr(10)}))"
    assert isinstance(outcome_of(work, {**asked(tool(tmp_path, script)), "strategy": strategy}), Aligned)
    given = json.loads(content(work, "f"))
    schema = json.loads(files("gitalign").joinpath("schemas/resolve-request.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(given)
    assert (given["path"], given["target"]) == ("f", "main")
    mine, other = ("theirs", "ours") if strategy == "rebase" else ("ours", "theirs")
    assert (given[mine], given[other], given["base"]) == ("ä\n", {"base64": "Ygr/Cg=="}, {"base64": "YQr/Cg=="})
    assert (given["commit"], given["subject"]) == ((tip, "topic") if strategy == "rebase" else (None, ""))
    assert given["regions"] == [{"first_line": 1, "last_line": 6}]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print(json.dumps({'decline': 'beyond me'}))", "it declined: beyond me"),
        ("print('Sure! Here is the file')", "no JSON"),
        ("print('[' * 100000)", "no JSON"),
        ("print('[1]')", "no JSON object"),
        ("sys.stdout.buffer.write(json.dumps({'content': 'x'}).encode('utf-16'))", "no JSON in UTF-8"),
        ("sys.stdout.buffer.write(bytes([255, 254, 0, 193]))", "no JSON in UTF-8"),
        ("print(json.dumps({'by': 'me'}))", "no content"),
        ("print(json.dumps({'content': 7}))", "no content"),
        ("print(json.dumps({'content': {'base64': '?'}}))", "no base64"),
        ("print(json.dumps({'content': 'a' + chr(0xd800)}))", "not text"),
        ("print(json.dumps({'content': 'a' + chr(0)}))", "not text"),
        ("print(json.dumps({'content': asked['marked']}))", "left a conflict"),
        ("print(json.dumps({'content': 'x' * 4_200_000}))", "longer than"),
        ("print(json.dumps({'content': ''}))", "nothing of the file"),
        ("print(json.dumps({'content': asked['ours']}))", "took one side"),
        ("print(json.dumps({'content': asked['theirs']}))", "took one side"),
        ("print(json.dumps({'content': asked['base']}))", "left the file as it was"),
        ("print(json.dumps({'content': 'x' + chr(10) + '||||||| y' + chr(10)}))", "left a conflict"),
        ("sys.stdout.write('x' * 40_000_000)", "too long"),
        ("time.sleep(600)", "no end after 2 s"),
        ("sys.exit('broken')", "exit 1 (broken)"),
    ],
)
def test_an_answer_that_is_none_settles_nothing(tmp_path: Path, script: str, words: str) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    tip = work.tip("topic")
    outcome = outcome_of(work, asked(tool(tmp_path, READS + script), timeout_seconds=2))
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved[0].startswith("f: oracle: ")
    assert words in outcome.unresolved[0]
    assert work.tip("topic") == tip


def test_nothing_secret_is_to_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "hush")
    monkeypatch.setenv("A_KEY", "told")
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    script = READS + "print(json.dumps({'content': json.dumps([dict(os.environ), os.listdir()]) + chr(10)}))"
    assert isinstance(outcome_of(work, asked(tool(tmp_path, script), pass_environment=["A_KEY"])), Aligned)
    environment, there = json.loads(content(work, "f"))
    assert environment["A_KEY"] == "told"
    assert "A_TOKEN" not in environment
    assert environment["HOME"] != str(Path.home())
    assert there == []


def test_asked_once_for_the_same_conflict_and_the_forecast_is_what_runs(tmp_path: Path) -> None:
    """Not even a command that answers otherwise every time makes the run another one than was foreseen."""
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    work.git("branch", "twin", "topic")
    work.switch("twin")
    work.commit("more", {"g": b"g\n"})
    work.switch("main")
    log = tmp_path / "asked"
    script = (
        READS + f"open({str(log)!r}, 'a').write('x')\nprint(json.dumps({{'content': str(time.time_ns()) + chr(10)}}))"
    )
    settings = {**asked(tool(tmp_path, script)), "validation__confinement": "none"}
    first = facade.forecast(request(work.path, **settings))
    again = facade.forecast(request(work.path, **settings))
    assert log.read_text() == "x"
    other = {**settings, **asked(tool(tmp_path, script), name="another")}
    anew = facade.forecast(request(work.path, **other))
    assert log.read_text() == "xx"
    assert anew.branches[0].tree != first.branches[0].tree
    report = run(work.path, **settings)
    assert log.read_text() == "xx"
    trees = {one.branch: one.tree for one in first.branches}
    assert trees == {one.branch: one.tree for one in again.branches}
    for name in ("topic", "twin"):
        outcome = branch(report, name).result.outcome
        assert isinstance(outcome, Aligned)
        assert outcome.tree == trees[name]


def test_it_is_asked_so_often_and_no_more(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {name: (b"a\n", b"b\n" + name.encode(), b"c\n") for name in ("f", "g")})
    script = READS + "print(json.dumps({'content': 'x\\n'}))"
    outcome = outcome_of(work, asked(tool(tmp_path, script), max_per_run=1))
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved == ("g: oracle: it was asked 1 times in this run already",)
    assert isinstance(outcome_of(work, asked(tool(tmp_path, script), max_per_run=2)), Aligned)


def test_a_verdict_from_before_does_not_keep_it_from_being_asked(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    flag = tmp_path / "ready"
    script = (
        READS + f"print(json.dumps({{'content': 'x'}} if os.path.exists({str(flag)!r}) else {{'decline': 'not now'}}))"
    )
    settings = {**asked(tool(tmp_path, script)), "validation__confinement": "none"}
    assert isinstance(outcome_of(work, settings), Conflicted)
    flag.touch()
    assert isinstance(outcome_of(work, settings), Aligned)


def refused(work: Workspace, settings: dict[str, Any]) -> tuple[BranchReport, Failed]:
    tip = work.tip("topic")
    report = run(work.path, **settings)
    one = branch(report, "topic")
    assert isinstance(one.result.outcome, Failed)
    assert work.tip("topic") == tip
    assert report.publications == ()
    assert facade.verify(request(work.path)) == ()
    return one, one.result.outcome


def test_what_detection_refuses_is_not_published_and_the_proposal_is_named(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.py": (b"a = 1\n", b"a = 2\n", b"a = 3\n")})
    script = READS + "print(json.dumps({'content': 'def broken(:\\n', 'by': 'model 7'}))"
    one, outcome = refused(work, asked(tool(tmp_path, script)))
    assert outcome.stage == "detect"
    assert outcome.reason.endswith("(1 conflict in it was resolved without a person: external)")
    assert [(used.path, used.resolver, used.recorded_by) for used in outcome.resolved] == [
        ("f.py", "external", "model 7")
    ]
    assert "resolution_applied" in [finding.code for finding in outcome.findings]
    assert "resolved without a person" in one.detail
    shown = call("show", "last", "topic", cwd=work.path, env={"COLUMNS": "300"}).stdout
    assert "as oracle proposed by model 7" in shown
    for form in ("md", "html", "sarif", "json", "junit"):
        assert "oracle" in call("report", "--format", form, cwd=work.path).stdout, form


def test_what_a_check_refuses_is_not_published_and_the_rungs_are_named(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"a \n", b"b\n"), "g": (b"a\n", b"b\n", b"c\n")})
    script = READS + "print(json.dumps({'content': 'x\\n'}))"
    check = {"name": "no-x", "command": [sys.executable, "-c", "assert open('g').read() != 'x\\n'"]}
    settings = {**asked(tool(tmp_path, script)), "validation__checks": [check]}
    _, outcome = refused(work, {**settings, "resolutions__rungs": ["whitespace", "external"]})
    assert outcome.code == "validation_failed"
    assert outcome.reason.endswith("(2 conflicts in it were resolved without a person: whitespace, external)")
    assert [(used.path, used.resolver) for used in outcome.resolved] == [("f", "whitespace"), ("g", "external")]
    told = [finding.path for finding in outcome.findings if finding.code == "resolution_applied"]
    assert told == ["f", "g"]


def test_a_plan_is_refused_under_other_commands(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f": (b"a\n", b"b\n", b"c\n")})
    script = tool(tmp_path, READS + "print(json.dumps({'content': 'x\\n'}))")
    plan = facade.plan(request(work.path, **asked(script)))
    other = request(work.path, **asked([*script, "--evil"]))
    with pytest.raises(PlanRefused, match="other commands"):
        facade.run(other, plan=plan, permit=Permit(plan_id=plan.id))
    with pytest.raises(PlanRefused, match="other commands"):
        facade.forecast(request(work.path), plan=plan)


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b""})
    faults: tuple[tuple[dict[str, Any], str], ...] = (
        ({"resolutions__rungs": ["driver"]}, "resolutions.driver"),
        ({"resolutions__rungs": ["external"]}, "resolutions.external"),
        (driven(work, ["tool", "%O", "%B"]), "%A"),
        (driven(work, []), "command"),
    )
    for settings, words in faults:
        with pytest.raises(ConfigError, match=words):
            facade.plan(request(work.path, **settings))
