"""Branches of a run that are replayed many at once: which ones, how many at a time, and what became of them.

A branch that is not in what comes of it goes its own way, commit by commit, with the worker that has it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gitalign.core.commit_bytes import CommitBytes, commit_bytes, subject_of
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Aligned, AlignedKind, Dropped, DropReason, Rewrite
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import Strategy
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.errors import GitError
from gitalign.git.commit_packs import write_commit_packs
from gitalign.git.many_commits import ManyCommits
from gitalign.git.merge import MERGES_PER_PROCESS, MergeAnswer, Wire
from gitalign.git.merge_stream import MadeUpCommits, MergeStream
from gitalign.git.objects import CommitWriter
from gitalign.integrate.at_once import Chain, Replays
from gitalign.integrate.lane import Rewrites
from gitalign.integrate.streams import Stopped, carry_through

_LOG = logging.getLogger("gitalign.align")
_FIRST, _LEAST, _MOST = 32, 16, 2_000
_BLOCK_S = 0.4
"""How long a block should take: workers get nothing of it before all of it is done."""
_PACKED_FROM = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A branch that was replayed.

    Attributes:
        at_once: git's merge of branch and target at once; None where it was not asked for.
    """

    outcome: Aligned
    at_once: MergeAnswer | None


class ReplaysAtOnce:
    """Replays branches ahead of the workers, in blocks, in a thread of its own; workers take what became of them.

    Args:
        integration: what the branches share.
        steps: of the run.
        rewrites: by target, what is known of rewritten commits; takes in what is known of branches that are left to others.
        processes: merge processes that work side by side.
        is_stopped: whether nothing more is to be started.
    """

    def __init__(
        self,
        integration: IntegrationContext,
        steps: Sequence[Step],
        rewrites: Mapping[Oid, Rewrites],
        *,
        processes: int,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._integration = integration
        self._rewrites = rewrites
        self._processes = processes
        self._is_stopped = is_stopped
        self._is_closed = False
        self._changed = threading.Condition()
        self._size = _FIRST
        is_possible = integration.wire.wire is not Wire.SINGLE and integration.rules.signer is None
        self._pending = {step.id: step for step in steps if is_possible and _is_replayed(step)}
        self._under_way: frozenset[StepId] = frozenset()
        self._wanted: list[StepId] = []
        self._done: dict[StepId, Replayed | BaseException] = {}
        self._thread: threading.Thread | None = None

    def take(self, step: Step) -> Replayed | None:
        """What became of a branch; None when it has to be replayed by itself. Asked a second time, it has to be.

        Raises:
            InvariantBroken: a bug; it is a bug of every branch of its block.
        """
        with self._changed:
            if step.id in self._pending:
                self._wanted.append(step.id)
                self._start()
            while step.id in self._pending or step.id in self._under_way:
                self._changed.wait()
            done = self._done.pop(step.id, None)
        if isinstance(done, BaseException):
            raise done
        return done

    def close(self) -> None:
        """End the thread, once no more is taken."""
        with self._changed:
            self._is_closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="replays", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                # No more threads are allowed here: each worker replays its own.
                self._pending.clear()

    def _work(self) -> None:
        """Runs in the thread: one block after the other, those that a worker waits for first."""
        streams = _Streams(self._integration, self._processes)
        try:
            while block := self._next():
                started = time.monotonic()
                done = self._carried_out(block, streams)
                with self._changed:
                    self._done.update(done)
                    self._under_way = frozenset()
                    self._changed.notify_all()
                self._size = max(_LEAST, min(_MOST, int(_BLOCK_S * len(block) / (time.monotonic() - started + 1e-6))))
        finally:
            with self._changed:
                self._pending.clear()
                self._under_way = frozenset()
                self._changed.notify_all()
            streams.close()

    def _next(self) -> list[Step]:
        """Branches of one target; none when all are done, or nothing more is wanted."""
        with self._changed:
            if self._is_closed or self._is_stopped():
                return []
            wanted = [step_id for step_id in self._wanted if step_id in self._pending]
            self._wanted.clear()
            ordered = list(dict.fromkeys((*wanted, *self._pending)))
            if not ordered:
                return []
            onto = self._pending[ordered[0]].onto
            chosen = islice((step_id for step_id in ordered if self._pending[step_id].onto == onto), self._size)
            block = [self._pending.pop(step_id) for step_id in list(chosen)]
            self._under_way = frozenset(step.id for step in block)
            return block

    def _carried_out(self, block: Sequence[Step], streams: _Streams) -> Mapping[StepId, Replayed | BaseException]:
        work = _Block(self._integration, block)
        try:
            work.carry_out(streams, lambda: self._is_closed or self._is_stopped())
            return work.results(self._rewrites[block[0].onto])
        except Stopped:
            return {}
        except (GitError, OSError) as error:
            # Each branch by itself says what is wrong, if it is still so.
            _LOG.warning("%d branches are replayed one by one: %s", len(block), error)
            return {}
        except BaseException as error:  # in a thread: without an answer workers would wait for ever
            _LOG.exception("a bug met %d branches", len(block))
            return {step.id: error for step in block}


class _Streams:
    """Merge processes, kept from one block to the next where both have the same attributes."""

    def __init__(self, integration: IntegrationContext, processes: int) -> None:
        quarantine = integration.quarantine
        self._integration = integration
        self._processes = processes
        self._streams: list[MergeStream] = []
        self._bench = ""
        self._merges = 0
        self.object_format = quarantine.repository.object_format
        self.packs = quarantine.path / "pack"
        self.writer = CommitWriter(quarantine.objects, object_format=self.object_format)
        self.made_up = MadeUpCommits(self.packs, self.writer, object_format=self.object_format)
        self.reader = ManyCommits(
            quarantine.ungated(quarantine.git), timeout_s=integration.limits.integration_timeout_s
        )

    def under(self, onto: Oid, chains: int) -> list[MergeStream]:
        """Those that merge under the attributes of a target, for so many chains."""
        integration = self._integration
        bench = integration.quarantine.bench(integration.attributes[onto])
        if bench.git_dir != self._bench or self._merges > MERGES_PER_PROCESS * self._processes:
            self._end_merging()
            self._bench, self._merges = bench.git_dir, 0
        while len(self._streams) < max(1, min(self._processes, chains)):
            self._streams.append(
                MergeStream(
                    integration.quarantine.ungated(bench),
                    wire=integration.wire,
                    made_up=self.made_up,
                    timeout_s=integration.limits.integration_timeout_s,
                )
            )
        return self._streams

    def note(self, merges: int) -> None:
        """Count merges: a process keeps every object that it parsed."""
        self._merges += merges

    def close(self) -> None:
        """End every process."""
        self._end_merging()
        self.reader.close()

    def _end_merging(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()


def _is_replayed(step: Step) -> bool:
    is_iterative = step.strategy is Strategy.ITERATIVE and bool(step.step_size)
    return step.kind is StepKind.REPLAY and step.refusal is None and not is_iterative


class _Block:
    """Branches of one target that are replayed together."""

    def __init__(self, integration: IntegrationContext, steps: Sequence[Step]) -> None:
        self._integration = integration
        self._steps = steps
        self._own = [integration.graph.own(step.seen, step.onto) for step in steps]
        self._upstream = [integration.upstream.matches(step.seen, step.onto) for step in steps]
        self._commits: Mapping[Oid, CommitBytes] = {}
        self._chains: list[Chain | None] = []
        self._replays: Replays | None = None

    def carry_out(self, streams: _Streams, is_stopped: Callable[[], bool]) -> None:
        """Read, merge and write.

        Raises:
            Stopped, GitError
        """
        self._commits = self._read(streams.reader)
        self._chains = [self._chain(number) for number in range(len(self._steps))]
        chains = [chain for chain in self._chains if chain is not None]
        if not chains:
            return
        quarantine, rules = self._integration.quarantine, self._integration.rules
        replays = Replays(self._commits, committer=rules.committer, object_format=streams.object_format)
        merging = streams.under(self._steps[0].onto, len(chains))
        try:
            carry_through(replays, chains, merging, is_stopped=is_stopped, look=quarantine.keep_within_bounds)
        except BaseException:
            for stream in merging:
                stream.abandon()
            raise
        finally:
            streams.note(replays.merged)
            streams.made_up.remove()
        if len(replays.new) < _PACKED_FROM:
            for data in replays.new.values():
                quarantine.with_room(lambda data=data: streams.writer.write_bytes(data))  # type: ignore[misc]
        else:
            write_commit_packs(streams.packs, replays.new, object_format=streams.object_format)
        self._replays = replays

    def results(self, rewrites: Rewrites) -> dict[StepId, Replayed]:
        """What became of those branches that are done; what is known of the others is kept for who replays them."""
        replays = self._replays
        if replays is None:
            return {}
        merges = self._integration.merges
        merges.note(merged=replays.merged, shared=replays.shared, trivial=replays.trivial)
        bench = self._integration.quarantine.bench(self._integration.attributes[self._steps[0].onto]).git_dir
        for trees, answer in replays.conflicts.items():
            merges.add((bench, *trees), answer)
        done: dict[StepId, Replayed] = {}
        for number, (step, chain) in enumerate(zip(self._steps, self._chains, strict=True)):
            if chain is None:
                continue
            if chain.is_done:
                done[step.id] = self._replayed(number, chain)
            else:
                with rewrites.lock:
                    for place, made in replays.places(chain):
                        rewrites.replayed.setdefault(place, made)
        return done

    def _read(self, reader: ManyCommits) -> dict[Oid, CommitBytes]:
        """Every commit that is looked at. Own commits of unusual shape or length are not among them."""
        graph = self._integration.graph
        wanted: dict[Oid, None] = {self._steps[0].onto: None}
        for step, own in zip(self._steps, self._own, strict=True):
            wanted[step.seen] = None
            wanted |= dict.fromkeys((*own.picks, *own.merges, *own.bases))
            for oid in own.picks:
                wanted |= dict.fromkeys(graph.parents(oid))
        read = reader.read(wanted)
        found: dict[Oid, CommitBytes] = {}
        for oid, data in read.items():
            try:
                found[oid] = commit_bytes(data)
            except ValueError:
                continue
        return found

    def _chain(self, number: int) -> Chain | None:
        step, own, upstream = self._steps[number], self._own[number], self._upstream[number]
        onto = self._commits.get(step.onto)
        if onto is None or any(oid not in self._commits for oid in (step.seen, *own.picks, *own.merges)):
            return None
        return Chain(
            onto=step.onto,
            before=step.seen,
            todo=[oid for oid in own.picks if oid not in upstream],
            base=own.bases[0] if len(own.bases) == 1 else None,
            tip=step.onto,
            tree=onto.tree,
        )

    def _replayed(self, number: int, chain: Chain) -> Replayed:
        step, own, upstream = self._steps[number], self._own[number], self._upstream[number]
        dropped = [
            *(self._dropped(oid, DropReason.UPSTREAM, upstream[oid]) for oid in own.picks if oid in upstream),
            *(self._dropped(oid, DropReason.MERGE_FLATTENED) for oid in own.merges),
            *(self._dropped(oid, DropReason.BECAME_EMPTY) for oid in chain.emptied),
        ]
        outcome = Aligned(
            how=AlignedKind.REPLAYED,
            before=step.seen,
            after=chain.tip,
            onto=step.onto,
            tree=chain.tree,
            rewritten=tuple(Rewrite(old=old, new=new) for old, new in chain.kept),
            dropped=tuple(dropped),
            unsigned=chain.unsigned,
        )
        return Replayed(outcome=outcome, at_once=chain.at_once)

    def _dropped(self, oid: Oid, reason: DropReason, upstream: Oid | None = None) -> Dropped:
        return Dropped(oid=oid, reason=reason, subject=subject_of(self._commits[oid]), upstream=upstream)
