"""A run written up in every form: what CI pages read is well-formed, whatever names a repository has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.facade import reporting
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request, run
from tests.views.test_forecast_page import data_of

LINES = b"".join(b"line %d\n" % number for number in range(30))
ODD = 'odd<&>"name'


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """One branch aligned with changed surroundings, one stuck, one refused by detection, one contained, one unrelated."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "lib/__init__.py": b"", "lib/text.py": b"def parse():\n    pass\n"})
    work.git("branch", "done")
    work.switch(ODD, "main")
    work.commit("near </script>", {"f": LINES.replace(b"line 20\n", b"zwanzig\n"), "n o\x01t.txt": b"gr\xfcn\n"})
    work.switch("stuck", "main")
    work.commit("stuck", {"f": LINES.replace(b"line 18\n", b"stuck\n")})
    work.switch("broken", "main")
    work.commit("uses", {"use.py": b"from lib.text import parse\n\nparse()\n"})
    work.switch("main")
    work.commit(
        "on", {"f": LINES.replace(b"line 18\n", b"achtzehn\n"), "lib/text.py": b"def parse_line():\n    pass\n"}
    )
    run(work.path)
    return work


def written(work: Workspace, form: str) -> str:
    return facade.write_up(request(work.path), form=facade.ReportFormat(form))


def test_junit(work: Workspace) -> None:
    root = ElementTree.fromstring(written(work, "junit"))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("4", "1", "1", "0")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases.keys() == {ODD, "stuck", "broken", "done"}
    assert [one.tag for one in cases["stuck"]] == ["failure"]
    assert "CONFLICT (contents): f" in (cases["stuck"][0].text or "")
    assert "symbol_removed_in_use use.py:1" in (cases["broken"][0].text or "")
    assert [one.tag for one in cases[ODD]] == ["system-out"]
    assert list(cases["done"]) == []


def test_sarif(work: Workspace) -> None:
    document = json.loads(written(work, "sarif"))
    assert document["version"] == "2.1.0"
    (one,) = document["runs"]
    results = {result["ruleId"]: result for result in one["results"]}
    assert {rule["id"] for rule in one["tool"]["driver"]["rules"]} == results.keys()
    assert results.keys() >= {"merge_conflict", "symbol_removed_in_use", "encoding_invalid_utf8"}
    place = results["symbol_removed_in_use"]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "use.py"}, "region": {"startLine": 1}}
    assert results["symbol_removed_in_use"]["level"] == "error"
    assert results["symbol_removed_in_use"]["properties"]["introducedBy"] == "integration"
    assert results["encoding_invalid_utf8"]["level"] == "warning"
    assert (
        results["encoding_invalid_utf8"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "n%20o%01t.txt"
    )


def test_markdown(work: Workspace) -> None:
    text = written(work, "md")
    assert "1 aligned, 1 unchanged, 1 conflicted, 1 failed" in text
    assert "| main |" in text
    assert "| 1 | f |" in text
    assert ODD not in text
    assert "git align undo" in text


def test_markdown_names_the_commits_that_were_left_out(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    same = work.commit("fix | it", {"g": b"1\n"})
    work.commit("own", {"h": b"1\n"})
    work.switch("main")
    work.git("commit", "-q", "--allow-empty", "-m", "on")
    work.git("cherry-pick", "-x", same)
    upstream = work.tip("main")
    run(work.path)
    rows = [line for line in written(work, "md").partition("## Commits left out")[2].splitlines() if same[:12] in line]
    assert rows == [f"| topic | `{same[:12]}` | fix &#124; it | upstream | `{upstream[:12]}` |"]


def test_json_is_what_show_prints(work: Workspace) -> None:
    assert json.loads(written(work, "json"))["counts"] == {"aligned": 1, "unchanged": 1, "conflicted": 1, "failed": 1}


def test_the_page_holds_timeline_and_diffs_of_diffs(work: Workspace) -> None:
    page = written(work, "html")
    assert page == written(work, "html")
    assert page.count("<script") == 2
    data = data_of(page)
    by_name = {one["name"]: one for one in data["branches"]}
    assert by_name[ODD]["range_diff"][0].startswith("1:")
    assert any("achtzehn" in line for line in by_name[ODD]["range_diff"])
    assert by_name["stuck"]["range_diff"] == []
    assert {span[0] for span in data["timeline"]} >= {ODD, "stuck", "broken"}
    assert all(span[2] >= 0 and span[3] >= 0 for span in data["timeline"])
    assert {phase for phase, _ in data["phases"]} == {"prepare", "integrate", "verify", "publish"}


def with_remote(tmp_path: Path, *names: str) -> tuple[Workspace, Path]:
    """A clone whose branches are as on its remote, and a target that has moved on, here and there."""
    remote = tmp_path / "remote.git"
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in names:
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.git("clone", "-q", "--bare", ".", str(remote))
    work.git("remote", "add", "origin", str(remote))
    work.git("fetch", "-q", "origin")
    work.commit("on", {"f": b"2\n"})
    work.git("push", "-q", "origin", "main")
    return work, remote


def test_every_branch_that_was_pushed_stands_in_every_format(tmp_path: Path) -> None:
    """By a run, by `push`, refused or not, and what an undo of a run moved."""
    work, remote = with_remote(tmp_path, "good", "taken")
    work.git("--git-dir", str(remote), "update-ref", "refs/heads/taken", "refs/heads/main")
    run(work.path, push=True)

    def pushes(run_id: str) -> dict[str, str]:
        """What a report says of each remote branch; the same in JSON, in Markdown and on the page."""
        shown = request(work.path)
        document = json.loads(facade.write_up(shown, run_id, form=facade.ReportFormat.JSON))
        said = {f"{one['remote']}/{one['remote_ref'][11:]}": one["push"] for one in document["moves"] if one["remote"]}
        page = data_of(facade.write_up(shown, run_id, form=facade.ReportFormat.HTML))
        assert {one["branch"]: one["what"] for one in page["moves"] if one["branch"].startswith("origin/")} == said
        markdown = facade.write_up(shown, run_id, form=facade.ReportFormat.MARKDOWN)
        assert all(name.removeprefix("origin/") in markdown for name in said)
        return said

    assert pushes("last") == {"origin/good": "pushed", "origin/taken": "rejected"}
    again = facade.push(request(work.path), permit=Permit(plan_id="*", push=True))
    assert again is not None
    assert pushes(again.run.id) == {"origin/taken": "rejected"}
    back = facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    page = data_of(facade.write_up(request(work.path), back.run.id, form=facade.ReportFormat.HTML))
    assert {one["branch"]: one["what"] for one in page["moves"]} == {"good": "moved", "taken": "moved"}


def test_the_verbs(work: Workspace, tmp_path: Path) -> None:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return warm.run(*words, cwd=work.path)

    place = tmp_path / "junit.xml"
    done = call("report", "--format", "junit", "-o", str(place), "--summaries", str(tmp_path / "told"))
    assert (done.returncode, "written: 3 summaries" in done.stdout) == (0, True), done.stderr
    ElementTree.fromstring(place.read_text())
    assert json.loads(call("report", "--json", "--summaries", str(tmp_path / "again")).stdout)["exit_code"] == 1
    assert "conflicted" in call("report").stdout
    assert call("report", "nothing").returncode == 2
    assert "choose --format" in call("report", "-o", str(tmp_path / "x")).stderr
    proved = call("verify", "last", ODD)
    assert (proved.returncode, "1 branch: 1 proved" in proved.stdout) == (0, True)
    assert all(one["holds"] for one in json.loads(call("verify", "--json").stdout)["proofs"])


def test_checks_stand_in_every_format(work: Workspace) -> None:
    work.switch("fresh", "main~1")
    work.commit("fresh", {"fresh": b"1\n"})
    work.switch("main")
    run(work.path, validation__test_command=["sh", "-c", "echo said; exit 3"], validation__fail_on_new_only=False)
    text = written(work, "md")
    assert "## Validation" in text
    assert "| tests | failed | exit 3 |" in text
    xml = ElementTree.fromstring(written(work, "junit"))
    assert any("said" in (case.text or "") for case in xml.iter("failure")) or any(
        "said" in (case.text or "") for case in xml.iter("error")
    )
    branches = json.loads(written(work, "json"))["branches"]
    assert {one["branch"]: one["validation"]["status"] for one in branches}["fresh"] == "failed"


@pytest.fixture
def same_clash(tmp_path: Path) -> Workspace:
    """Three branches that stop at the same lines, one that is merged."""
    work = Workspace(tmp_path / "shared")
    work.commit("base", {"f": b"1\n2\n3\n"})
    work.git("branch", "done")
    for name in ("a", "b", "c"):
        work.switch(name, "main")
        work.commit(name, {"f": b"1\nzwei\n3\n", name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"1\ndeux\n3\n"})
    run(work.path)
    return work


def test_it_opens_with_what_to_do_first(same_clash: Workspace) -> None:
    data = data_of(written(same_clash, "html"))
    (clash,) = data["steps"]["clashes"]
    assert (clash["branches"], clash["freed"], data["steps"]["merged"]) == (["a", "b", "c"], 3, ["done"])
    assert [data["authors"][at][0] for at, _ in clash["owners"]] == [
        data["authors"][data["branches"][0]["authors"][0]][0]
    ]
    stuck = next(one for one in data["branches"] if one["name"] == "a")
    assert ([data["texts"][side[2]] for side in stuck["hunks"][0][0][1:]], stuck["mates"]) == (
        [["deux"], ["zwei"]],
        ["a", "b", "c"],
    )
    text = written(same_clash, "md")
    assert "- **3 branches** stop at the same clash in <code>f</code>; resolving it frees all of them." in text
    assert text.index("What to do first") < text.index("## Targets") < text.index("## Need a person")


def test_what_was_not_looked_at_is_not_passed_over(same_clash: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_LOOKING_S", -1.0)
    assert "**3 branches** of these were not looked at, or are gone" in written(same_clash, "md")
    assert data_of(written(same_clash, "html"))["steps"]["unseen"] == 3
    monkeypatch.undo()
    assert data_of(written(same_clash, "html"))["steps"]["unseen"] == 0


def test_a_branch_that_is_gone_since_is_still_reported(same_clash: Workspace) -> None:
    gone = same_clash.tip("a")
    same_clash.git("branch", "-D", "a", "done")
    same_clash.git("reflog", "expire", "--expire=now", "--all")
    for ref in same_clash.git("for-each-ref", "--format=%(refname)", "refs/gitalign").split():
        same_clash.git("update-ref", "-d", ref)
    same_clash.git("gc", "-q", "--prune=now")
    with pytest.raises(AssertionError):
        same_clash.git("cat-file", "-e", gone)
    text = written(same_clash, "md")
    assert "- **2 branches** stop at the same clash in <code>f</code>" in text
    assert "**1 branch** of these was not looked at, or is gone" in text
    data = data_of(written(same_clash, "html"))
    assert {one["name"]: len(one["authors"]) for one in data["branches"]}["a"] == 0


def test_what_to_do_first_names_what_was_refused(tmp_path: Path) -> None:
    """No format says that nothing is to be done after a run that did not end with 0."""
    work, remote = with_remote(tmp_path, "desk", "topic")
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not on fridays\nexit 1\n")
    hook.chmod(0o755)
    work.git("switch", "-q", "desk")
    (work.path / "desk").write_text("not committed\n")
    report = run(work.path, push=True)
    assert report.exit_code() == 1
    text = written(work, "md")
    first = text[text.index("## What to do first") : text.index("## Targets")]
    assert "Nothing:" not in first
    assert "**1 branch** is not on its remote (topic: origin/topic" in first
    assert f"<code>git align push {report.run.id}</code>" in first
    assert "**1 branch** cannot be aligned now (desk: checked out" in first
    page = data_of(written(work, "html"))["steps"]["attention"]
    assert [(count, name) for count, _, name, _, _ in page] == [(1, "topic"), (1, "desk")]


def test_a_branch_that_was_only_pushed_is_named(tmp_path: Path) -> None:
    """A later run with `--push` has nothing to align, and names what it brought to the remote."""
    work, remote = with_remote(tmp_path, "topic")
    run(work.path)
    later = run(work.path, push=True)
    assert work.git("--git-dir", str(remote), "rev-parse", "topic") == work.tip("topic")
    assert "| topic |" in written(work, "md")
    done = warm.run("--repo", str(work.path), "show", later.run.id)
    assert "pushed to origin/topic" in done.stdout
    assert f"git align --repo {work.path} undo --push {later.run.id}" in done.stdout


def test_markdown_says_how_far_a_branch_aligns(work: Workspace) -> None:
    run(work.path, furthest=True)
    assert "## As far as possible" in written(work, "md")
