"""Filters of every verb that plans: what they leave out is counted, and what they cannot mean is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.exclusions import ExclusionCode
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace

VERBS = ("plan", "run --yes --dry-run", "forecast", "order", "conflicts", "categorize", "rules check --pack python")
OLD, NEW = "1600000000 +0000", "1700000000 +0000"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = Workspace(tmp_path_factory.mktemp("filters"))
    work.commit("base", {"a": b"a\n"})
    for name, author, date in (("ann/new", "Ann", NEW), ("ann/old", "Ann", OLD), ("bob/new", "Bob", NEW)):
        work.switch(name, "main")
        (work.path / "own").write_bytes(name.encode())
        work.git("add", "-A")
        one = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author.lower()}@x.org", "GIT_AUTHOR_DATE": date}
        work.git("commit", "-q", "-m", name, env=one)
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    return work.path


def _planned(repo: Path, *words: str) -> set[str]:
    return {step["branch"]["name"] for step in json.loads(call("plan", "--json", *words, cwd=repo).stdout)["steps"]}


def test_each_filter_and_all_together(repo: Path) -> None:
    assert _planned(repo, "--author", "ann@x.org") == {"ann/new", "ann/old"}
    assert _planned(repo, "--author", "ann", "--author", "Bob", "--exclude", "*/old") == {"ann/new", "bob/new"}
    assert _planned(repo, "--since", "2023-01-01") == {"ann/new", "bob/new"}
    assert _planned(repo, "--older-than", "2023-01-01") == {"ann/old"}
    assert _planned(repo, "--older-than", "90 days", "--only", "ann/*", "--since", "2023-01-01") == {"ann/new"}


def test_every_verb_that_plans_counts_what_filters_left_out(repo: Path) -> None:
    for verb in VERBS:
        done = call(*verb.split(), "--author", "ann", "--exclude", "*/old", cwd=repo)
        assert "Filters leave out 2 feature branches: 1 by --exclude, 1 by --author." in done.stdout, (
            verb,
            done.stderr,
        )


def test_a_filter_that_lets_nothing_pass_says_so_and_there_is_nothing_to_do(repo: Path) -> None:
    def tips() -> str:
        return Workspace(repo).git("for-each-ref")

    before = tips()
    for words in (("--author", "carol"), ("--since", "2024-01-01"), ("--exclude", "*")):
        done = call("run", "--yes", *words, cwd=repo)
        assert (done.returncode, "No branch passes the filters" in done.stdout) == (0, True), done.stdout
    assert tips() == before


def test_what_is_no_date_is_refused_by_every_verb(repo: Path) -> None:
    for verb in ("plan", "run --yes"):
        done = call(*verb.split(), "--older-than", "90d", cwd=repo)
        assert done.returncode == 2
        assert 'did you mean --older-than "90 days"?' in done.stderr


def test_a_saved_plan_is_not_filtered_again(repo: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert call("plan", "--author", "bob", "--save", str(saved), cwd=repo).returncode == 0
    done = call("run", "--yes", "--plan", str(saved), "--author", "ann", "--target", "main", cwd=repo)
    assert done.returncode == 2
    assert "--author, --target" in done.stderr


def test_the_library_has_them(repo: Path) -> None:
    made = facade.plan(facade.Request(repo=repo, authors=("bob",), older_than="1 day", exclude=("ann/o*",)))
    assert [step.branch.name for step in made.steps] == ["bob/new"]
    assert {one.branch: one.code for one in made.excluded if one.branch != "main"} == {
        "ann/new": ExclusionCode.OTHER_AUTHOR,
        "ann/old": ExclusionCode.EXCLUDED,
    }


def test_a_target_by_name(repo: Path) -> None:
    document = json.loads(call("plan", "--json", "--target", "ann/old", "--target", "main", cwd=repo).stdout)
    assert [target["name"] for target in document["targets"]] == ["ann/old", "main"]
    for verb in VERBS:
        done = call(*verb.split(), "--target", "mian", cwd=repo)
        assert (done.returncode, "did you mean main?" in done.stderr) == (2, True), (verb, done.stderr)


def test_a_configured_target_stays_where_it_is_when_another_one_is_named(repo: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("alignment:\n  targets: [main, ann/new]\n")
    done = call("plan", "--json", "--config", str(config), "--target", "bob/new", cwd=repo)
    document = json.loads(done.stdout)
    assert {step["branch"]["name"] for step in document["steps"]} == {"ann/old"}
    assert {"branch": "ann/new", "code": "protected", "reason": "protected by the pattern ann/new", "target": None} in (
        document["excluded"]
    )


def test_push_and_undo_take_the_same_filters(repo: Path, tmp_path: Path) -> None:
    work = Workspace(tmp_path / "work")
    work.git("fetch", "-q", str(repo), "+refs/heads/*:refs/heads/*", "--update-head-ok")
    work.git("reset", "-q", "--hard", "main")
    work.git("clone", "-q", "--bare", ".", str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    before = {name: work.tip(name) for name in ("ann/new", "ann/old", "bob/new")}
    assert call("run", "--yes", "--quiet", cwd=work.path).returncode == 0
    assert call("push", "--yes", "--author", "bob", cwd=work.path).returncode == 0
    pushed = work.git("ls-remote", "origin", "refs/heads/*")
    assert {name for name in before if work.tip(name) in pushed} == {"bob/new"}
    assert call("undo", "last", "--yes", "--author", "ann", "--exclude", "*/old", cwd=work.path).returncode == 0
    assert {name for name, tip in before.items() if work.tip(name) == tip} == {"ann/new"}
    nothing = call("undo", "last", "--yes", "--author", "carol", cwd=work.path)
    again = facade.plan(facade.Request(repo=work.path, older_than="2023-01-01"))  # after an alignment, too
    assert [step.branch.name for step in again.steps] == ["ann/old"]
    assert (nothing.returncode, "no branch that passes the filters" in nothing.stderr) == (2, True), nothing.stderr
