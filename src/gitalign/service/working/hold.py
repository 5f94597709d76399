"""A job while it is carried out: its lease is renewed, its events are written, its stop button is watched."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import partial
from types import TracebackType

from gitalign.core.events import Event, EventKind
from gitalign.core.jobs import Asked
from gitalign.core.schedules import quiet_hours
from gitalign.documents import events as event_documents
from gitalign.documents.formats import json_text
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import Interrupted, RunTakenOver, StoreError
from gitalign.facade import PushFence
from gitalign.service.machine_places import PlacesOfJob
from gitalign.service.working.batch_policy import BatchPolicy
from gitalign.service.working.remote_access import RemoteAccess
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.places import KnownPlaces

_LOG = logging.getLogger("gitalign.service")
_BEFORE_PUBLISHING = "journal"
_WRITTEN_EVERY_S = 0.2
_ASKED_EVERY_S = 2.0
"""So long until a job hears that it is to stop."""
_MOST_HELD = 5_000
"""Events kept while the database is away; beyond that some are dropped. The journal of the run has them all."""


class Hold:
    """Holds a job while inside.

    Args:
        jobs: of the database.
        held: the job.
        lease_s: how long a renewal holds.
        stop: of the work; stopped when the job is asked to stop, cancelled when the lease is lost.
        deadline_s: it is to end after so long, as if it were asked to stop.
        checkpoint: called after the lease was proved, before each effect; rehearsals of crashes end the process there.
    """

    def __init__(
        self,
        jobs: HeldJobs,
        held: HeldJob,
        *,
        lease_s: float,
        stop: StopSignal,
        deadline_s: float = float("inf"),
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        self.held = held
        self.access = RemoteAccess(environ={})
        self.fence: PushFence | None = None
        self.is_late = False
        self.quiet_s: float | None = None
        """So long until the job can be carried out, where it is in quiet hours."""
        self.stop = stop
        self.is_lost = False
        self.is_stop_asked = held.job.stop_requested
        self.asked = Asked(held.job.asked)
        self.run_id = held.job.run_id
        self.batches = BatchPolicy()
        """What plans that were submitted may do here."""
        self._plan_id: str | None = None
        self._places: PlacesOfJob | None = None
        self._known_places: KnownPlaces | None = None
        self.jobs = jobs
        self._lease_s = lease_s
        self._rehearsal = checkpoint
        self._events: deque[tuple[str, str]] = deque(maxlen=_MOST_HELD)
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._renewed = time.monotonic()
        self._deadline = self._renewed + deadline_s
        self._thread = threading.Thread(target=self._keep, name=f"lease of {held.job.id}", daemon=True)

    def __enter__(self) -> Hold:
        if self.is_stop_asked:
            self.ask_to_end()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def watch_places(self, places: PlacesOfJob, known: KnownPlaces) -> None:
        """Have paths of the machine known before anything is written that may name them."""
        self._places, self._known_places = places, known

    def note_places(self) -> None:
        """Write down paths of the machine that came since, such as work trees; before what may name them.

        Raises:
            StoreError
        """
        if self._places is not None and self._known_places is not None:
            self._places.note(partial(self._known_places.note, self.held.repository))

    def end(self) -> None:
        """Renew the lease no more; what is not written yet is written. Called before the job is finished."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        if not self.is_lost:
            try:
                self._renew()
            except StoreError as failure:
                _LOG.warning("the last events of job %s were not written: %s", self.held.job.id, failure.message)

    def ask_to_end(self) -> None:
        """Have the work end early: cleanly where branches may move, otherwise at once, with every process of it."""
        if self.held.job.kind.moves_branches:
            self.stop.request_stop()
        else:
            self.stop.request_cancel()

    def listener(self, event: Event) -> None:
        """Take an event of the engine."""
        if event.kind is EventKind.RUN_STARTED:
            self.run_id = event.run_id
        self.take(event)

    def require_not_quiet(self) -> None:
        """Refuse to go on in the quiet hours of the schedule that asked for the job.

        Raises:
            Interrupted: it is to be carried out when they are over.
            StoreError
        """
        quiet = self.held.job.params.get("quiet")
        if quiet is None or not self.held.job.kind.moves_branches:
            return
        now = self.jobs.now()
        end = quiet_hours(quiet["hours"], quiet["zone"]).end_after(now)
        if end is not None:
            self.quiet_s = (end - now).total_seconds()
            raise Interrupted(f"nothing is published before {end:%Y-%m-%d %H:%M} UTC")

    def note(self, words: str) -> None:
        """Say something to those who watch the job, and to the operator."""
        _LOG.warning("job %s: %s", self.held.job.id, self.access.redacted(words))
        self.take(
            Event(run_id=self.run_id or "", seq=0, at=datetime.now(UTC), kind=EventKind.NOTICE, data={"text": words})
        )

    def take(self, event: Event) -> None:
        """Take an event of a batch run."""
        self._events.append((event.kind.value, self.access.redacted(json_text(event_documents.dump(event)))))

    def look(self) -> None:
        """Write down what happened, and see what the job is asked. Between effects, where nothing is proved.

        Raises:
            RunTakenOver, StoreError
        """
        self._renew()

    def checkpoint(self, name: str) -> None:
        """Prove that the job is still held, and write down what happened. The engine calls this before each effect.

        Raises:
            RunTakenOver: another worker has the job; nothing may be published any more.
            StoreError: the database cannot be asked, so nothing may be published either.
        """
        self._renew()
        if name == _BEFORE_PUBLISHING:
            self.require_not_quiet()
        self._rehearsal(name)

    def note_plan(self, plan_id: str) -> None:
        """Write down which plan the job made."""
        self._plan_id = plan_id
        self._renew()

    def _renew(self) -> None:
        with self._writing:
            self.note_places()
            events = [self._events.popleft() for _ in range(len(self._events))]
            try:
                job = self.jobs.renew(self.held, events=events, run_id=self.run_id, plan_id=self._plan_id)
            except RunTakenOver:
                self._lose()
                raise
            except StoreError:
                self._events.extendleft(reversed(events))
                raise
            self._renewed = time.monotonic()
        self.asked = Asked(job.asked)
        if job.stop_requested and not self.is_stop_asked:
            self.is_stop_asked = True
            self.ask_to_end()

    def _keep(self) -> None:
        while not self._over.wait(_WRITTEN_EVERY_S):
            self._end_what_is_due()
            since = time.monotonic() - self._renewed
            if not self._events and since < min(self._lease_s / 3, _ASKED_EVERY_S):
                continue
            try:
                self._renew()
            except RunTakenOver:
                return
            except StoreError as failure:
                _LOG.warning("the lease of job %s is not renewed: %s", self.held.job.id, failure.message)
                if since > self._lease_s:
                    self._lose()
                    return

    def _end_what_is_due(self) -> None:
        if not self.is_late and time.monotonic() > self._deadline:
            self.is_late = True
            self.ask_to_end()
        if self.stop.cancel_requested:
            self.stop.processes.end_all()  # what was started since then, too

    def _lose(self) -> None:
        self.is_lost = True
        self.stop.request_cancel()
