"""The page of a batch run: what it says in a browser, and that nothing of a task becomes markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gitalign.batches.planning.tasks import Need
from gitalign.batches.running.state_document import content_of
from gitalign.core.events import Event, EventKind
from gitalign.views.batch import batch_page
from tests.batches.runs import BATCH, Bench, sh
from tests.batches.test_batch_landing import lander
from tests.batches.test_batch_verb import batch
from tests.batches.trees import World, world
from tests.needs import CHROMIUM
from tests.views.browsing import Watched

__all__ = ["world"]

MARKUP = "<img src=x onerror='window.broken=1'></script><script>window.broken=1</script>"


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")
def test_it_shows_batches_tasks_conflicts_and_events(world: World, browser: Browser, tmp_path: Path) -> None:
    bench = Bench.at(world)
    tasks = (
        sh("one", "echo 1 > a.txt", title=MARKUP),
        sh("two", "echo 2 > a.txt"),
        sh("later", "true", needs=(Need(task="one"),)),
    )
    run = bench.run(*tasks, lander=lander(bench))
    events = [
        Event(run_id=BATCH, seq=seq, at=run.created_at, kind=EventKind(kind), data=data)
        for seq, (kind, data) in enumerate(bench.heard, start=1)
    ]
    file = tmp_path / "batch.html"
    file.write_text(batch_page(content_of(run), events, name=MARKUP, status=run.status.value), encoding="utf-8")
    watched = Watched(browser.new_page())
    watched.page.goto(file.as_uri())
    text = watched.page.locator("main").inner_text()
    assert "Batch 0: failed" in text
    assert "merge: conflicts" in text
    assert f"batch/{BATCH}/two conflicts with batch/{BATCH}/one: a.txt" in text
    assert MARKUP in text
    watched.page.get_by_text("Hunks", exact=True).click()
    assert watched.page.locator("li details pre").all_inner_texts() == ["1", "2"]
    assert "Batch 1: not run" in text
    graph = watched.page.get_by_role("img", name="and what each needs")
    assert graph.locator("path.arrow").count() == 1
    assert graph.get_by_text("completed", exact=True).count() == 2
    assert watched.page.get_by_role("img", name="When the tasks").locator("rect").count() == 3
    assert watched.page.locator("section[aria-label=Events] tbody tr").count() == len(events)
    watched.require_silence()
    watched.page.close()


def test_it_is_written_by_a_command(world: World, tmp_path: Path) -> None:
    Bench.at(world).run(sh("one", "echo 1 > a.txt", title=MARKUP))
    file = tmp_path / "batch.html"
    batch(world, "report", "last", "--output", file)
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert MARKUP not in page
    assert BATCH in page
