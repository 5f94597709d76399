"""Every interleaving of two workers at one job, as far as a schedule explorer finds them: `frontrun python -m tests.service.exploring`.

Prints a line for each scenario, and ends with 1 where one does not hold.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import frontrun

from gitalign.core.jobs import JobKind, NewJob
from gitalign.errors import RunTakenOver
from gitalign.store.service import schema
from gitalign.store.service.database import open_service_database
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.repositories import Repositories

_NUMBERS = itertools.count()


class TwoWorkers:
    """A database with one job that waits, or that a worker held whose lease has ended.

    Attributes:
        claimed: claims that got the job.
        published: effects of the earlier worker, each after it proved its lease.
    """

    def __init__(self, template: Path, *, is_held: bool) -> None:
        file = Path(shutil.copyfile(template, template.with_name(f"{next(_NUMBERS)}.db")))
        self.database = open_service_database(file=file)
        self.workers = HeldJobs(self.database, lease_s=600)
        self.claimed: list[HeldJob] = []
        self.published: list[str] = []
        self.refused: list[str] = []
        self.earlier: HeldJob | None = None
        if is_held:
            self.earlier = self.workers.claim("earlier")
            with self.database.writing() as connection:
                connection.execute(schema.jobs.update().values(lease_until=1))

    def claim(self) -> None:
        held = self.workers.claim("another")
        if held is not None:
            self.claimed.append(held)

    def publish(self) -> None:
        assert self.earlier is not None
        try:
            self.workers.renew(self.earlier)
            self.published.append("effect")
        except RunTakenOver:
            self.refused.append("effect")

    def one_has_it(self) -> bool:
        return len(self.claimed) + len(self.published) == 1


SCENARIOS: dict[str, tuple[bool, list[Callable[[TwoWorkers], None]]]] = {
    "claim against claim": (False, [TwoWorkers.claim, TwoWorkers.claim]),
    "claim against claim of a lost job": (True, [TwoWorkers.claim, TwoWorkers.claim]),
    "publish against claim": (True, [TwoWorkers.publish, TwoWorkers.claim]),
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        database = open_service_database(file=template)
        Repositories(database).add("shop", "/srv/shop", actor="me")
        new = NewJob(repository="shop", kind=JobKind.RUN, created_by="ada")
        Jobs(database).add(new, job_id="1" * 32, most_open=9)
        database.close()
        is_sound = True
        for name, (is_held, workers) in SCENARIOS.items():

            def prepared(is_held: bool = is_held) -> TwoWorkers:
                return TwoWorkers(template, is_held=is_held)

            result = frontrun.explore(setup=prepared, workers=workers, invariant=TwoWorkers.one_has_it)
            sys.stdout.write(f"{name}: holds={result.property_holds} explored={result.num_explored}\n")
            is_sound = is_sound and bool(result.property_holds)
        return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
