"""Every other verb of the command line over HTTP: what it finds out, guided resolution, restore, what is removed."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.service.application import create_app
from tests.documents.strict import validate
from tests.service.asking import tips
from tests.service.serving import ended as over
from tests.service.serving import served

BASE = "/api/v1/repositories/sample"


@pytest.fixture
def client(database_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with served(create_app({"database": {"file": database_file}})) as running, running.client() as client:
        yield client


def asked(client: httpx.Client, verb: str, outcome: str = "ok", **body: Any) -> Any:
    """What a job came to; its document is as its schema says."""
    answer = client.post(f"{BASE}/{verb}", json=body)
    assert answer.status_code == 202, answer.text
    job = over(client, answer.json())
    assert (job["state"], job["outcome"]) == ("done", outcome), job
    document = client.get(f"/api/v1/jobs/{job['id']}/document").json()
    validate(document)
    return document


def test_what_is_found_out(client: httpx.Client) -> None:
    assert client.get(f"{BASE}/doctor").json()["code"] == "not_known_yet"
    asked(client, "doctor", "ok")
    assert validate(client.get(f"{BASE}/doctor").json()) == "checks"
    assert asked(client, "categories", "ok", as_of="2026-01-01")["format"] == "git-align/categories"
    assert asked(client, "categories", "ok", format="simple", clusters=False)["format"] == "git-align/branch-list"
    order = asked(client, "order", "attention")
    assert client.get(f"{BASE}/order").json() == order
    assert asked(client, "protections") == client.get(f"{BASE}/protections").json()
    settings = asked(client, "settings")
    assert settings["settings"]["batch"]["confinement"] == "prefer"
    touched = asked(client, "paths/touches", "attention", patterns=["list"])
    assert [one["branch"] for one in touched["branches"]] == ["clash"]
    assert client.get(f"{BASE}/clash-map").status_code == 404
    asked(client, "forecasts", "attention", pairs=True)
    assert validate(client.get(f"{BASE}/clash-map").json()) == "clash-map"


def test_claims(client: httpx.Client) -> None:
    mine = asked(client, "paths/claims", patterns=["src/"], note="why")
    holder = mine["claims"][0]["holder"]
    assert holder.startswith("admin"), "the name of the token"
    refused = asked(client, "paths/claims", "attention", patterns=["src/api/"], holder="bob")
    assert (refused["refused"], refused["claims"][0]["holder"]) == (True, holder)
    assert len(asked(client, "paths/claims/refresh")["claims"]) == 1
    assert asked(client, "paths/claims/release")["released"] == 1
    asked(client, "paths/claims/refresh")
    assert client.get(f"{BASE}/paths/claims").json()["claims"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("resolve", {"branch": "clash", "action": "take"}),
        ("resolve", {"branch": "clash", "action": "take", "path": "list", "side": "ours", "content": "AA=="}),
        ("resolve", {"branch": "clash", "action": "take", "path": "list", "content": "not base64"}),
        ("resolve", {"branch": "clash", "side": "ours"}),
        ("resolutions/show", {"name": "../x"}),
        ("resolutions/import", {}),
        ("paths/claims", {"patterns": []}),
        ("categories", {"as_of": "2026-13-01"}),
        ("prune", {"older_than_days": -1}),
    ],
)
def test_what_is_not_a_request(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = client.post(f"{BASE}/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "usage")


def test_a_conflict_is_resolved_with_a_file_that_is_handed_in_and_remembered(
    client: httpx.Client, repository: Path
) -> None:
    before = tips(repository)
    look = asked(client, "resolve", "attention", branch="clash")
    (one,) = look["files"]
    sides = {name: base64.b64decode(content) for name, content in one["sides"].items()}
    assert (one["path"], set(sides)) == ("list", {"base", "ours", "theirs"})
    assert (b"ours\n" in sides["ours"], b"theirs\n" in sides["theirs"]) == (True, True)
    assert [row["session"]["branch"] for row in asked(client, "resolving")["resolutions"]] == ["clash"]
    content = sides["ours"].replace(b"ours\n", b"both\n")
    look = asked(
        client, "resolve", "attention",
        branch="clash", action="take", path="list", content=base64.b64encode(content).decode(),
    )  # fmt: skip
    assert (look["stand"], look["files"]) == ("ready", [])
    assert asked(client, "resolve", "attention", branch="clash", action="continue")["stand"] == "done"
    assert tips(repository) == before, "nothing has moved yet"
    report = asked(client, "resolve", branch="clash", action="finish")
    assert report["format"] == "git-align/report"
    assert shown(repository, "clash:list") == content
    (known,) = asked(client, "resolutions")["resolutions"]
    name = known["name"]
    assert "both" in asked(client, "resolutions/show", name=name)["resolutions"][0]["postimage"]
    archive = asked(client, "resolutions/export")
    assert archive["exported"] == 1
    assert asked(client, "resolutions/forget", name=name)["forgotten"] == [known["conflict"]]
    again = asked(client, "resolutions/import", archive=archive["archive"], again=True)
    assert again["added"] == [known["conflict"]]
    asked(client, "resolutions/learn")
    put_back = asked(client, "restore", branch="clash")
    assert put_back["run"]["id"]
    assert tips(repository) == before


def test_a_resolution_is_given_up_and_what_is_wrong_is_said(client: httpx.Client, repository: Path) -> None:
    before = tips(repository)
    asked(client, "resolve", "attention", branch="clash")
    for body, code in (
        ({"branch": "clash", "action": "take", "path": "../x", "content": "AA=="}, "user_error"),
        ({"branch": "clash", "action": "take", "path": "list", "content": marked()}, "user_error"),
        ({"branch": "clean", "action": "continue"}, "user_error"),
    ):
        job = over(client, client.post(f"{BASE}/resolve", json=body).json())
        assert job["state"] == "failed", job
        assert job["error"]["hint"], code
    assert asked(client, "resolve", branch="clash", action="abort")["stand"] == "closed"
    assert tips(repository) == before


def marked() -> str:
    return base64.b64encode(b"<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n").decode()


def test_what_is_removed_is_shown_first(client: httpx.Client, repository: Path) -> None:
    made = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "switch", "-qc", "merged", "main"], cwd=repository, check=True)
    subprocess.run([*made, "commit", "-q", "--allow-empty", "-m", "work"], cwd=repository, check=True)
    subprocess.run(["git", "switch", "-q", "main"], cwd=repository, check=True)
    subprocess.run([*made, "merge", "-q", "--no-ff", "-m", "take it in", "merged"], cwd=repository, check=True)
    before = tips(repository)
    asked(client, "prune", dry_run=True, older_than_days=0)
    shown_first = asked(client, "prune-merged", dry_run=True)
    assert [one["branch"] for one in shown_first["merged"] if one["would_delete"]] == ["merged"], shown_first
    assert tips(repository) == before
    report = asked(client, "prune-merged")
    assert set(before) - set(tips(repository)) == {"merged"}
    assert asked(client, "restore", dry_run=True, branch="merged")["moves"]
    asked(client, "restore", branch="merged", run_id=report["run"]["id"])
    assert tips(repository) == before
    asked(client, "prune", older_than_days=0)


def shown(repository: Path, name: str) -> bytes:
    return subprocess.run(["git", "show", name], cwd=repository, capture_output=True, check=True).stdout
