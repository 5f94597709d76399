"""Streams get every event once, whether they keep up or fall behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from gitalign.core.jobs import JobKind
from gitalign.errors import NoResources
from gitalign.service import feed as feeding
from gitalign.service.feed import EventFeed
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.events import EventReader
from gitalign.store.service.held_jobs import HeldJobs
from tests.service.asking import REPOSITORY, ask


def test_slow_and_quick_readers_see_the_same(
    database: ServiceDatabase, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "_MOST_KEPT", 20)  # so that a slow reader falls behind what is kept
    monkeypatch.setattr(feeding, "_ASKED_EVERY_S", 0.01)
    ask(database, JobKind.PLAN)
    jobs = HeldJobs(database, lease_s=60)
    held = jobs.claim("one")
    assert held is not None
    count = 300

    async def read(feed: EventFeed, pause_s: float) -> list[int]:
        seen: list[int] = []
        async with aclosing(feed.follow(REPOSITORY, 0)) as events:
            async for event in events:
                seen.append(event.seq)
                if len(seen) % 10 == 0:
                    await asyncio.sleep(pause_s)
                if len(seen) == count + 2:
                    return seen
        return seen

    async def write() -> None:
        for start in range(0, count, 15):
            await asyncio.to_thread(jobs.renew, held, events=[("step_started", f'"{start}"')] * 15)

    async def main() -> list[list[int]]:
        feed = EventFeed(EventReader(database), most_streams=4, stream_s=60)
        running = asyncio.create_task(feed.run())
        try:
            readers = [asyncio.create_task(read(feed, pause)) for pause in (0.0, 0.0, 0.01, 0.03)]
            await asyncio.sleep(0)
            with pytest.raises(NoResources):
                feed.require_room()
            await write()
            results = await asyncio.wait_for(asyncio.gather(*readers), timeout=60)
            assert feed._lines == {}, "nothing is kept without readers"
            feed.require_room()
            return results
        finally:
            running.cancel()

    for seen in asyncio.run(main()):
        assert seen == list(range(1, count + 3))


def test_a_stream_ends_with_its_time(database: ServiceDatabase) -> None:
    """Its reader comes back and is looked at again: a token that was revoked meanwhile sees no more."""

    async def main() -> list[int]:
        feed = EventFeed(EventReader(database), most_streams=4, stream_s=0.1)
        async with aclosing(feed.follow(REPOSITORY, 0)) as events:
            return [event.seq async for event in events]

    ask(database, JobKind.PLAN)
    assert asyncio.run(asyncio.wait_for(main(), timeout=30)) == [1]
