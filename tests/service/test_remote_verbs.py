"""`git align remote VERB` against a real server: the output and the exit codes of the same verbs here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitalign.cli.options import Options
from gitalign.cli.remote import RemoteFailure, carried_out
from gitalign.client import Client
from gitalign.core.accounts import Role
from gitalign.documents.models.reports import ReportDocument
from tests import warm
from tests.documents.strict import validate
from tests.service.asking import tips
from tests.service.serving import Served
from tests.service.there import remote, same, volatile

TASKS = """target: main
tasks:
  - {id: a, shell: "echo from-a; echo a > a", commit_leftovers: true}
"""


@pytest.fixture
def server(serving_batches: Served) -> Served:
    return serving_batches


def test_from_a_plan_to_its_undo_as_here(server: Served, repository: Path) -> None:
    before = tips(repository)
    here = warm.run("plan", cwd=repository)
    there = remote(server, "plan")
    assert same(there.stdout, here.stdout), (there.stdout, here.stdout)
    document = json.loads(remote(server, "plan", "--json").stdout)
    assert document["id"] == json.loads(warm.run("plan", "--json", cwd=repository).stdout)["id"]
    assert validate(document) == "plan"
    refused = remote(server, "run", code=2)
    assert "--yes" in refused.stderr
    assert "git align remote plan --repository sample" in refused.stderr
    assert "--dry-run" not in refused.stderr
    assert tips(repository) == before
    ran = remote(server, "run", "--yes", code=1)
    after = tips(repository)
    assert after != before
    assert same(ran.stdout, warm.run("show", "last", cwd=repository).stdout), ran.stdout
    shown = json.loads(remote(server, "show", "last", "--json").stdout)
    advice = [line.removeprefix("next: ").split("   ")[0] for line in ran.stdout.splitlines() if "next:" in line]
    id_of_run = shown["run"]["id"]
    assert advice == [
        "git align remote conflicts --repository sample",
        f"git align remote undo --repository sample {id_of_run}",
    ]
    remote(server, *advice[0].split()[3:], code=1)
    assert "--dry-run" not in remote(server, *advice[1].split()[3:], code=2).stderr
    assert validate(shown) == "report"
    assert "clash" in remote(server, "show", shown["run"]["id"]).stdout
    proved, here = remote(server, "verify", "last"), warm.run("verify", "last", cwd=repository)
    assert (proved.stdout, here.returncode) == (here.stdout, 0)
    assert "3 branches" in proved.stdout or "branches: " in proved.stdout
    assert remote(server, "report", shown["run"]["id"]).stdout.startswith("<!doctype html>")
    remote(server, "undo", "last", "--yes")
    assert tips(repository) == before
    here = warm.run("undo", shown["run"]["id"], "--yes", cwd=repository)
    there = remote(server, "undo", shown["run"]["id"], "--yes", code=here.returncode)
    assert there.stdout == here.stdout
    assert "is undone already, by " in there.stdout
    document = json.loads(remote(server, "undo", shown["run"]["id"], "--yes", "--json").stdout)
    assert document["notices"][-1] == here.stdout.strip()
    rows = json.loads(remote(server, "jobs", "--json").stdout)
    assert [one["kind"] for one in rows["jobs"]][:4] == ["undo", "undo", "undo", "report"]
    assert "undo" in remote(server, "jobs").stdout


def test_what_is_found_out_as_here(server: Served, repository: Path) -> None:
    for verb, code in (
        (("doctor",), 0),
        (("order",), 1),
        (("categorize",), 0),
        (("forecast", "--pairs"), 1),
        (("conflicts",), 1),
        (("conflicts", "clash"), 1),
    ):
        here = warm.run(*verb, "--json", cwd=repository)
        assert here.returncode == code, verb
        there = remote(server, *verb, "--json", code=code).stdout
        assert volatile(json.loads(there)) == volatile(json.loads(here.stdout)), verb
        here, there = warm.run(*verb, cwd=repository), remote(server, *verb, code=code)
        text = here.stdout.replace(str(repository), "<repository>")
        assert same(there.stdout, text), (verb, there.stdout, text)
        assert not there.stdout.lstrip().startswith("{"), "a table, not a document"
    assert "remote conflicts --repository sample --only" in remote(server, "forecast", "--only", "cl*", code=1).stdout
    assert remote(server, "repositories").stdout.strip() == "sample"
    for form, name in (("detailed", "categories"), ("clustered", "clusters")):
        assert validate(json.loads(remote(server, "categorize", "--format", form, "--json").stdout)) == name


def test_what_is_fetched_shows_where_things_stand(server: Served, repository: Path, tmp_path: Path) -> None:
    assert "git ls-remote origin" in remote(server, "fetch", code=3).stderr
    subprocess.run(["git", "clone", "-q", "--bare", str(repository), str(tmp_path / "bare")], check=True)
    subprocess.run(["git", "remote", "add", "origin", str(tmp_path / "bare")], cwd=repository, check=True)
    fetched = remote(server, "fetch").stdout
    assert "3 branches to align" in fetched
    assert "next: git align remote plan --repository sample" in fetched
    assert str(repository) not in fetched


def test_errors_are_those_of_here(server: Served, repository: Path, tmp_path: Path) -> None:
    there = remote(server, "plan", "--only", "nothing-like-this", code=2)
    here = warm.run("plan", "--only", "nothing-like-this", cwd=repository)
    assert (here.returncode, there.stderr) == (2, here.stderr.replace("git align ", "git align remote "))
    said = json.loads(remote(server, "undo", "20200101-000000-abcdef", "--yes", "--json", code=2).stdout)
    assert said["error"]["code"] == "unknown_run"
    assert "not_allowed" in remote(server, "run", "--yes", "--json", code=2, role=Role.VIEWER).stdout
    for env, words, code in (
        ({}, ("plan",), "no_server"),
        ({"GITALIGN_SERVER": server.address}, ("plan",), "no_token"),
        ({"GITALIGN_TOKEN": "gal_x"}, ("plan", "--server", "http://align.example.org"), "not_encrypted"),
        ({"GITALIGN_TOKEN": "gal_x", "GITALIGN_SERVER": server.address}, ("plan",), "not_signed_in"),
    ):
        done = warm.run("remote", *words, "--json", cwd=tmp_path, env=env)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, code)
    token = tmp_path / "token"
    token.write_text(server.token() + "\n")
    done = warm.run("remote", "plan", "--server", server.address, "--token-file", token, cwd=tmp_path, env={})
    assert done.returncode == 0, done.stderr
    unreachable = warm.run(
        "remote", "jobs", "--server", "http://127.0.0.1:9", "--token-file", token, "--json", cwd=tmp_path, env={}
    )
    assert (unreachable.returncode, json.loads(unreachable.stdout)["error"]["code"]) == (3, "remote")


def test_a_batch_is_run_there(server: Served, repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(TASKS)
    assert "--yes" in remote(server, "batch-run", file, code=2).stderr
    ran = remote(server, "batch-run", file, "--yes")
    assert "echo from-a" in ran.stderr
    assert "1 of 1 batch landed" in ran.stdout, ran.stdout
    run = json.loads(warm.run("batch", "status", "--json", cwd=repository).stdout)
    for words in (("status",), ("list",), ("events",)):
        here = warm.run("batch", *words, cwd=repository)
        assert same(remote(server, f"batch-{words[0]}").stdout, here.stdout), words
        here = json.loads(warm.run("batch", *words, "--json", cwd=repository).stdout)
        there = json.loads(remote(server, f"batch-{words[0]}", "--json", role=Role.ADMIN).stdout)
        here.pop("disk", None)
        assert there == here, words
    assert f"git align remote batch-undo --repository sample {run['id']}" in remote(server, "batch-status").stdout
    assert remote(server, "batch-plan", file).stdout == warm.run("batch", "plan", file, cwd=repository).stdout
    page = tmp_path / "page.html"
    remote(server, "batch-report", "-o", page)
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(remote(server, "batch-status", run["id"], "--json").stdout)["status"] == "completed"
    assert "from-a" in remote(server, "batch-logs", run["id"], "a").stdout
    for verb in ("stop", "pause", "cancel"):
        refused = remote(server, f"batch-{verb}", code=2).stderr
        assert "is not under way\nnext: git align remote batch-list" in refused
    shown = subprocess.run(["git", "show", "main:a"], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout == "a\n"
    assert "batch-status --repository sample" in remote(server, "batch-undo", "last", code=2).stderr
    undone = remote(server, "batch-undo", "last", "--yes").stdout
    here = warm.run("batch", "undo", run["id"], "--yes", cwd=repository)
    again = remote(server, "batch-undo", run["id"], "--yes", code=here.returncode).stdout
    assert ("undone by" in undone, again) == (True, here.stdout)
    landed = remote(server, "batch-land", "last").stdout
    assert "1 of 1 batch landed" in landed
    assert "--yes" in remote(server, "batch-retry", "last", code=2).stderr
    (tmp_path / "failing.yaml").write_text(TASKS.replace("echo a > a", f"test -e {tmp_path}/go && echo a > b"))
    failed = remote(server, "batch-run", tmp_path / "failing.yaml", "--yes", code=1).stdout
    assert "git align remote batch-retry --repository sample" in failed
    (tmp_path / "go").touch()
    assert "1 of 1 batch landed" in remote(server, "batch-retry", "last", "--yes").stdout
    unknown = remote(server, "batch-status", "20200101-000000-abcdef", "--repository", "sample", code=2).stderr
    assert unknown.splitlines()[-1] == "next: git align remote jobs --repository sample"


class AwayAndInterrupted(httpx.BaseTransport):
    """No event stream is to be had; at the first attempt a person types Ctrl-C twice."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"id": "j1"})
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        raise httpx.ConnectError("refused")


def test_a_second_ctrl_c_waits_no_longer_for_a_service_that_is_away() -> None:
    job: Any = {"id": "j1", "repository": "sample"}
    away = Client("https://service", "gal_x", transport=AwayAndInterrupted())
    with away as client, pytest.raises(RemoteFailure, match="no longer following job j1") as ended:
        carried_out(Options(quiet=True), client, job, ReportDocument)
    assert (ended.value.exit_code, ended.value.code) == (130, "interrupted")
    assert "git align remote jobs" in ended.value.hint


def test_batches_of_a_repository_by_address_are_refused_with_the_next_step(server: Served, tmp_path: Path) -> None:
    server.service.repositories.add_address("far", "https://git.example.org/far", actor="test", folder=tmp_path)
    file = tmp_path / "tasks.yaml"
    file.write_text(TASKS)
    said = remote(server, "batch-run", file, "--yes", "--repository", "far", code=2).stderr
    assert "registered as a folder" in said
    assert "git align repo add NAME PATH" in said
    assert "run_id" in remote(server, "undo", "nonsense", "--yes", "--repository", "far", code=2).stderr
