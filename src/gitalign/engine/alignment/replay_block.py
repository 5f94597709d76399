"""One block of branches that are replayed together: what is read, merged, written and compared for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gitalign.core.commit_bytes import CommitBytes, commit_bytes, subject_of
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Aligned, AlignedKind, Dropped, DropReason, Rewrite
from gitalign.core.plan import Step
from gitalign.detect.files import is_file
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.source import Changes
from gitalign.errors import GitError
from gitalign.git.commit_packs import write_commit_packs
from gitalign.git.merge import MERGES_PER_PROCESS, MergeAnswer
from gitalign.git.merge_stream import MadeUpCommits, MergeStream
from gitalign.git.objects import CommitWriter, FileReader, bodies
from gitalign.git.tree_comparer import TreeComparer
from gitalign.integrate.at_once import Chain, Replays
from gitalign.integrate.lane import Rewrites
from gitalign.integrate.streams import Stopped, carry_through

_PACKED_FROM = 24
_COMPARED_AT_ONCE = 64
_MOST_PATHS = 20_000
_READ_AT_ONCE = 200
_LONGEST_BYTES = 64 * 1024
_MOST_BYTES = 1024 * 1024
"""Of contents that are held for detectors: a block's files that do not fit are read branch by branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A branch that was replayed.

    Attributes:
        at_once: git's merge of branch and target at once; None where it was not asked for.
        changes: what changes from one commit to another, as far as detectors will ask and it was found out.
        contents: of files that changed, by id, as far as they are short and not too many.
    """

    outcome: Aligned
    at_once: MergeAnswer | None
    changes: Mapping[tuple[Oid, Oid], Changes]
    contents: Mapping[bytes, bytes]


class BlockProcesses:
    """Processes that blocks use one after the other; those that merge end where the next block has other attributes.

    Args:
        integration: what the branches share.
        processes: merge processes that work side by side.
    """

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
        self._aside = quarantine.aside()
        self.made_up = MadeUpCommits(self._aside, self.writer, object_format=self.object_format)
        plain, timeout_s = quarantine.ungated(quarantine.git), integration.limits.integration_timeout_s
        self.comparer = TreeComparer(plain, timeout_s=timeout_s)
        self.files = FileReader(plain, timeout_s=timeout_s)

    def under(self, onto: Oid, chains: int) -> list[MergeStream]:
        """Those that merge under the attributes of a target, for so many chains.

        Raises:
            OutOfSpace
        """
        integration = self._integration
        if (aside := integration.quarantine.aside()) != self._aside:
            # The quarantine went from memory to disk, and what was beside it in memory is gone.
            self._end_merging()
            self._aside = aside
            self.made_up = MadeUpCommits(aside, self.writer, object_format=self.object_format)
        bench = integration.quarantine.bench(integration.attributes[onto])
        if bench.git_dir != self._bench or self._merges > MERGES_PER_PROCESS * self._processes:
            self._end_merging()
            self._bench, self._merges = bench.git_dir, 0
        while len(self._streams) < max(1, min(self._processes, chains)):
            self._streams.append(
                MergeStream(
                    self.made_up.seen_by(integration.quarantine.ungated(bench)),
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
        self.comparer.close()
        self.files.close()

    def _end_merging(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()


class Block:
    """Branches of one target that are replayed together.

    Args:
        integration: what the branches share.
        steps: of one target.
    """

    def __init__(self, integration: IntegrationContext, steps: Sequence[Step]) -> None:
        self._integration = integration
        self._steps = steps
        self._own = [integration.graph.own(step.seen, step.onto) for step in steps]
        self._upstream = [integration.upstream.matches(step.seen, step.onto) for step in steps]
        self._commits: Mapping[Oid, CommitBytes] = {}
        self._chains: list[Chain | None] = []
        self._replays: Replays | None = None
        self._changes: dict[tuple[Oid, Oid], Changes] = {}
        self._contents: dict[bytes, bytes] = {}

    def carry_out(self, streams: BlockProcesses, is_stopped: Callable[[], bool]) -> None:
        """Read, merge and write.

        Raises:
            Stopped, GitError
        """
        self._commits = self._read()
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

    def compare(self, comparer: TreeComparer, files: FileReader, is_stopped: Callable[[], bool]) -> None:
        """Find out what detectors will ask; another thread may carry out the next block meanwhile.

        Raises:
            Stopped
        """
        if self._replays is not None and self._integration.plugins.detectors:
            with suppress(GitError):  # they ask themselves then, and report what is wrong
                self._compare(comparer, is_stopped)
                self._read_files(files, is_stopped)

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

    def _read(self) -> dict[Oid, CommitBytes]:
        """Every commit that is looked at. What is missing, or is not a commit, is not among them."""
        graph = self._integration.graph
        wanted: dict[Oid, None] = {self._steps[0].onto: None}
        for step, own in zip(self._steps, self._own, strict=True):
            wanted[step.seen] = None
            wanted |= dict.fromkeys((*own.picks, *own.merges, *own.bases))
            for oid in own.picks:
                wanted |= dict.fromkeys(graph.parents(oid))
        found: dict[Oid, CommitBytes] = {}
        for oid, data in bodies(self._integration.quarantine.git, list(wanted), kind=b"commit"):
            with suppress(ValueError):
                found[oid] = commit_bytes(data)
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
        changes = {pair: self._changes[trees] for pair, trees in self._pairs(chain).items() if trees in self._changes}
        files = self._changed_files(chain)
        contents = {oid: self._contents[oid] for oid in files if oid in self._contents}
        return Replayed(outcome=outcome, at_once=chain.at_once, changes=changes, contents=contents)

    def _pairs(self, chain: Chain) -> dict[tuple[Oid, Oid], tuple[Oid, Oid]]:
        """What detectors compare: commits, and their trees."""
        pairs = {(chain.onto, chain.tip): (self._commits[chain.onto].tree, chain.tree)}
        if chain.base is not None and chain.base in self._commits:
            trees = (self._commits[chain.base].tree, self._commits[chain.before].tree)
            pairs[chain.base, chain.before] = trees
        return pairs

    def _compare(self, comparer: TreeComparer, is_stopped: Callable[[], bool]) -> None:
        """Find out what detectors will ask, as long as it is not too much to be held.

        Raises:
            Stopped, GitError
        """
        done = [chain for chain in self._chains if chain is not None and chain.is_done]
        wanted = {trees: None for chain in done for trees in self._pairs(chain).values()}
        pairs = [pair for pair in wanted if pair[0] != pair[1]]
        self._changes |= {pair: () for pair in wanted if pair[0] == pair[1]}
        paths = 0
        for start in range(0, len(pairs), _COMPARED_AT_ONCE):
            if paths > _MOST_PATHS:
                return
            if is_stopped():
                raise Stopped
            found = comparer.compare_many(pairs[start : start + _COMPARED_AT_ONCE])
            paths += sum(map(len, found.values()))
            self._changes |= found

    def _changed_files(self, chain: Chain) -> list[bytes]:
        """Ids of the files of a result that its target has not, as far as it was found out."""
        changes = self._changes.get((self._commits[chain.onto].tree, chain.tree), ())
        return [change.after[1] for change in changes if change.after is not None and is_file(change.after)]

    def _read_files(self, files: FileReader, is_stopped: Callable[[], bool]) -> None:
        """Read what detectors will look at, as long as it is not too much to be held.

        Raises:
            Stopped, GitError
        """
        done = [chain for chain in self._chains if chain is not None and chain.is_done]
        wanted = list(dict.fromkeys(oid for chain in done for oid in self._changed_files(chain)))
        held = 0
        for start in range(0, len(wanted), _READ_AT_ONCE):
            if held > _MOST_BYTES:
                return
            if is_stopped():
                raise Stopped
            names = wanted[start : start + _READ_AT_ONCE]
            read = files.read(names, most_bytes=_LONGEST_BYTES)
            self._contents |= {name: data for name, data in zip(names, read, strict=True) if data is not None}
            held += sum(len(data) for data in read if data is not None)

    def _dropped(self, oid: Oid, reason: DropReason, upstream: Oid | None = None) -> Dropped:
        return Dropped(oid=oid, reason=reason, subject=subject_of(self._commits[oid]), upstream=upstream)
