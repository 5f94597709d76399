"""Workers: threads that claim jobs and carry them out, until they are drained."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from gitalign.core.jobs import JobKind, JobState
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError, Interrupted, NoResources, RunTakenOver, StoreError
from gitalign.service.credentials import Sealer
from gitalign.service.identities import require_new
from gitalign.service.machine_places import PlacesOfJob
from gitalign.service.working.batch_policy import BatchPolicy
from gitalign.service.working.came import Came, StillUnderWay
from gitalign.service.working.clock import Clock
from gitalign.service.working.hold import Hold
from gitalign.service.working.remote_access import RemoteSettings, remote_access
from gitalign.service.working.tasks import carry_out
from gitalign.service.working.webhook_delivery import Deliveries, WebhookPolicy
from gitalign.store.service.authors import Authors
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.places import KnownPlaces
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.retention import forget_old_jobs

if TYPE_CHECKING:
    from gitalign.service.tracing import ServiceTraces

_LOG = logging.getLogger("gitalign.service")
_CLEANED_EVERY_S = 3_600.0
_MOST_ATTEMPTS = 5
"""A job whose worker died so often is given up: it may be what kills them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSettings:
    """How workers work.

    Attributes:
        threads: jobs carried out at once.
        lease_s: a claim ends so long after its last renewal.
        poll_s: the database is asked so often when nothing wakes the worker.
        drain_s: jobs may go on for so long after the worker was asked to end; then they are stopped cleanly.
        keep_days: jobs are forgotten so many days after their end.
        batches: what plans that were submitted may do. Their runs have threads of their own: they take hours.
        job_s: a job is ended after so long; not one that carries out tasks.
        remotes: how remotes are reached.
        most_open: jobs of one repository that wait or run; schedules write no more.
        most_running: jobs of one repository that are carried out at once.
        places: paths of this machine that documents may name -> what is shown instead.
    """

    threads: int = 1
    lease_s: float = 30.0
    poll_s: float = 1.0
    drain_s: float = 20.0
    keep_days: float = 90.0
    job_s: float = 6 * 3_600.0
    remotes: RemoteSettings = field(default_factory=RemoteSettings)
    batches: BatchPolicy = field(default_factory=BatchPolicy)
    webhooks: WebhookPolicy = field(default_factory=WebhookPolicy)
    most_open: int = 100
    most_running: int = 8
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def batch_threads(self) -> int:
        """Threads for runs of batches, in a process that works at all."""
        return self.batches.at_once if self.batches.allowed and self.threads else 0


_LONG = frozenset(kind for kind in JobKind if kind.runs_tasks)
_SHORT = frozenset(JobKind) - _LONG


class Workers:
    """Workers of one process.

    Args:
        database: of the service.
        settings: how they work.
        checkpoint: called before each effect of a job; rehearsals of crashes end the process there.
        traces: a span for each job.
    """

    def __init__(
        self,
        database: ServiceDatabase,
        settings: WorkSettings,
        *,
        checkpoint: Checkpoint = no_checkpoint,
        traces: ServiceTraces | None = None,
    ) -> None:
        self._traces = traces
        self._settings = settings
        self._checkpoint = checkpoint
        self._database = database
        self._cleaned = -_CLEANED_EVERY_S
        self._held_jobs = HeldJobs(database, lease_s=settings.lease_s, most_running=settings.most_running)
        self._jobs = Jobs(database)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake = threading.Condition()
        self._clock = Clock(database, most_open=settings.most_open, wake=self.wake)
        self._is_draining = False
        self._over = threading.Event()
        deliveries = Deliveries(
            database, settings.webhooks, sealer=Sealer(settings.remotes.keys), places=settings.places
        )
        self._delivering = threading.Thread(target=deliveries.run, args=(self._over,), name="webhooks", daemon=True)
        self._credentials = Credentials(database)
        self._authors = Authors(database)
        self._holds: set[Hold] = set()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker {number}", daemon=True)
            for number in range(settings.threads + settings.batch_threads)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()
        if self._threads:
            self._delivering.start()
        self._clock.start()

    def wake(self) -> None:
        """Look for jobs now: one was written."""
        with self._wake:
            self._wake.notify_all()

    def drain(self) -> None:
        """Claim nothing more, wait for what is under way, stop cleanly what takes too long, and give it back.

        Returns when every thread has ended.
        """
        self._is_draining = True
        self._over.set()
        self._clock.end()
        self.wake()
        deadline = time.monotonic() + self._settings.drain_s
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        for hold in tuple(self._holds):
            hold.ask_to_end()
        for thread in self._threads:
            thread.join()
        if self._threads:
            self._delivering.join(timeout=25.0)

    def work_once(self, kinds: Collection[JobKind] | None = None) -> bool:
        """Carry out one job in this thread; False when there is none.

        Args:
            kinds: only of these; None for all.
        """
        held = self._held_jobs.claim(self._name, kinds)
        if held is None:
            return False
        job = held.job
        asked_by = {"request": job.request_id} if job.request_id else {}
        traced = nullcontext() if self._traces is None else self._traces.job(job)
        with structlog.contextvars.bound_contextvars(job=job.id, repository=job.repository, **asked_by), traced:
            self._carry_out(held)
        return True

    def _work(self, number: int) -> None:
        kinds = _SHORT if number < self._settings.threads else _LONG
        while not self._is_draining:
            try:
                if self.work_once(kinds) or (number == 0 and self._forgot_some()):
                    continue
            except StoreError as error:
                _LOG.warning("worker %s cannot ask for jobs: %s", number, error.message)
            except Exception:
                _LOG.exception("worker %s goes on after an error that is a bug", number)
            with self._wake:
                if not self._is_draining:
                    self._wake.wait(self._settings.poll_s)

    def _forgot_some(self) -> bool:
        """Forget jobs of long ago, some at a time, while there is nothing else to do; True when there may be more."""
        if time.monotonic() - self._cleaned < _CLEANED_EVERY_S:
            return False
        if forget_old_jobs(self._database, keep_days=self._settings.keep_days):
            return True
        self._cleaned = time.monotonic()
        return False

    def _carry_out(self, held: HeldJob) -> None:
        is_long = held.job.kind in _LONG
        hold = Hold(
            self._held_jobs,
            held,
            lease_s=self._settings.lease_s,
            stop=StopSignal(),
            deadline_s=float("inf") if is_long else self._settings.job_s,
            checkpoint=self._checkpoint,
        )
        hold.batches = self._settings.batches
        hold.watch_places(PlacesOfJob(held.path, held.config_file, self._settings.places), KnownPlaces(self._database))
        self._holds.add(hold)
        try:
            with hold:
                self._end(hold, self._result(hold))
        except RunTakenOver as error:
            _LOG.warning("%s", error.message)
        except StillUnderWay:
            hold.end()
            self._held_jobs.release(held, delay_s=self._settings.lease_s / 6)
        finally:
            self._holds.discard(hold)

    def _result(self, hold: Hold) -> Came | GitAlignError:
        """What came of the job; an error of the work is a result, too, unless the job is not held any more."""
        if hold.held.job.attempts > _MOST_ATTEMPTS:
            return StoreError(
                f"given up: {_MOST_ATTEMPTS} workers ended while they carried it out",
                hint="see the logs of the workers, then ask again",
                code="worker_lost",
            )
        remotes = self._settings.remotes
        try:
            if hold.run_id is None:  # what an earlier attempt began is finished in any case
                self._authors.require(hold.held.job)
                self._require_one_name(hold.held)
            with remote_access(remotes, self._credentials, hold.held) as hold.access:
                return carry_out(hold, self._jobs, remotes)
        except StillUnderWay:
            raise
        except GitAlignError as error:
            if hold.is_lost:
                raise RunTakenOver(f"job {hold.held.job.id} is not held any more: {error.message}") from error
            if hold.stop.cancel_requested:  # its processes were ended: whatever they said last means nothing
                return Interrupted("it was ended before it had come to a result", hint="ask again")
            return error
        except Exception as error:
            _LOG.exception("job %s ended with an error that is a bug", hold.held.job.id)
            return GitAlignError(f"a bug of git-align: {type(error).__name__}: {error}", code="bug")

    def _require_one_name(self, held: HeldJob) -> None:
        """Refuse to move branches of a repository that was registered before under another name.

        Raises:
            Contradiction
        """
        if held.job.kind.moves_branches:
            every = sorted(Repositories(self._database).all(), key=lambda one: (one.created_at, one.id))
            ids = [one.id for one in every]
            require_new(every[: ids.index(held.repository_id)], path=held.path, url=held.url)

    def _end(self, hold: Hold, result: Came | GitAlignError) -> None:
        hold.end()
        held = hold.held
        if hold.is_lost:
            raise RunTakenOver(f"job {held.job.id} is not held any more")
        if hold.quiet_s is not None and isinstance(result, Interrupted) and not hold.is_stop_asked:
            self._held_jobs.release(held, delay_s=hold.quiet_s)
            return
        if hold.is_late and (isinstance(result, Interrupted) or (isinstance(result, Came) and result.is_interrupted)):
            result = NoResources(
                f"ended after {self._settings.job_s:g} s",
                hint="see work.job_seconds; a run that was stopped before it published goes on with resume",
                code="job_timed_out",
            )
        is_early = isinstance(result, Interrupted) or (isinstance(result, Came) and result.is_interrupted)
        if is_early and self._is_draining and not hold.is_stop_asked:
            self._held_jobs.release(held, delay_s=0)
            return
        if isinstance(result, Came):
            state = JobState.STOPPED if result.is_interrupted else JobState.DONE
            document = result.document
            if document is not None:
                document = replace(document, body=hold.access.redacted(document.body))
            ended = replace(held, follow=result.follow if state is JobState.DONE else None)
            self._held_jobs.finish(ended, state, outcome=result.outcome, document=document, health=result.health)
            return
        state = JobState.STOPPED if isinstance(result, Interrupted) else JobState.FAILED
        error = {
            "code": result.code,
            "message": hold.access.redacted(result.message),
            "hint": result.hint,
            "exit_code": result.exit_code,
        }
        self._held_jobs.finish(held, state, outcome=result.code[:24], error=error)
