"""`serve`, `worker`, `token`, `repo` and `audit` as a person types them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from gitalign.core.jobs import JobKind, JobState
from gitalign.store.service.database import open_service_database
from gitalign.store.service.jobs import JobFilter, Jobs
from tests import warm
from tests.documents.strict import validate
from tests.service.asking import ask, ended, tips

DEADLINE_S = 90.0


@pytest.fixture
def config(database_file: Path, tmp_path: Path) -> Path:
    file = tmp_path / "server.yaml"
    file.write_text(f"database: {{file: {database_file}}}\nserver: {{port: 0}}\n")
    return file


def started(*words: str, env: dict[str, str] | None = None) -> tuple[subprocess.Popen[str], str]:
    """A server of the command line, and what it says first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gitalign", "serve", *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    while "listening" not in said:
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()}: {said}"
        said += line
    return process, said


def test_tokens_repositories_and_the_audit_trail(sample: Path, config: Path, repository: Path, tmp_path: Path) -> None:
    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        verb = words[:2]
        return warm.run(*verb, "--config", config, *words[2:])

    made = typed("token", "create", "ada", "--role", "lander", "--repository", "sample", "--days", "3")
    assert (made.returncode, made.stdout.startswith("gal_")) == (0, True)
    document = json.loads(typed("token", "create", "bo", "--json").stdout)
    assert validate(document) == "tokens"
    listed = typed("token", "list")
    assert "ada" in listed.stdout
    assert made.stdout.strip() not in listed.stdout
    assert typed("token", "revoke", document["tokens"][0]["id"]).returncode == 0
    assert "revoked" in typed("token", "list").stdout
    assert typed("token", "create", "a b").returncode == 2
    assert typed("token", "create", "x", "--repository", "none").returncode == 2

    assert typed("repo", "add", "again", str(sample)).returncode == 0
    assert typed("repo", "add", "again", str(sample)).returncode == 2
    refused = typed("repo", "add", "none", str(tmp_path / "nothing"))
    assert refused.returncode == 2
    assert "error:" in refused.stderr
    assert "again" in typed("repo", "list").stdout
    assert typed("repo", "remove", "again").returncode == 2, "without --yes no one can be asked"
    assert typed("repo", "remove", "again", "--yes").returncode == 0

    assert typed("db", "check").stdout.startswith("whole: ")
    saved = tmp_path / "all.gz"
    assert typed("db", "backup", str(saved)).returncode == 0
    assert typed("db", "backup", str(saved)).returncode == 2, "it is there already"
    assert typed("db", "restore", str(saved)).returncode == 2, "the database is not empty"
    other = tmp_path / "other.yaml"
    other.write_text(f"database: {{file: {tmp_path / 'other.db'}, upgrade_by_hand: true}}\n")
    assert warm.run("db", "check", "--config", other).returncode == 3, "there is no such file"
    assert warm.run("token", "list", "--config", other).returncode == 3, "its tables are made by hand"
    assert warm.run("db", "restore", saved, "--config", other).returncode == 0
    assert "ada" in warm.run("token", "list", "--config", other).stdout

    whole = typed("audit", "verify", "--json")
    assert (whole.returncode, validate(json.loads(whole.stdout))) == (0, "audit-check")
    assert typed("audit", "verify", "--head", "0" * 63 + "1").returncode == 1


@pytest.mark.parametrize("quiet", [(), ("--quiet-hours", "22:00-06:00")])
def test_a_schedule_is_typed(sample: Path, config: Path, repository: Path, quiet: tuple[str, ...]) -> None:
    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return warm.run("schedule", *words, "--config", config)

    assert warm.run("repo", "add", "shop", sample, "--config", config).returncode == 0
    added = typed("add", "shop", "run", "30 6 * * 1-5", "--zone", "Europe/Berlin", *quiet)
    assert (added.returncode, added.stdout[:6]) == (0, "added:"), added.stderr
    (schedule,) = json.loads(typed("list", "shop", "--json").stdout)["schedules"]
    assert (schedule["quiet"], schedule["zone"]) == (quiet[1] if quiet else None, "Europe/Berlin")
    silent = typed("add", "shop", "run", "0 3 * * *", "--quiet", *quiet)
    assert (silent.returncode, silent.stdout) == (0, ""), silent.stderr


def test_the_demo_is_served_and_ends_cleanly(tmp_path: Path) -> None:
    process, said = started("--demo", "--dir", str(tmp_path / "demo"), "--port", "0")
    try:
        assert process.stdout is not None
        said += process.stdout.readline()
        link = re.search(r"http://127\.0\.0\.1:\d+/sign-in/\S+", said)
        assert link is not None, said
        with httpx.Client(follow_redirects=True, trust_env=False) as client:
            page = client.get(link[0])
            assert (page.status_code, "sample" in page.text) == (200, True)
            assert client.get(link[0]).status_code == 403, "once"
            address = link[0].partition("/sign-in/")[0]
            with client.stream("GET", f"{address}/api/v1/repositories/sample/events") as stream:
                assert next(stream.iter_lines())
                process.send_signal(signal.SIGTERM)  # also with an open stream
                assert process.wait(timeout=DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_a_server_that_is_killed_loses_no_job(config: Path, database_file: Path, repository: Path) -> None:
    """kill -9 while a job waits and while one is carried out; another worker goes on."""
    before = tips(repository)
    database = open_service_database(file=database_file)
    plan = ask(database, JobKind.PLAN)
    process, _ = started("--config", str(config))
    deadline = time.monotonic() + DEADLINE_S
    while ended(database, plan)[0].state is not JobState.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run = ask(database, JobKind.RUN, plan_id=ended(database, plan)[0].plan_id)
    while ended(database, run)[0].state is JobState.QUEUED:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    config.write_text(config.read_text() + "work: {lease_seconds: 2}\n")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE service_jobs SET lease_until = 1 WHERE state = 'running'")
    worker = warm.start("worker", "--config", config)
    while not ended(database, run)[0].state.is_over:
        assert time.monotonic() < deadline
        assert worker.poll() is None
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=DEADLINE_S) == 0
    job = ended(database, run)[0]
    assert (job.state, job.error) == (JobState.DONE, None)
    assert {name for name, tip in tips(repository).items() if before[name] != tip} == {"clean", "feature/<b>two"}
    assert [one.state for one, _ in Jobs(database).listed(JobFilter(), limit=50)] == [JobState.DONE] * 2
    database.close()


def test_an_address_that_cannot_be_had_is_refused(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = warm.run("serve", "--config", config, "--port", taken.getsockname()[1])
    assert (done.returncode, "cannot listen" in done.stderr) == (2, True)
    config.write_text(
        f"{config.read_text()}".replace("port: 0", "port: 0, tls: {certificate: /nowhere, key: /nowhere}")
    )
    done = warm.run("serve", "--config", config)
    assert (done.returncode, "server.tls" in done.stderr) == (2, True), done.stderr
    config.write_text("server: {host: 0.0.0.0}\n")
    done = warm.run("serve", "--config", config)
    assert done.returncode == 2
    assert "trusted_proxies" in done.stderr
