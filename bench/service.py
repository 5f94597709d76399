"""What one server carries: `python bench/service.py [--seconds 120] [--readers 200] [--rate 20] [--repositories 8] [--branches 60] [--apart] [--url URL]`.

Starts `git align serve` as a process, with one worker for each repository, and at the same time
- aligns all repositories and undoes it, again and again;
- keeps readers of event streams, each of which checks that numbers rise by one: nothing lost, nothing twice;
- asks for pages and documents at a steady rate, and says how long the answers took.
Client and server share the machine: on two processors that is part of the figures. `--url` takes PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from align import generate
from gitalign.client import Client

WAIT_S = 120.0


@dataclass
class Seen:
    """What readers and requests saw.

    Attributes:
        events: that arrived, over all readers.
        faults: numbers that did not follow the one before.
        times: of requests, in seconds, by path.
        statuses: other than 200.
    """

    events: int = 0
    faults: list[str] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)


class Server:
    """`git align serve` with repositories of its own.

    Args:
        folder: for everything.
        count: of repositories.
        branches: of each.
        url: of PostgreSQL; None for SQLite.
        is_apart: jobs are carried out by a process of their own.
    """

    def __init__(self, folder: Path, *, count: int, branches: int, url: str | None, is_apart: bool) -> None:
        self.folder = folder
        self.config = folder / "server.yaml"
        database = {"url": url} if url else {"file": str(folder / "service.db")}
        limits = {"requests_per_minute": 1_000_000, "streams": 2_000}
        settings = {
            "database": database, "server": {"port": 0}, "work": {"workers": 0 if is_apart else count}, "limits": limits,
        }  # fmt: skip
        self.config.write_text(json.dumps(settings))
        self.names = [f"r{number}" for number in range(count)]
        first = generate(folder / "first.git", files=500, branches=branches, commits=3, behind=20)
        for name in self.names:
            place = folder / f"{name}.git"
            subprocess.run(["cp", "-a", first, place], check=True)
            self.typed("repo", "add", name, str(place))
        self.token = self.typed("token", "create", "bench", "--role", "admin").strip()
        self.worker: subprocess.Popen[bytes] | None = None
        if is_apart:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "gitalign", "worker", "--config", self.config, "--workers", str(count)],
                stdout=subprocess.DEVNULL, stderr=(folder / "worker.log").open("wb"),
            )  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gitalign", "serve", "--config", self.config],
            stdout=subprocess.PIPE, stderr=(folder / "log").open("wb"), text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        while "listening" not in line:
            assert line, (folder / "log").read_text()
            line = self.process.stdout.readline()
        self.address = next(word for word in line.split() if word.startswith("http")).rstrip(";,.")

    def typed(self, *words: str) -> str:
        """What a verb of the command line prints."""
        done = subprocess.run(
            [sys.executable, "-m", "gitalign", *words[:2], "--config", self.config, *words[2:]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def memory_mb(self) -> list[float]:
        """Largest resident size of the server's process so far, and that of the worker's."""
        sizes = []
        for process in filter(None, (self.process, self.worker)):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            sizes.append(int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024)
        return sizes

    def processor_s(self) -> list[float]:
        """Processor time of the server's process with the programs that it started and that ended, and of the worker's."""
        times = []
        for process in filter(None, (self.process, self.worker)):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            times.append(sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK"))
        return times

    def end(self) -> None:
        """End every process."""
        for process in filter(None, (self.process, self.worker)):
            process.terminate()
            process.wait(timeout=WAIT_S)


def aligned_again_and_again(server: Server, name: str, until: Callable[[], bool], runs: Counter[str]) -> None:
    """Plan, run, undo, in a loop."""
    with Client(server.address, server.token) as client:
        while not until():
            planned = client.wait(client.plan(name))
            done = client.wait(client.run(name, planned["plan_id"]))
            assert done["state"] == "done", done
            runs[name] += 1
            undone = client.wait(client.undo(name, done["run_id"]))
            assert undone["state"] == "done", undone


async def read(server: Server, name: str, seen: Seen, over: asyncio.Event) -> None:
    """Follow a repository's events; come back where the stream ended."""
    host, port = server.address.removeprefix("http://").split(":")
    last: int | None = None
    while not over.is_set():
        reader, writer = await asyncio.open_connection(host, int(port))
        again = "" if last is None else f"Last-Event-ID: {last}\r\n"
        writer.write(
            f"GET /api/v1/repositories/{name}/events HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {server.token}\r\n{again}\r\n".encode()
        )
        try:
            while not over.is_set():
                line = await asyncio.wait_for(reader.readline(), timeout=WAIT_S)
                if not line:
                    break
                if line.startswith(b"id:"):
                    number = int(line[3:])
                    if last is not None and number != last + 1:
                        seen.faults.append(f"{name}: {number} after {last}")
                    last = number
                    seen.events += 1
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()


async def ask(server: Server, seen: Seen, *, rate: float, until: Callable[[], bool]) -> None:
    """Requests at a steady rate, whether or not earlier ones were answered."""
    paths = itertools.cycle(
        [
            path.format(name=name)
            for name in server.names
            for path in (
                "/", "/repositories/{name}", "/api/v1/repositories/{name}", "/api/v1/repositories/{name}/jobs",
                "/api/v1/repositories/{name}/branches", "/jobs", "/metrics",
            )
        ]
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {server.token}"}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with (
        httpx.AsyncClient(base_url=server.address, headers=headers, timeout=WAIT_S, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):

        async def once(path: str) -> None:
            started = time.perf_counter()
            answer = await client.get(path)
            kind = path
            for name in server.names:
                kind = kind.replace(f"/{name}", "/*")
            seen.times.setdefault(kind, []).append(time.perf_counter() - started)
            if answer.status_code not in (200, 404):  # 404: nothing is known yet
                seen.statuses[f"{kind}: {answer.status_code}"] += 1

        following = time.perf_counter()
        while not until():
            group.create_task(once(next(paths)))
            following += 1 / rate
            await asyncio.sleep(max(0.0, following - time.perf_counter()))


async def load(server: Server, *, seconds: float, readers: int, rate: float) -> tuple[Seen, Counter[str]]:
    """Everything at the same time."""
    seen, over, runs = Seen(), asyncio.Event(), Counter[str]()
    end = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() > end

    reading = [
        asyncio.create_task(read(server, server.names[number % len(server.names)], seen, over))
        for number in range(readers)
    ]
    await asyncio.sleep(1)
    working = [
        threading.Thread(target=aligned_again_and_again, args=(server, name, is_over, runs)) for name in server.names
    ]
    for thread in working:
        thread.start()
    await ask(server, seen, rate=rate, until=is_over)
    for thread in working:
        await asyncio.to_thread(thread.join)
    await asyncio.sleep(2)
    over.set()
    for task in reading:
        task.cancel()
    for result in await asyncio.gather(*reading, return_exceptions=True):
        if not isinstance(result, asyncio.CancelledError | None):
            seen.faults.append(f"a reader ended: {result!r}")
    return seen, runs


def percentile(times: list[float], share: float) -> float:
    """So many of the times are at most this long."""
    return (
        statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1] if len(times) > 1 else times[0]
    )


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--repositories", type=int, default=8)
    parser.add_argument("--branches", type=int, default=60)
    parser.add_argument("--url")
    parser.add_argument("--apart", action="store_true", help="carry jobs out in a process of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-service-") as name:
        server = Server(
            Path(name),
            count=options.repositories,
            branches=options.branches,
            url=options.url,
            is_apart=options.apart,
        )
        try:
            before, used_before = os.times(), server.processor_s()
            seen, runs = asyncio.run(load(server, seconds=options.seconds, readers=options.readers, rate=options.rate))
            after = os.times()
            used = [now - then for now, then in zip(server.processor_s(), used_before, strict=True)]
            memory = server.memory_mb()
        finally:
            server.end()
    print(
        f"runs: {sum(runs.values())} on {len(runs)} repositories, {options.branches} branches each, and as many undone"
    )
    print(f"events: {seen.events} to {options.readers} readers; {len(seen.faults)} lost or twice {seen.faults[:3]}")
    sizes = " and ".join(f"{size:.0f} MB" for size in memory)
    print(f"memory of the server's process{' and of the worker' * options.apart}: {sizes}")
    times_used = " and ".join(f"{one:.0f} s" for one in used)
    print(f"processor time of the server{' and of the worker' * options.apart}, with git: {times_used}")
    print(f"processor time of this program, beside them: {after.user - before.user:.0f} s")
    print("| answer | requests | median ms | p95 ms | p99 ms | worst ms |\n|---|---:|---:|---:|---:|---:|")
    every = [one for times in seen.times.values() for one in times]
    for kind, times in [*sorted(seen.times.items()), ("all", every)]:
        figures = (statistics.median(times), percentile(times, 0.95), percentile(times, 0.99), max(times))
        print(f"| `{kind}` | {len(times)} |" + "".join(f" {figure * 1000:.0f} |" for figure in figures))
    print(f"other answers than 200 and 404: {dict(seen.statuses) or 'none'}")
    return 1 if seen.faults or seen.statuses or not seen.events else 0


if __name__ == "__main__":
    sys.exit(main())
