"""The service on PostgreSQL: two servers beside one another, each with a worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gitalign.client import Client
from gitalign.service.application import create_app
from tests.service.asking import tips
from tests.service.serving import Served, served
from tests.store.server import running


@pytest.fixture
def servers(sample: Path, tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    shutil.copytree(sample, tmp_path / "repo")
    with ExitStack() as stack:
        url = stack.enter_context(running())
        one, two = (stack.enter_context(served(create_app({"database": {"url": url}}))) for _ in range(2))
        one.service.repositories.add("sample", str(tmp_path / "repo"), actor="test")
        yield one, two


def test_two_servers_share_the_work_and_the_events(servers: tuple[Served, Served], tmp_path: Path) -> None:
    one, two = servers
    before = tips(tmp_path / "repo")
    token = one.token()
    with Client(one.address, token) as here, Client(two.address, token) as there:
        jobs = [here.plan("sample"), there.forecast("sample"), here.conflicts("sample"), there.plan("sample")]
        over = [there.wait(job) for job in jobs[:2]] + [here.wait(job) for job in jobs[2:]]
        assert {one["state"] for one in over} == {"done"}
        plan_id = over[0]["plan_id"]
        assert plan_id
        ran = there.wait(here.run("sample", plan_id))
        assert (ran["state"], ran["error"]) == ("done", None)
        assert tips(tmp_path / "repo") != before
        seen = [event.id for event in there.events_of_job(ran, after=0)]
        assert seen == [event.id for event in here.events_of_job(ran, after=0)] == sorted(set(seen))
        workers = {one.service.jobs.get(job["id"]).worker for job in over}
        assert workers, "which worker carried it out is known"
    assert one.service.audit.verify().fault == ""
