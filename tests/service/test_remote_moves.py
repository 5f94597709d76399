"""`git align remote resolve`, `restore`, `prune` and `resolutions` against a real server: as the same verbs here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.accounts import Role
from gitalign.service.application import create_app
from tests import warm
from tests.documents.strict import validate
from tests.runs import request
from tests.service.asking import tips
from tests.service.conftest import LINES
from tests.service.serving import Served, served
from tests.service.there import remote


@pytest.fixture
def server(database_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with served(create_app({"database": {"file": database_file}})) as running:
        yield running


def test_a_conflict_is_resolved_there(server: Served, repository: Path, tmp_path: Path) -> None:
    before = tips(repository)
    assert "resolve --repository sample BRANCH begins" in remote(server, "resolve").stdout
    begun = remote(server, "resolve", "clash", code=1).stdout
    assert "clash onto main" in begun
    assert "git align remote resolve --repository sample --take list --side theirs clash" in begun
    assert "git -C" not in begun, "the work tree is on another machine"
    assert "clash: stopped at 1 of 1, 1 in conflict" in remote(server, "resolve").stdout
    assert "--take needs" in remote(server, "resolve", "clash", "--take", "list", code=2).stderr
    marked = tmp_path / "marked"
    marked.write_text("<<<<<<< a\n=======\n>>>>>>> b\n")
    said = remote(server, "resolve", "clash", "--take", "list", "--from", marked, code=2).stderr
    assert "conflict markers" in said
    remote(server, "resolve", "clash", "--take", "list", "--from", tmp_path / "none", code=2)
    (tmp_path / "result").write_bytes(b"resolved\n")
    taken = remote(server, "resolve", "clash", "--take", "list", "--from", tmp_path / "result", "--json", code=1)
    assert validate(json.loads(taken.stdout)) == "resolution"
    assert "waits to be checked and moved" in remote(server, "resolve", "clash", "--continue", code=1).stdout
    assert "--yes" in remote(server, "resolve", "clash", "--continue", code=2).stderr
    assert tips(repository) == before
    remote(server, "resolve", "clash", "--continue", "--yes")
    shown = subprocess.run(["git", "show", "clash:list"], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout == "resolved\n"
    here = warm.run("resolutions", "list", cwd=repository)
    assert remote(server, "resolutions", "list").stdout == here.stdout
    document = json.loads(remote(server, "resolutions", "list", "--json").stdout)
    assert document == json.loads(warm.run("resolutions", "list", "--json", cwd=repository).stdout)


def test_what_git_alone_settled_there_is_shown_and_then_moved(server: Served, repository: Path) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.editor=true")

    def git(*words: str, place: Path = repository) -> None:
        subprocess.run(["git", *identity, *words], cwd=place, check=True, capture_output=True)

    def commit(content: str) -> None:
        (repository / "two").write_text(content)
        git("add", "two")
        git("commit", "-qm", content)

    git("switch", "-q", "main")
    commit("base")
    git("switch", "-q", "-c", "driven")
    commit("first")
    commit("second")
    git("switch", "-q", "main")
    commit("on")
    git("config", "merge.mine.driver", "cp %B %A")
    (repository / ".git" / "info" / "attributes").write_text("two merge=mine\n")
    remote(server, "resolve", "driven", code=1)
    folder = Path(facade.resolve(request(repository), "driven").session.folder)
    (folder / "two").write_text("both")
    git("add", "two", place=folder)
    git("rebase", "--continue", place=folder)
    assert "second" in remote(server, "resolve", "driven", code=1).stdout
    remote(server, "resolve", "driven", "--continue", "--yes", code=1)
    remote(server, "resolve", "driven", "--continue", "--yes")
    shown = subprocess.run(["git", "show", "driven:two"], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout == "second"


def test_a_branch_is_put_back_and_old_runs_and_merged_branches_go(server: Served, repository: Path) -> None:
    before = tips(repository)
    remote(server, "run", "--yes", code=1)
    after = tips(repository)
    preview = remote(server, "restore", "clean", "--dry-run")
    assert preview.stdout == warm.run("restore", "clean", "--dry-run", cwd=repository).stdout
    assert "git align remote restore --repository sample --dry-run" in remote(server, "restore", "clean", code=2).stderr
    restored = remote(server, "restore", "clean", "--run", "last", "--yes").stdout
    assert tips(repository) == after | {"clean": before["clean"]}
    assert "next: git align remote undo --repository sample " in restored
    again = json.loads(remote(server, "restore", "clean", "--dry-run", "--json", code=2).stdout)
    assert again["error"]["code"]
    assert "next: git align remote jobs\n" in remote(server, "restore", "nope", "--yes", code=2).stderr
    pruned = warm.run("prune", "--older-than", "0", "--dry-run", cwd=repository)
    assert remote(server, "prune", "--older-than", "0", "--dry-run").stdout == pruned.stdout
    assert "--dry-run" in remote(server, "prune", "--older-than", "0", code=2, role=Role.LANDER).stderr
    document = json.loads(remote(server, "prune", "--older-than", "0", "--dry-run", "--json").stdout)
    assert document == json.loads(warm.run("prune", "--older-than", "0", "--dry-run", "--json", cwd=repository).stdout)
    assert remote(server, "prune", "--older-than", "0", "--yes").stdout.startswith("removed")
    assert "need --merged" in remote(server, "prune", "--squashed", code=2).stderr
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (
        ("switch", "-q", "-c", "merged", "main"),
        ("commit", "-q", "--allow-empty", "-m", "more"),
        ("switch", "-q", "main"),
        ("merge", "-q", "--no-ff", "merged"),
    ):
        subprocess.run(["git", *identity, *words], cwd=repository, check=True)
    here = warm.run("prune", "--merged", "--dry-run", cwd=repository)
    assert remote(server, "prune", "--merged", "--dry-run").stdout == here.stdout
    here = warm.run("prune", "--merged", "--dry-run", "--json", cwd=repository)
    assert json.loads(remote(server, "prune", "--merged", "--dry-run", "--json").stdout) == json.loads(here.stdout)
    assert (
        "git align remote prune --repository sample --merged --dry-run"
        in remote(server, "prune", "--merged", code=2).stderr
    )
    assert "brings the deleted branches back" in remote(server, "prune", "--merged", "--yes").stdout
    assert "merged" not in tips(repository)


def test_resolutions_are_learned_shared_and_forgotten_there(server: Served, repository: Path, tmp_path: Path) -> None:
    for words in (("switch", "-q", "-c", "old", "clash"), ("merge", "-q", "main")):
        subprocess.run(["git", *words], cwd=repository, capture_output=True)
    (repository / "list").write_bytes(LINES.replace(b"line 5\n", b"both\n"))
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, "commit", "-qam", "resolved"], cwd=repository, check=True)
    assert "nothing is on record" in remote(server, "resolutions", "list").stdout
    learned = remote(server, "resolutions", "learn").stdout
    assert "1 resolved by a person" in learned, learned
    listed = json.loads(remote(server, "resolutions", "list", "--json").stdout)["resolutions"]
    name = listed[0]["name"]
    here = warm.run("resolutions", "show", name, cwd=repository)
    assert remote(server, "resolutions", "show", name).stdout == here.stdout
    archive = tmp_path / "shared.tar"
    assert "1 resolution" in remote(server, "resolutions", "export", archive).stdout
    assert "forgotten: " in remote(server, "resolutions", "forget", name).stdout
    assert "1 forgotten before" in remote(server, "resolutions", "import", archive).stdout
    assert "1 recorded" in remote(server, "resolutions", "import", archive, "--again").stdout
    assert "cannot read" in remote(server, "resolutions", "import", tmp_path / "none", code=2).stderr
