"""House rules in every form of a report, in the terminal, and in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import gitalign
from gitalign import facade
from gitalign.errors import UserError
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace
from tests.rules.house import branch_with, pack_of, write_pack
from tests.runs import request, run

EVAL = b"def f(x):\n    return eval(x)\n"
FORMS = facade.ReportFormat


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return branch_with(tmp_path, {}, {"m.py": EVAL, "n.py": b"def f(:\n"})


def test_every_form_of_a_report_tells_of_house_rules(work: Workspace, tmp_path: Path) -> None:
    run(work.path, rules__packs=["python"], rules__refuse="never", detection__detectors=[])
    asked = request(work.path)
    markdown = facade.write_up(asked, form=FORMS.MARKDOWN)
    assert "## House rules" in markdown
    assert "MUST no-dangerous-calls failed" in markdown
    page = facade.write_up(asked, form=FORMS.HTML)
    assert "no-dangerous-calls" in page
    assert "m.py:2: eval() runs text as code" in page
    sarif = json.loads(facade.write_up(asked, form=FORMS.SARIF))
    results = [one for one in sarif["runs"][0]["results"] if one["ruleId"].startswith("house_rules.python.")]
    (found,) = [
        one
        for one in results
        if one["ruleId"].endswith("no-dangerous-calls") and one["level"] == "error" and "eval" in one["message"]["text"]
    ]
    assert found["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}
    assert {one["level"] for one in results if one["ruleId"].endswith("no-bare-except")} == {"note"}
    (case,) = ElementTree.fromstring(facade.write_up(asked, form=FORMS.JUNIT)).iter("testcase")
    assert "house rule no-dangerous-calls (must) failed" in (case.findtext("system-out") or "")
    (entry,) = json.loads(facade.write_up(asked, form=FORMS.JSON))["branches"]
    assert entry["house_rules"]["needs_attention"] is True
    (summary,) = facade.write_summaries(asked, folder=tmp_path / "summaries")
    assert "## House rules" in summary.read_text()
    assert "no-dangerous-calls: m.py:2 eval() runs text as code" in summary.read_text().replace("\\", "")
    assert json.loads(summary.with_suffix(".json").read_text())["house_rules"]["band"] == "non_compliant"


def test_reports_of_runs_without_house_rules_do_not_speak_of_them(work: Workspace) -> None:
    run(work.path, detection__detectors=[])
    asked = request(work.path)
    assert "House rules" not in facade.write_up(asked, form=FORMS.MARKDOWN)
    assert "house_rules." not in facade.write_up(asked, form=FORMS.SARIF)
    (entry,) = json.loads(facade.write_up(asked, form=FORMS.JSON))["branches"]
    assert entry["house_rules"] is None


def test_a_run_in_the_terminal(work: Workspace) -> None:
    config = work.path / ".git" / "gitalign" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("rules: {packs: [python]}\ndetection: {detectors: []}\n")
    done = call("run", "--yes", cwd=work.path)
    assert done.returncode == 1
    assert "house rules: 1 of 1 branch in need of attention" in done.stdout
    assert "house rules that must hold do not" in done.stdout
    shown = call("show", "last", "topic", cwd=work.path)
    assert "no-dangerous-calls" in shown.stdout
    assert "m.py:2" in shown.stdout


def test_check(work: Workspace, tmp_path: Path) -> None:
    before = work.git("for-each-ref")
    done = call("rules", "check", "--pack", "python", cwd=work.path)
    assert done.returncode == 1
    assert "m.py:2: eval() runs text as code" in done.stdout
    assert "Nothing was moved" in done.stdout
    assert work.git("for-each-ref") == before
    assert not (work.path / ".git" / "gitalign").exists()
    fine = write_pack(tmp_path / "fine.yaml", pack_of({"path": {"forbidden": ["x"]}}))
    assert call("rules", "check", "topic", "--pack", str(fine), cwd=work.path).returncode == 0
    document = json.loads(
        call("rules", "check", "topic", "--pack", "python", "--pack", str(fine), "--json", cwd=work.path).stdout
    )
    (branch,) = document["branches"]
    assert branch["critical_issues"][0] == "no-dangerous-calls"
    assert (branch["packs"], branch["branch"], branch["target"]) == (["python 1", "house 1"], "topic", "main")
    assert branch["results"][-1]["is_compliant"] is True
    aside = call("rules", "check", "topic", "--pack", str(fine), "--base", "main~1", cwd=work.path)
    assert aside.returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check",), "no house rules are configured"),
        (("check", "--pack", "pythn"), "did you mean python?"),
        (("check", "nobody", "--pack", "python"), "there is no branch"),
        (("check", "main", "--pack", "python"), "main has no target here"),
        (("check", "topic", "--pack", "python", "--base", "nowhere"), "nowhere is not a commit here"),
        (("explain", "no-bare-excepts"), "did you mean no-bare-except?"),
    ],
)
def test_what_cannot_be_done_is_said(work: Workspace, words: tuple[str, ...], told: str) -> None:
    done = call("rules", *words, cwd=work.path)
    assert done.returncode == 2
    assert told in done.stderr


def test_no_branch_at_all_is_no_success(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"1\n"})
    done = call("rules", "check", "--pack", "python", cwd=work.path)
    assert (done.returncode, "No branch was judged" in done.stdout) == (1, True)


def test_explain_tells_of_every_kind_of_check(tmp_path: Path, work: Workspace) -> None:
    done = call("rules", "explain", cwd=work.path)
    assert done.returncode == 0
    assert "MUST no-dangerous-calls" in done.stdout
    assert "keeps it:" in done.stdout
    pack = pack_of(
        {},
        {"path": {"forbidden": ["vendor/**"], "allowed": ["src/**"]}},
        {"size": {"most_file_bytes": 1, "most_files": 2, "most_lines": 3}},
        {
            "commit_message": {
                "subject": "^x",
                "most_subject_characters": 72,
                "trailer": "Fixes",
                "conventional_types": ["feat"],
            }
        },
        {"required_files": {"files": ["LICENSE"]}},
        {"pattern": {"forbidden": "x[/red]", "required": "y"}},
        {"ast_pattern": {"language": "go", "forbidden": "panic($A)", "required": "func"}},
        {"python": "docstrings"},
    )
    place = write_pack(tmp_path / "all.yaml", pack)
    told = call("rules", "explain", "--pack", str(place), cwd=work.path).stdout
    for words in (
        "by a person only",
        "vendor/**",
        "no more than 3 new lines",
        "a trailer Fixes",
        "LICENSE",
        "x[/red]",
        "panic($A)",
        "docstrings",
    ):
        assert words in told
    (document,) = json.loads(call("rules", "explain", "--pack", str(place), "--json", cwd=work.path).stdout)["packs"]
    assert [one["id"] for one in document["requirements"]] == [f"rule-{number}" for number in range(8)]


def test_the_analyzer_of_the_original_requests(work: Workspace) -> None:
    analyzer = gitalign.ConstitutionalAnalyzer(repo_path=work.path)
    assert {"id", "severity", "compliance_threshold"} <= analyzer.requirements()[0].keys()
    found = analyzer.analyze("topic")
    assert found["compliance_level"] == "non_compliant"
    assert found["critical_issues"][0] == "no-dangerous-calls"
    assert found["results"][0]["spots"][0] == {"path": "m.py", "line": 2, "message": "eval() runs text as code"}
    assert analyzer.analyze_all() == [found]
    with pytest.raises(UserError):
        analyzer.analyze("nobody")


def test_the_example_of_the_documentation_is_a_pack(tmp_path: Path) -> None:
    words = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
    text = words.split("## A pack\n```yaml\n", 1)[1].split("```", 1)[0]
    place = write_pack(tmp_path / "example.yaml", yaml.safe_load(text))
    assert call("rules", "explain", "--pack", str(place), cwd=tmp_path).returncode == 0
