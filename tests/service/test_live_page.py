"""A page that follows a run of two hundred events a second: it loses none, and its script leaves the browser time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gitalign.core.accounts import Role
from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.service.administration import new_token, sign_in_link
from gitalign.service.application import create_app
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import Jobs
from tests.service.many import events_of
from tests.service.serving import Served, served

PER_SECOND = 200
BRANCHES = 300
_LONGEST_TASK_MS = 200
_WATCH = """() => {
  window.longest = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration); })
    .observe({entryTypes: ["longtask"]});
}"""


@pytest.fixture
def server(empty_database: Path, tmp_path: Path) -> Iterator[Served]:
    file = tmp_path / "service.db"
    file.write_bytes(empty_database.read_bytes())
    with served(create_app({"database": {"file": file}, "work": {"workers": 0}})) as running:
        running.service.repositories.add("shop", "/nowhere", actor="test")
        yield running


def held_run(server: Served) -> tuple[HeldJobs, HeldJob]:
    new = NewJob(repository="shop", kind=JobKind.RUN, created_by="ada")
    Jobs(server.service.database).add(new, job_id="f" * 31 + "0", most_open=9)
    held = HeldJobs(server.service.database, lease_s=600)
    mine = held.claim("test")
    assert mine is not None
    return held, mine


def test_it_keeps_up_with_200_events_a_second(server: Served, browser: Browser) -> None:
    held, mine = held_run(server)
    events = events_of(BRANCHES)
    token = new_token(server.service.database, "ada", role=Role.ADMIN, days=1)[0]
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(sign_in_link(server.service.database, token, address=server.address))
        with page.expect_response(lambda answer: "/events" in answer.url):
            page.goto(f"{server.address}/jobs/{mine.job.id}")
        page.evaluate(_WATCH)

        def write() -> None:
            begun = time.monotonic()
            for at in range(0, len(events), 20):
                held.renew(mine, events=events[at : at + 20])
                time.sleep(max(0.0, begun + (at + 20) / PER_SECOND - time.monotonic()))

        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        expect(page.locator("#log")).to_have_attribute("data-seen", str(len(events)), timeout=10_000)
        expect(page.locator("#done")).to_have_text(f"{BRANCHES} of {BRANCHES} branches")
        expect(page.locator("#progress svg.lanes")).to_be_attached()
        assert page.locator("#log li").count() <= 500, "bounded"
        assert page.evaluate("window.longest") < _LONGEST_TASK_MS
        held.finish(mine, JobState.DONE, outcome="ok")
        expect(page.locator("#state")).to_have_text("done")
