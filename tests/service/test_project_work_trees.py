"""Work trees of projects: made, brought up to date, merged, resolved and removed over HTTP, with real git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.service.application import create_app
from tests.service.asking import tips
from tests.service.serving import served

BASE = "/api/projects/sample/worktrees"


@pytest.fixture
def client(
    database_file: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in (("user.name", "A"), ("user.email", "a@example.org")):
        git(repository, "config", name, value)
    with served(create_app({"database": {"file": database_file}})) as running, running.client() as client:
        yield client


def git(place: Path | str, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True).stdout.strip()


def post(client: httpx.Client, path: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"{BASE}/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def commit(tree: str, name: str, content: str) -> None:
    (Path(tree) / name).write_text(content)
    git(tree, "add", name)
    git(tree, "commit", "-qm", f"change {name}")


def test_from_its_making_to_its_removal(client: httpx.Client, repository: Path) -> None:
    assert client.get(BASE).json() == []
    assert client.get(f"{BASE}/1").json()["code"] == "unknown_worktree"
    made = post(client, "1/create", epic_name="Sign in!")
    assert (made["epic_id"], made["branch"], made["status"]) == (1, "epic-1-sign-in", "active")
    assert client.get(f"{BASE}/1").json() == made, "nothing was merged yet, and it is known when it was made"
    assert post(client, "1/create", 409, epic_name="Sign in!")["code"] == "worktree_conflict"
    commit(made["path"], "new", "1\n")
    (listed,) = client.get(BASE).json()
    assert (listed["status"], client.get(f"{BASE}/1").json()) == ("active", listed)
    refused = client.delete(f"{BASE}/1")
    assert (refused.status_code, refused.json()["code"]) == (409, "worktree_conflict")
    before = tips(repository)["main"]
    merged = post(client, "1/merge")
    after = tips(repository)["main"]
    assert (merged["commit_sha"], after != before) == (after, True)
    assert git(repository, "show", "main:new") == "1"
    assert client.get(f"{BASE}/1").json()["status"] == "merged"
    removed = client.delete(f"{BASE}/1")
    assert removed.status_code == 200, removed.text
    assert client.get(BASE).json() == []
    assert "epic-1-sign-in" in tips(repository), "the branch stays"


@pytest.mark.parametrize("strategy", ["ours", "theirs"])
def test_conflicts_are_shown_and_a_side_counts(client: httpx.Client, repository: Path, strategy: str) -> None:
    made = post(client, "2/create", epic_name="two")
    commit(made["path"], "list", "epic\n")
    git(repository, "switch", "-q", "main")
    commit(str(repository), "list", "target\n")
    assert [one["file"] for one in client.get(f"{BASE}/2/conflicts").json()] == ["list"]
    synced = post(client, "2/sync", strategy="rebase")
    assert (synced["status"], synced["conflicts"]) == ("conflict", ["list"])
    assert post(client, "2/merge", 409)["code"] == "merge_conflict"
    assert git(repository, "show", "main:list") == "target"
    asked = post(client, "2/resolve", strategy="manual")
    assert (asked["status"], asked["conflicts"]) == ("manual_required", ["list"])
    resolved = post(client, "2/resolve", strategy=strategy)
    assert resolved["status"] == "resolved", resolved
    assert resolved["files_resolved"] == ["list"]
    wanted = {"ours": "epic", "theirs": "target"}[strategy]
    assert git(repository, "show", f"{made['branch']}:list") == wanted
    assert (Path(made["path"]) / "list").read_text().strip() == wanted, "its work tree follows"


@pytest.mark.parametrize("strategy", ["merge", "rebase"])
def test_a_branch_takes_in_its_target(client: httpx.Client, repository: Path, strategy: str) -> None:
    made = post(client, "3/create", epic_name="three")
    commit(made["path"], "mine", "1\n")
    git(repository, "switch", "-q", "main")
    commit(str(repository), "theirs", "2\n")
    assert post(client, "3/sync", strategy=strategy)["status"] == "success"
    assert git(repository, "merge-base", "--is-ancestor", "main", made["branch"]) == ""
    assert (Path(made["path"]) / "theirs").read_text() == "2\n"
    assert post(client, "3/sync", 422, strategy="magic")["code"] == "usage"
