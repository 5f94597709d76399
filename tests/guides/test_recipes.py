"""Recipes work as they stand in the documents: files are valid, and their steps do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitalign.configuration.load import load_config
from tests import warm
from tests.git.workspace import IDENTITY, Workspace
from tests.guides import shop
from tests.guides.command import on_the_path

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "docs" / "recipes"


def block(name: str, language: str, number: int = 0) -> str:
    """A fenced block of a recipe."""
    found = re.findall(rf"^```{language}\n(.*?)^```", (RECIPES / name).read_text(), re.MULTILINE | re.DOTALL)
    return str(found[number])


@pytest.fixture
def team(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of somebody who can reach the server, and has git-align on the path."""
    with on_the_path(tmp_path / "bin") as command:
        path = f"{command.parent}:{os.environ['PATH']}"
        yield {**os.environ, **IDENTITY, **shop.serve(tmp_path), "PATH": path}


def sh(words: list[str], cwd: Path, env: dict[str, str], code: int = 0, given: str = "") -> str:
    done = subprocess.run(words, cwd=cwd, env=env, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def clone(team: dict[str, str], place: Path, *more: str) -> Path:
    sh(["git", "clone", "--quiet", *more, shop.ADDRESS, str(place)], place.parent, team)
    return place


def refs(tmp_path: Path) -> str:
    return subprocess.check_output(["git", "for-each-ref"], cwd=tmp_path / "server/team/shop.git", text=True)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-actions", (ROOT / "action.yml").read_text()),
        ("vendor.github-workflows", block("github-actions.md", "yaml")),
        ("vendor.gitlab-ci", block("gitlab-ci.md", "yaml")),
    ],
)
def test_files_of_services_are_valid(schema: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    sh(words, tmp_path, dict(os.environ))


def test_the_workflow_uses_what_the_action_offers() -> None:
    action, workflow = yaml.safe_load((ROOT / "action.yml").read_text()), block("github-actions.md", "yaml")
    assert set(re.findall(r"steps\.align\.outputs\.(\w+)", workflow)) <= set(action["outputs"])
    told = set(
        re.findall(r"^- \*\*`([\w-]+):|`([\w-]+): [^`]+`", (RECIPES / "github-actions.md").read_text(), re.MULTILINE)
    )
    assert {one or other for one, other in told} - {"issues", "contents"} <= set(action["inputs"])
    for step in action["runs"]["steps"]:
        for script in re.findall(r"\$GITHUB_ACTION_PATH/(action/\w+)", step["run"]):
            assert os.access(ROOT / script, os.X_OK)


class TestAction:
    """The steps of action.yml under the variables that GitHub sets, with a `gh` that keeps comments in a file."""

    @pytest.fixture
    def github(self, team: dict[str, str], tmp_path: Path) -> dict[str, str]:
        # As actions/checkout does it: one commit.
        clone(team, tmp_path / "workspace", "--depth=1")
        (tmp_path / "runner").mkdir()
        gh = tmp_path / "bin" / "gh"
        gh.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent / "fake_gh.py"} "$@"\n')
        gh.chmod(0o755)
        return {
            **team,
            "GITHUB_WORKSPACE": str(tmp_path / "workspace"),
            "RUNNER_TEMP": str(tmp_path / "runner"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_REPOSITORY": "team/shop",
            "GIT_ALIGN": str(tmp_path / "bin" / "git-align"),
            "COMMENTS": str(tmp_path / "comments.json"),
        }

    def _outputs(self, tmp_path: Path) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())

    def test_every_branch_on_a_schedule(self, github: dict[str, str], tmp_path: Path) -> None:
        before = refs(tmp_path)
        sh([str(ROOT / "action/rehearse")], tmp_path, github)
        assert refs(tmp_path) == before
        outputs = self._outputs(tmp_path)
        assert (outputs["result"], outputs["aligned"], outputs["attention"]) == ("attention", "4", "2")
        summary = (tmp_path / "summary").read_text()
        assert "tax-rounding" in summary
        assert "undo" not in summary
        assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
        assert "tax-rounding" in Path(outputs["html"]).read_text()

    def test_one_comment_on_a_pull_request(self, github: dict[str, str], tmp_path: Path) -> None:
        server = tmp_path / "server/team/shop.git"
        sh(["git", "update-ref", "refs/pull/7/head", "login-form"], server, github)
        of_request = {**github, "PULL_REQUEST": "7", "GITHUB_BASE_REF": "main", "NUMBER": "7", "GH_TOKEN": "x"}
        sh([str(ROOT / "action/rehearse")], tmp_path, of_request)
        outputs = self._outputs(tmp_path)
        assert (outputs["result"], outputs["aligned"]) == ("aligned", "1")
        for _ in range(2):
            sh([str(ROOT / "action/comment")], tmp_path, {**of_request, "SUMMARY": outputs["summary"]})
        comments = json.loads((tmp_path / "comments.json").read_text())
        assert [one["number"] for one in comments] == ["7"]
        assert comments[0]["body"].startswith("<!-- git-align -->\n")
        assert "pull-request-7" in comments[0]["body"]
        long = tmp_path / "long.md"
        long.write_text("ü" * 70_000)
        sh([str(ROOT / "action/comment")], tmp_path, {**of_request, "SUMMARY": str(long)})
        body = json.loads((tmp_path / "comments.json").read_text())[0]["body"]
        assert len(body.encode()) < 65_536
        assert "Cut short" in body

    def test_an_error_is_not_a_result(self, github: dict[str, str], tmp_path: Path) -> None:
        bad = tmp_path / "bad.yaml"
        bad.write_text("alignment: {strategy: rebas}\n")
        said = sh([str(ROOT / "action/rehearse")], tmp_path, {**github, "CONFIG": str(bad)}, code=2)
        assert "rebas" in said
        assert "::error::" in said


def test_gitlab(team: dict[str, str], tmp_path: Path) -> None:
    job = yaml.safe_load(block("gitlab-ci.md", "yaml"))["align"]
    script = "set -eo pipefail\n" + "\n".join(job["script"])
    before = refs(tmp_path)
    sh(["bash", "-c", script], tmp_path, {**team, "CI_REPOSITORY_URL": shop.ADDRESS})
    assert refs(tmp_path) == before
    suite = ET.parse(tmp_path / "align.xml").getroot()
    assert suite.get("tests") == "6"
    assert "tax-rounding" in (tmp_path / "align.html").read_text()
    of_request = {
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "login-form",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_REPOSITORY_URL": shop.ADDRESS,
    }
    other = tmp_path / "merge request"
    other.mkdir()
    said = sh(
        ["bash", "-c", script.partition("git-align report")[0] + "git-align runs --repo rehearsal.git"],
        other,
        {**team, **of_request},
    )
    assert re.search(r"align\s+ok\s+1\b", said), said


def test_cron(team: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / "align.git"
    prepare = block("cron.md", "", 0).replace("git@example.com:team/shop.git", shop.ADDRESS)
    sh(["bash", "-euc", prepare.replace("/srv/align/shop.git", str(place))], tmp_path, team)
    script = tmp_path / "align-nightly"
    script.write_text(block("cron.md", "sh"))
    script.chmod(0o755)
    # Old branches are left out; those of this repository are older than the script looks back.
    script.write_text(script.read_text().replace("60 days ago", "2020-01-01"))
    before = refs(tmp_path)
    said = sh([str(script), str(place), str(tmp_path / "reports")], tmp_path, team)
    assert said == ""
    assert refs(tmp_path) != before
    assert [path.suffix for path in (tmp_path / "reports").iterdir()] == [".html"]
    sh([str(script), str(tmp_path / "nowhere"), str(tmp_path / "reports")], tmp_path, team, code=3)


def test_pre_push(team: dict[str, str], tmp_path: Path) -> None:
    work = clone(team, tmp_path / "work")
    hook = work / ".git/hooks/pre-push"
    hook.write_text(block("pre-push.md", "sh"))
    hook.chmod(0o755)
    for name in ("login-form", "tax-reduced"):
        sh(["git", "switch", "--quiet", name], work, team)
        sh(["git", "commit", "--quiet", "--allow-empty", "-m", "more"], work, team)
    sh(["git", "push", "origin", "login-form"], work, team)
    said = sh(["git", "push", "origin", "tax-reduced"], work, team, code=1)
    assert "tax-reduced conflicts with its target" in said
    sh(["git", "push", "--no-verify", "origin", "tax-reduced"], work, team)
    sh(["git", "push", "origin", ":newsletter"], work, team)
    # Where git-align cannot look, it is not in the way.
    (work / ".git/gitalign/config.yaml").write_text("no: sense\n")
    sh(["git", "commit", "--quiet", "--allow-empty", "-m", "even more"], work, team)
    sh(["git", "push", "origin", "tax-reduced"], work, team)


def configurations() -> dict[str, str]:
    text = (RECIPES / "configurations.md").read_text()
    found = re.findall(r"^```yaml\n# ([\w-]+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {name: textwrap.dedent(body) for name, body in found}


EXPECTED = {
    "github-flow": {"topic": "main"},
    "git-flow": {"topic": "develop", "fix": "main"},
    "version-branches": {"topic": "main", "fix": "6.4"},
    "coding-agents": {"topic": "main"},
}


def test_ready_made_configurations(tmp_path: Path) -> None:
    made = configurations()
    assert set(made) == set(EXPECTED)
    for name, text in made.items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        config = load_config(file=file, git_dir=None, environ={}, overrides={})
        work = Workspace(tmp_path / name)
        work.commit("base", {"base.py": b"BASE = 1\n"})
        work.git("branch", "7.0")
        targets = config.alignment.targets
        for target in targets[1:] if targets[0] == "main" else targets[:1]:
            work.git("branch", "-f", target)
        for branch, start in (("fix", targets[-1]), ("topic", targets[0])):
            work.switch(branch, start)
            work.commit(branch, {f"{branch}.py": b"TOPIC = 1\n"})
        work.switch("main")
        for target in targets:
            work.switch(target)
            work.commit(f"more of {target}", {f"of_{target}.txt": b"more\n"})
            if target == targets[-1] and len(targets) > 1:
                work.git("rebase", "--quiet", target, "fix")
        done = warm.run("run", "--yes", "--json", "--config", file, cwd=work.path)
        assert done.returncode == 0, (name, done.stdout[:500], done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        went = {one["branch"]: one["target"] for one in report["branches"]}
        for branch, target in EXPECTED[name].items():
            assert went[branch] == target, (name, went)
