"""A plan tried out: integrated in a quarantine that is gone afterwards, with what earlier trials found taken from memory.

Remembered are verdicts and results by content: the same commits, rules and git give the same. Objects are not kept; a
branch whose commits are needed after all is integrated again.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from gitalign import wire
from gitalign.core.clashes import FileVersion, PathChange
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId, zero_like
from gitalign.core.outcome import Aligned, AlignedKind, Failed, StepResult, Unchanged
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.core.policy import Limits
from gitalign.engine.align import Workshop
from gitalign.engine.integration import furnish, integrate, remember_conflicts, verdict_keys
from gitalign.engine.signals import StopSignal
from gitalign.errors import GitError, InvariantBroken
from gitalign.git.command import raw
from gitalign.git.history import commits_beyond, path_changes
from gitalign.git.objects import CommitReader
from gitalign.git.quarantine import Quarantine, sweep_quarantines
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Sockets, VerdictMemory

_PREFIX = "forecast-"
_FORMAT = "standing 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A branch that stands on its target, or would once aligned.

    Attributes:
        key: content key; the same commits, rules and git give the same.
        how: it came to stand there; None when it stood there already.
        tree: of the branch then.
        changes: against the target's tip.
        own: what tells its commits above the target apart; shared ones are shared commits.
        commit: as it stands; None when it is remembered and was not made again.
    """

    step: Step
    key: str
    how: AlignedKind | None
    tree: Oid
    changes: tuple[PathChange, ...]
    own: frozenset[str]
    commit: Oid | None

    @property
    def name(self) -> str:
        """Name of the branch."""
        return self.step.branch.name


@dataclass(slots=True)
class Trial:
    """Tries a plan; a context manager that removes its quarantine.

    Args:
        repository: the repository.
        plan: what to try.
        graph: history behind it.
        limits: bounds, as for a run.
        sockets: configured plug-ins. A documenter writes files and changes no verdict, so it is not asked; detectors can
            refuse a branch, so they are, and no clean verdict is taken from memory then.
        memory: what was found before; new findings are added.
        emit: the event stream.
        stop: the stop button.
        at: committer date for the commits that are thrown away.

    Attributes:
        results: of every step. The `after` of a remembered clean one is zero.
    """

    repository: Repository
    plan: Plan
    graph: CommitGraph
    limits: Limits
    sockets: Sockets
    memory: VerdictMemory
    emit: Emitter
    stop: StopSignal
    at: datetime
    results: tuple[StepResult, ...] = field(default=(), init=False)
    _quarantine: Quarantine = field(init=False, repr=False)
    _workshop: Workshop = field(init=False, repr=False)
    _standing: dict[str, tuple[Standing, ...]] = field(default_factory=dict, init=False, repr=False)
    _remembered: dict[StepId, Standing] = field(default_factory=dict, init=False, repr=False)
    _keys: Mapping[str, str] = field(default_factory=dict, init=False, repr=False)
    _again: dict[str, Oid] = field(default_factory=dict, init=False, repr=False)

    def __enter__(self) -> Self:
        """Integrate every branch.

        Raises:
            GitError, OutOfSpace
        """
        self.sockets = replace(self.sockets, documenter=None)
        sweep_quarantines(self.repository.state_dir / "quarantine", glob=f"{_PREFIX}*")
        self._quarantine = Quarantine(self.repository, _PREFIX + secrets.token_hex(6))
        try:
            self._keys = self._content_keys()
            self._remembered = self._recall()
            already = {step_id: _as_result(one, one.how) for step_id, one in self._remembered.items() if one.how}
            self._workshop = self._furnished(already)
            self.results = integrate(self._workshop, self.plan, already=already, emit=self.emit, stop=self.stop).results
            remember_conflicts(self.memory, self._workshop, self.results, at=self.at)
            self._standing = {target.name: self._find_standing(target) for target in self.plan.targets}
        except BaseException:
            self._quarantine.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw everything away."""
        self._quarantine.remove()

    @property
    def workshop(self) -> Workshop:
        """What the branches were integrated with."""
        return self._workshop

    def standing(self, target: Target) -> Sequence[Standing]:
        """Branches that stand on a target, or would once aligned, by name."""
        return self._standing[target.name]

    def _find_standing(self, target: Target) -> tuple[Standing, ...]:
        """New ones are remembered."""
        outcomes = {result.step_id: result.outcome for result in self.results}
        known: list[Standing] = []
        fresh: list[tuple[Step, Oid, AlignedKind | None]] = []
        for step in self.plan.steps:
            if step.target != target:
                continue
            outcome = outcomes[step.id]
            if step.id in self._remembered:
                known.append(self._remembered[step.id])
            elif isinstance(outcome, Aligned):
                fresh.append((step, outcome.after, outcome.how))
            elif isinstance(outcome, Unchanged) and _stands(step):
                fresh.append((step, step.seen, None))
        made = self._looked_at(fresh, target)
        if not self.sockets.detectors:
            self.memory.remember({_memory_key(one.key): _packed(one) for one in made if one.key}, at=self.at)
        return tuple(sorted([*known, *made], key=lambda one: one.name))

    def commits(self, wanted: Iterable[Standing]) -> dict[str, Oid]:
        """Commits of branches, integrated again where they are remembered only.

        Raises:
            InvariantBroken: a result differs from what is remembered of it.
            GitError, OutOfSpace
        """
        asked = list(wanted)
        found = self._again | {one.name: one.commit for one in asked if one.commit is not None}
        missing = {one.step.id: one for one in asked if one.name not in found}
        if missing and not self.stop.stop_requested:
            already = {StepId(result.step_id): result for result in self.results if result.step_id not in missing}
            again = integrate(
                self._furnished(already), self.plan, already=already, emit=_nobody, stop=self.stop
            ).results
            for result in again:
                known = missing.get(StepId(result.step_id))
                if known is not None:
                    self._again[result.branch] = _as_remembered(result, known)
        return found | self._again

    def _furnished(self, already: Mapping[StepId, StepResult]) -> Workshop:
        return furnish(
            self._quarantine,
            self.plan,
            self.graph,
            already=already,
            memory=self.memory,
            limits=self.limits,
            sockets=self.sockets,
            at=self.at,
            documents_dir=Path(),
        )

    def _content_keys(self) -> dict[str, str]:
        """Branch name -> content key, for those that merge something and those that stand on their target."""
        keys = dict(verdict_keys(self._quarantine, self.plan.steps))
        for step in self.plan.steps:
            if _stands(step):
                keys[step.branch.name] = hashlib.sha256(f"{step.seen} on {step.onto}".encode("ascii")).hexdigest()
        return keys

    def _recall(self) -> dict[StepId, Standing]:
        if self.sockets.detectors:
            return {}
        known = self.memory.remembered(map(_memory_key, self._keys.values()))
        found: dict[StepId, Standing] = {}
        for step in self.plan.steps:
            key = self._keys.get(step.branch.name)
            body = known.get(_memory_key(key)) if key is not None else None
            if key is not None and body is not None and (one := _unpacked(step, key, body)) is not None:
                found[step.id] = one
        return found

    def _looked_at(self, fresh: Sequence[tuple[Step, Oid, AlignedKind | None]], target: Target) -> list[Standing]:
        if not fresh:
            return []
        git = self._quarantine.git
        tips = sorted({commit for _, commit, _ in fresh})
        changes = dict(path_changes(git, [(target.oid, tip) for tip in tips]))
        reader = CommitReader(git, timeout_s=self.limits.integration_timeout_s)
        try:
            own = _own(commits_beyond(git, tips, target.oid), tips, self.graph, reader)
            trees = dict(zip(tips, (commit.tree for commit in reader.read(tips)), strict=True))
        finally:
            reader.close()
        return [
            Standing(
                step=step,
                key=self._keys.get(step.branch.name, ""),
                how=how,
                tree=trees[commit],
                changes=changes[target.oid, commit],
                own=own[commit],
                commit=commit,
            )
            for step, commit, how in fresh
            if (target.oid, commit) in changes
        ]


def _stands(step: Step) -> bool:
    return step.kind is StepKind.UP_TO_DATE and step.refusal is None


def _nobody(kind: str, *, branch: str | None = None, target: str | None = None, **data: object) -> None:
    """Branches integrated a second time are no news."""


def _as_result(one: Standing, how: AlignedKind) -> StepResult:
    step = one.step
    outcome = Aligned(how=how, before=step.seen, after=zero_like(step.seen), onto=step.onto, tree=one.tree)
    return StepResult(step_id=step.id, branch=step.branch.name, outcome=outcome)


def _as_remembered(result: StepResult, known: Standing) -> Oid:
    outcome = result.outcome
    if not isinstance(outcome, Aligned):
        words = outcome.reason if isinstance(outcome, Failed) else f"ended as {outcome.kind}"
        raise GitError(f"{result.branch}: {words}", hint="run the forecast again")
    if outcome.tree != known.tree:
        raise InvariantBroken(f"{result.branch}: aligned to tree {outcome.tree}, remembered is {known.tree}")
    return outcome.after


def _own(
    beyond: Sequence[tuple[Oid, tuple[Oid, ...]]], tips: Sequence[Oid], graph: CommitGraph, reader: CommitReader
) -> dict[Oid, frozenset[str]]:
    """Tip -> names of its commits above the target.

    A commit of the repository goes by its id; a new one, whose id holds the moment of the trial, by what it says.
    """
    made = [oid for oid, _ in beyond if oid not in graph]
    commits = dict(zip(made, reader.read(made), strict=True))
    parents = dict(beyond)
    names: dict[Oid, str] = {}
    for oid, above in reversed(beyond):
        commit = commits.get(oid)
        if commit is None:
            names[oid] = oid
            continue
        digest = hashlib.sha256()
        for part in (commit.tree.encode("ascii"), *(names.get(one, one).encode("ascii") for one in above)):
            digest.update(part + b" ")
        digest.update(commit.author + b"\0" + commit.message)
        names[oid] = digest.hexdigest()
    found: dict[Oid, frozenset[str]] = {}
    for tip in tips:
        seen = {tip} & parents.keys()
        waiting = list(seen)
        while waiting:
            for parent in parents[waiting.pop()]:
                if parent in parents and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        found[tip] = frozenset(names[oid] for oid in seen)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A remembered standing: the tree, and changes and own commits, packed."""

    how: AlignedKind | None
    tree: str
    changes: str
    own: str


def _memory_key(key: str) -> str:
    return hashlib.sha256(f"{_FORMAT} {key}".encode("ascii")).hexdigest()


def _packed(one: Standing) -> str:
    changes = b"".join(
        b"%b\0%b\0%b\0" % (path, _version(before), _version(after)) for path, before, after in one.changes
    )
    own = " ".join(sorted(one.own)).encode("ascii")
    return wire.dumps(_Body(how=one.how, tree=one.tree, changes=_squeezed(changes), own=_squeezed(own)))


def _unpacked(step: Step, key: str, body: str) -> Standing | None:
    """None for what another version wrote, or what is damaged: then it is found out anew."""
    try:
        read = wire.loads(_Body, body)
        fields = _unsqueezed(read.changes).split(b"\0")
        changes = tuple(
            PathChange(path, _read_version(before), _read_version(after))
            for path, before, after in zip(fields[0:-1:3], fields[1::3], fields[2::3], strict=True)
        )
        own = frozenset(_unsqueezed(read.own).decode("ascii").split())
    except (ValueError, zlib.error):
        return None
    if (read.how is None) != _stands(step):
        return None
    commit = step.seen if _stands(step) else None
    return Standing(step=step, key=key, how=read.how, tree=Oid(read.tree), changes=changes, own=own, commit=commit)


def _version(version: FileVersion | None) -> bytes:
    return b" ".join(version) if version is not None else b""


def _read_version(field: bytes) -> FileVersion | None:
    mode, _, oid = field.partition(b" ")
    return (mode, oid) if oid else None


def _squeezed(data: bytes) -> str:
    return base64.b85encode(zlib.compress(data, 3)).decode("ascii")


def _unsqueezed(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(raw(text)))
