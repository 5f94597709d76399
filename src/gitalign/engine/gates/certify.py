"""Certificates of a run: made and proved before anything is published, kept as a file, proved again when asked."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitalign.core.certificate import Certificate, Check, CommitProof, PatchVerdict, Proof
from gitalign.core.names import HEADS, Oid
from gitalign.core.outcome import Aligned, AlignedKind, Failed, StepResult
from gitalign.core.plan import Plan, Step, StepKind
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.run import RunKind, RunRecord
from gitalign.documents import certificates
from gitalign.documents.formats import parsed
from gitalign.documents.reading import Malformed
from gitalign.engine.gates.gate import PASS, GateContext, Verdict
from gitalign.engine.gates.proofs import PASSED, certified, prove
from gitalign.errors import OutOfSpace, UserError
from gitalign.git.asking import absent, retried
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.input_file import Unreadable, read_bounded
from gitalign.release import VERSION
from gitalign.shared_files import adopt, make_folder

_LARGEST_BYTES = 1024 * 1024 * 1024
FILE = "certificates.jsonl"
_AN_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Drafts:
    """Certificates of a run on their way to the disk: each is written as it is proved, and none is held.

    Args:
        folder: of the run.

    Raises:
        OutOfSpace
    """

    def __init__(self, folder: Path) -> None:
        self._place, self._new = folder / FILE, folder / f"{FILE}.new"
        self._refs: list[str] = []
        with self._written():
            make_folder(folder)
            self._file = self._new.open("w+", encoding="ascii")

    def add(self, one: Certificate) -> None:
        """Write one.

        Raises:
            OutOfSpace
        """
        with self._written():
            self._refs.append(one.ref)
            self._file.write(f"{certificates.text_of(one)}\n")

    def keep(self, refs: Collection[str]) -> None:
        """Make those of some refs the run's certificates, whole and on disk.

        Raises:
            OutOfSpace
        """
        with self._written():
            if any(ref not in refs for ref in self._refs):
                self._leave_out(refs)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            adopt(self._new)
            self._new.replace(self._place)

    def discard(self) -> None:
        """Throw away what was not kept."""
        with suppress(OSError):
            self._file.close()
        self._new.unlink(missing_ok=True)

    def _leave_out(self, refs: Collection[str]) -> None:
        self._file.seek(0)
        rest = self._new.with_name(f"{FILE}.rest")
        with rest.open("w+", encoding="ascii") as file:
            file.writelines(line for ref, line in zip(self._refs, self._file, strict=True) if ref in refs)
        rest.replace(self._new)
        self._file.close()
        self._file = self._new.open("r+", encoding="ascii")

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {self._place}: {error.strerror}; nothing was moved",
                hint="free some space, then run again",
            ) from error


@dataclass(frozen=True, slots=True)
class ProofGate:
    """Proofs. A result that cannot be proved is refused; every other one gets a certificate.

    Attributes:
        drafts: get the certificates.
        known: changes of commits that git listed before, as `evidence.in_batches` takes them.
    """

    drafts: Drafts
    known: Mapping[Oid, bytes] = field(default_factory=dict)
    phase: str = "verify"

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterator[Verdict]:
        """See `Gate`."""
        run, repository = context.run, context.run.repository
        aligned = [(result, result.outcome) for result in results if isinstance(result.outcome, Aligned)]
        tips = {oid for _, one in aligned for oid in (one.before, one.onto, one.after)}
        version = ".".join(map(str, repository.git_version))
        claims = (
            _claim(context.plan, context.step(result), outcome, run_id=run.run_id, git_version=version)
            for result, outcome in aligned
        )
        for proved in certified(repository, context.quarantine.git, tips, claims, known=self.known):
            if proved.holds:
                self.drafts.add(proved)
                yield PASS
            else:
                yield Verdict(refusal=_unproved(proved.checks))


def _claim(plan: Plan, step: Step, outcome: Aligned, *, run_id: str, git_version: str) -> Certificate:
    return Certificate(
        run_id=run_id,
        plan_id=plan.id,
        ref=step.moved_ref,
        of=_integrated(step),
        remote=step.of_remote or "",
        target_ref=step.target.ref,
        how=outcome.how,
        before=outcome.before,
        onto=outcome.onto,
        after=outcome.after,
        tree=outcome.tree,
        commits=tuple(
            CommitProof(old=pair.old, new=pair.new, patch=PatchVerdict.CHANGED) for pair in outcome.rewritten
        ),
        dropped=outcome.dropped,
        resolved=outcome.resolved,
        strategy_used=outcome.strategy_used,
        strategies_tried=outcome.strategies_tried,
        checks=(),
        tool_version=VERSION,
        git_version=git_version,
    )


def _integrated(step: Step) -> str:
    return "" if step.integration is None else step.ref


def _unproved(checks: Iterable[Check]) -> Failed:
    first = next(check for check in checks if not check.passed)
    return Failed(
        code="not_proved",
        reason=f"{first.name.value.replace('_', ' ')} does not hold: {first.detail}",
        hint="the branch was not moved; please report this with the run's log",
        stage="conserve",
    )


def read(place: Path) -> tuple[Certificate, ...]:
    """Certificates as `Drafts` wrote them; a line that is there twice, as in files put together, is one certificate.

    Raises:
        UserError: not there, or no certificates.
    """
    try:
        data = read_bounded(place, most_bytes=_LARGEST_BYTES)
    except Unreadable as error:
        raise UserError(f"no certificates can be read at {place}: {error}", hint="git align runs") from error
    found: list[Certificate] = []
    seen: set[bytes] = set()
    for number, line in enumerate(io.BytesIO(data), 1):
        digest = hashlib.sha256(line.strip()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            one = _with_shared_words(certificates.load(parsed(line.decode("utf-8"))))
            if odd := [oid for oid in _ids(one) if not _AN_ID.fullmatch(oid)]:
                raise Malformed(f"{odd[0]!r} is no object id")
            found.append(one)
        except (Malformed, UnicodeDecodeError) as error:
            raise UserError(
                f"{place}, line {number}: not a certificate: {error}", hint="take it from the run's folder again"
            ) from error
    return tuple(found)


def _with_shared_words(one: Certificate) -> Certificate:
    """The certificate, with what all of a run have in common held once."""
    return replace(
        one,
        run_id=sys.intern(one.run_id),
        plan_id=sys.intern(one.plan_id),
        target_ref=sys.intern(one.target_ref),
        onto=Oid(sys.intern(one.onto)),
        tool_version=sys.intern(one.tool_version),
        git_version=sys.intern(one.git_version),
        checks=tuple(PASSED[check.name] if check == PASSED[check.name] else check for check in one.checks),
    )


def _ids(one: Certificate) -> list[str]:
    """Every object id that a certificate names: the file may come from anybody, and git is asked by them."""
    found: list[str] = [one.before, one.onto, one.after, one.tree]
    found += [oid for pair in one.commits for oid in (pair.old, pair.new)]
    found += [drop.oid for drop in one.dropped]
    found += [applied.commit for applied in one.resolved if applied.commit is not None]
    return found + [drop.upstream for drop in one.dropped if drop.upstream is not None]


def awaited(record: RunRecord, plan: Plan, moves: Iterable[Publication]) -> tuple[Certificate, ...]:
    """What the certificates of a run must say at least: every move that it made, here without its proofs.

    Args:
        record: the run; undoing and pushing make nothing that is certified.
        plan: whose steps.
        moves: as the journal has them.
    """
    if record.kind is not RunKind.ALIGN:
        return ()
    steps = {step.moved_ref: step for step in plan.steps}
    return tuple(
        Certificate(
            run_id=record.id,
            plan_id=plan.id,
            ref=one.update.ref,
            of="" if step is None else _integrated(step),
            remote="" if step is None else step.of_remote or "",
            target_ref="" if step is None else step.target.ref,
            how=AlignedKind.REPLAYED if step is None else _USUALLY.get(step.kind, AlignedKind.REPLAYED),
            before=one.update.before if step is None else step.seen,
            onto=Oid("") if step is None else step.onto,
            after=one.update.after,
            tree=Oid(""),
            commits=(),
            dropped=(),
            checks=(),
            tool_version="",
            git_version="",
        )
        for one in moves
        for step in (steps.get(one.update.ref),)
        if one.state in (MoveState.MOVED, MoveState.UNDONE)
        or (step is not None and step.of_remote is not None and one.push is PushState.PUSHED)
    )


_USUALLY = {
    StepKind.RECREATE: AlignedKind.RECREATED,
    StepKind.MERGE: AlignedKind.MERGED,
    StepKind.INTEGRATE: AlignedKind.INTEGRATED,
    StepKind.FAST_FORWARD: AlignedKind.FAST_FORWARDED,
}


def prove_again(
    repository: Repository, certificates: Sequence[Certificate], *, wanted: Sequence[Certificate] = ()
) -> tuple[Proof, ...]:
    """Look at certificates again, from the repository alone; moves without a certificate are not proved.

    Args:
        repository: the repository.
        certificates: as they were kept.
        wanted: moves that must have one.

    Raises:
        GitError
    """
    refs = read_refs(repository)
    made = prove(repository, certificates)
    proofs = [
        Proof(certificate=one, checks=checks, faults=_faults(one), standing=_standing(repository, one, refs))
        for one, checks in zip(certificates, made, strict=True)
    ]
    there = {(one.run_id, one.ref, one.after) for one in certificates}
    named = {one.ref for one in certificates}
    for one in wanted:
        if (one.run_id, one.ref, one.after) not in there:
            other = "the certificate of this branch is of another move" if one.ref in named else _NONE
            standing = _standing(repository, one, refs)
            proofs.append(Proof(certificate=one, checks=(), faults=(other,), standing=standing))
    return tuple(proofs)


_NONE = "there is no certificate of this move: the file of certificates is gone, or was changed"


def _faults(one: Certificate) -> tuple[str, ...]:
    found: list[str] = []
    if not one.is_intact:
        found.append("the document was changed after it was written: its digest is another")
    if not one.holds:
        found.append("it does not say that every check was made and passed")
    return tuple(found)


def _standing(repository: Repository, one: Certificate, refs: Mapping[str, Oid]) -> str:
    now = refs.get(f"refs/remotes/{one.remote}/{one.ref.removeprefix(HEADS)}" if one.remote else one.ref)
    if now is None:
        return f"what {one.remote} holds is not known here" if one.remote else "the branch is gone"
    if now == one.after:
        return "the branch is there"
    if now == one.before and not one.of:
        return "the branch is where it was before the run"
    words = ("merge-base", "--is-ancestor", one.after, now)
    is_there = not absent(repository.git, [one.after, now])
    has_it = is_there and retried(lambda: repository.git.run(*words, accept=(0, 1))).returncode == 0
    return "the branch has moved on from there" if has_it else "the branch is elsewhere now"
