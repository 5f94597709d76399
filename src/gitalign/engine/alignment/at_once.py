"""Branches of a run that are replayed many at once: which ones, how many at a time, and who waits for whom.

A branch that is not in what comes of it goes its own way, commit by commit, with the worker that has it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from gitalign.core.names import Oid, StepId
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import Strategy
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.replay_block import Block, BlockProcesses, Replayed
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.merge import Wire
from gitalign.integrate.lane import Rewrites
from gitalign.integrate.streams import Stopped
from gitalign.shortages import in_words, is_a_bug

_LOG = logging.getLogger("gitalign.align")
_FIRST, _LEAST, _MOST = 32, 16, 2_000
_MOST_COMMITS = 10_000
"""Own commits of a block: all of them are held together."""
_BLOCK_S = 0.5
"""How long a block should take: workers get nothing of it before all of it is done."""
_LOOK_S = 0.2
_LONGEST_WAIT_S = 3_600.0
_MOST_AHEAD = 1_000
"""Branches that no worker has taken yet: what is known of them is held."""


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
        self._under_way: set[StepId] = set()
        self._wanted: list[StepId] = []
        self._done: dict[StepId, Replayed | BaseException] = {}
        self._thread: threading.Thread | None = None

    def take(self, step: Step, *, deadline: float = math.inf) -> Replayed | None:
        """What became of a branch; None when it has to be replayed by itself. Asked a second time, it has to be.

        Args:
            step: of the branch.
            deadline: `time.monotonic()` value after which nothing is waited for.

        Raises:
            InvariantBroken: a bug; it is a bug of every branch of its block.
        """
        with self._changed:
            if step.id in self._pending:
                self._wanted.append(step.id)
                self._start()
                self._changed.notify_all()
            while step.id in self._pending or step.id in self._under_way:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(min(left_s, _LONGEST_WAIT_S))
            done = self._done.pop(step.id, None)
            if len(self._done) == _MOST_AHEAD:
                self._changed.notify_all()
        if isinstance(done, BaseException):
            raise done
        return done

    def close(self) -> None:
        """End the thread, once no more is taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _is_over(self) -> bool:
        return self._is_closed or self._is_stopped()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="replays", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No more threads are allowed here: each worker replays its own.
                self._pending.clear()
            else:
                self._thread = thread

    def _work(self) -> None:
        """Block after block; those that a worker waits for first. What became of one is found out while the next is merged."""
        streams: BlockProcesses | None = None
        try:
            streams = BlockProcesses(self._integration, self._processes)
            with ThreadPoolExecutor(1, thread_name_prefix="replayed") as finishing:
                last: Future[None] | None = None
                while block := self._next():
                    started = time.monotonic()
                    work = self._merged(block, streams)
                    taken_s = time.monotonic() - started + 1e-6
                    self._size = max(_LEAST, min(_MOST, int(_BLOCK_S * len(block) / taken_s)))
                    if last is not None:
                        last.result()  # no more than two blocks are held
                    try:
                        last = finishing.submit(self._finish, block, work, streams)
                    except RuntimeError:  # no more threads are allowed here
                        self._finish(block, work, streams)
        except OutOfSpace as error:
            _LOG.warning("every branch is replayed by itself: %s", error)
        finally:
            with self._changed:
                self._pending.clear()
                self._under_way.clear()
                self._changed.notify_all()
            if streams is not None:
                streams.close()

    def _next(self) -> list[Step]:
        """Branches of one target; none when all are done, or nothing more is wanted."""
        with self._changed:
            while len(self._done) > _MOST_AHEAD and not self._wanted and not self._is_over():
                self._changed.wait(_LOOK_S)
            if self._is_over():
                return []
            wanted = [step_id for step_id in self._wanted if step_id in self._pending]
            self._wanted.clear()
            ordered = list(dict.fromkeys((*wanted, *self._pending)))
            if not ordered:
                return []
            block = self._chosen(ordered)
            self._under_way.update(step.id for step in block)
            return block

    def _chosen(self, ordered: Sequence[StepId]) -> list[Step]:
        """The first ones of one target, as many as a block has, and no more commits than may be held; they wait no longer."""
        onto, commits, block = self._pending[ordered[0]].onto, 0, list[Step]()
        for step in map(self._pending.__getitem__, ordered):
            if step.onto == onto:
                commits += step.own_commits
                if block and (len(block) >= self._size or commits > _MOST_COMMITS):
                    break
                block.append(step)
        for step in block:
            del self._pending[step.id]
        return block

    def _merged(self, block: Sequence[Step], streams: BlockProcesses) -> Block | BaseException | None:
        """The block with its merges made and its commits written; a bug; or None where branches are left to the workers."""
        try:
            work = Block(self._integration, block)
            work.carry_out(streams, self._is_over)
        except Stopped:
            return None
        except (GitError, OSError) as error:
            _one_by_one(block, error)
            return None
        except BaseException as error:  # in a thread: without an answer workers would wait for ever
            return error
        return work

    def _finish(self, block: Sequence[Step], work: Block | BaseException | None, streams: BlockProcesses) -> None:
        """Find out what became of a block, and give it to the workers; a bug is one of every branch."""
        done: Mapping[StepId, Replayed | BaseException] = {}
        try:
            if isinstance(work, BaseException):
                raise work
            if work is not None:
                work.compare(streams.comparer, streams.files, self._is_over)
                done = work.results(self._rewrites[block[0].onto])
        except Stopped:
            pass
        except (GitError, OSError) as error:
            _one_by_one(block, error)
        except BaseException as error:
            _LOG.error("%d branches are not replayed: %s", len(block), in_words(error), exc_info=is_a_bug(error))
            done = {step.id: error for step in block}
        with self._changed:
            self._done.update(done)
            self._under_way.difference_update(step.id for step in block)
            self._changed.notify_all()


def _one_by_one(block: Sequence[Step], error: Exception) -> None:
    """Each branch by itself says what is wrong, if it is still so."""
    _LOG.warning("%d branches are replayed one by one: %s", len(block), error)


def _is_replayed(step: Step) -> bool:
    is_iterative = step.strategy is Strategy.ITERATIVE and bool(step.step_size)
    return step.kind is StepKind.REPLAY and step.refusal is None and not is_iterative
