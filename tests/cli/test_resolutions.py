"""The verbs of recorded resolutions, as a person or a script calls them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_verbs import call
from tests.resolve.clashes import clashing, settle_by_merge, text_with

SETTLED = text_with({10: b"both\n", 2: b"two\n", 25: b"own 0\n"})


def test_from_learning_to_forgetting(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo", branches=2)
    settle_by_merge(work, "topic0", {"f0": SETTLED})
    empty = call("resolutions", "list", cwd=work.path)
    assert (empty.returncode, "nothing is on record" in empty.stdout) == (0, True)
    learned = json.loads(call("resolutions", "learn", "--json", cwd=work.path).stdout)
    assert (learned["merges"], learned["conflicting"], learned["files"], learned["known"]) == (1, 1, 1, 0)
    (conflict,) = learned["added"]
    listed = call("resolutions", "list", cwd=work.path, env={"COLUMNS": "200"}).stdout
    assert conflict[:12] in listed
    assert "A U Thor <author@example.org>" in listed
    assert "learned from merge" in listed
    shown = call("resolutions", "show", conflict[:12], cwd=work.path).stdout
    assert "-ours" in shown
    assert "+both" in shown
    (document,) = json.loads(call("resolutions", "show", conflict, "--json", cwd=work.path).stdout)["resolutions"]
    assert document["postimage"].encode() == SETTLED
    run = call("run", "--yes", "--only", "topic*", "--resolutions", cwd=work.path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 conflict resolved by what was recorded" in run.stdout
    told = call("show", "last", "topic1", cwd=work.path, env={"COLUMNS": "300"}).stdout
    assert f"resolved   f0 in {work.git('rev-parse', 'topic1@{1}')[:12]}: conflict {conflict[:12]}" in told
    assert "resolution_applied" in told
    for form in ("md", "html", "sarif", "json", "junit"):
        assert conflict[:12] in call("report", "--format", form, cwd=work.path).stdout, form
    forgotten = call("resolutions", "forget", conflict[:12], cwd=work.path).stdout
    assert "topic0" in forgotten
    assert "topic1" in forgotten
    assert call("resolutions", "forget", conflict[:12], cwd=work.path).returncode == 2


def test_a_plan_says_whether_they_are_applied(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    plans = [
        json.loads(call("plan", "--json", *words, cwd=work.path).stdout)
        for words in ((), ("--resolutions",), ("--no-resolutions",))
    ]
    assert [one["policy"]["apply_resolutions"] for one in plans] == [False, True, False]
    assert plans[0]["id"] == plans[2]["id"] != plans[1]["id"]


def test_handing_on_and_taking_in(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_by_merge(work, "topic0", {"f0": SETTLED})
    call("resolutions", "learn", cwd=work.path)
    written = call("resolutions", "export", str(tmp_path / "handed.tar"), cwd=work.path)
    assert "1 resolution in" in written.stdout
    other = clashing(tmp_path / "other")
    taken = call("resolutions", "import", str(tmp_path / "handed.tar"), cwd=other.path)
    assert (taken.returncode, taken.stdout) == (0, "1 recorded, 0 known already\n")
    ref = call("resolutions", "import", "--ref", "no-such-ref", cwd=other.path)
    assert ref.returncode == 2
    nothing = call("resolutions", "import", str(tmp_path / "not there"), cwd=other.path)
    assert nothing.returncode == 2
