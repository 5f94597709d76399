"""Conservation: was anything lost? Checked for every clean alignment before it may be published.

Two kinds of answer. A *broken* check means that something is not accounted for: the branch ends as Failed and is never
published. A *finding* means that the result is what git makes of it but differs from the one-shot merge of branch and
target, so a person may want to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gitalign.core.commit import RawCommit
from gitalign.core.findings import Finding, Severity
from gitalign.core.images import misplaced
from gitalign.core.names import Oid
from gitalign.core.outcome import NOTHING_OWN, Aligned, AlignedKind, Failed, Outcome, Rewrite
from gitalign.core.plan import Step
from gitalign.core.policy import Strategy
from gitalign.errors import MissingObject
from gitalign.git.command import Git, text
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import MergeWorker


def conserve(
    step: Step,
    aligned: Aligned,
    *,
    picks: Sequence[Oid],
    merges: Sequence[Oid],
    bases: Sequence[Oid],
    lane: MergeWorker,
) -> Outcome:
    """Check one branch whose commits were rewritten.

    Every own commit must be in the result, be upstream, or be reported as dropped; rewritten commits must keep author
    and message; the result's tree must equal the one-shot merge, or the difference is a finding.

    Returns:
        The alignment with its findings, or Failed with stage `conserve`.
    """
    if fault := (
        _unaccounted(aligned, picks=picks, merges=merges)
        or _altered(aligned, lane)
        or _misshaped(aligned, picks=picks, merges=merges, bases=bases, lane=lane)
    ):
        return _failed(fault)
    if aligned.how is AlignedKind.MERGED:
        return aligned
    findings = _against_one_shot_merge(step, aligned, bases=bases, lane=lane)
    return replace(aligned, findings=(*aligned.findings, *findings)) if findings else aligned


def conserve_replayed(
    step: Step, aligned: Aligned, *, picks: Sequence[Oid], merges: Sequence[Oid], at_once: MergeAnswer
) -> Outcome:
    """The same check of a branch that was replayed together with others, whose commits were compared when they were made.

    Args:
        at_once: git's merge of branch and target at once.
    """
    if fault := _unaccounted(aligned, picks=picks, merges=merges):
        return _failed(fault)
    findings = _findings(step, aligned, at_once)
    return replace(aligned, findings=(*aligned.findings, *findings)) if findings else aligned


def _failed(fault: str) -> Failed:
    return Failed(
        code="conservation",
        reason=fault,
        hint="this is a bug of git-align; the branch was not moved",
        stage="conserve",
    )


def _unaccounted(aligned: Aligned, *, picks: Sequence[Oid], merges: Sequence[Oid]) -> str | None:
    if aligned.how is AlignedKind.MERGED:
        return None
    told = [rewrite.old for rewrite in aligned.rewritten] + [drop.oid for drop in aligned.dropped]
    if len(told) != len(set(told)):
        return "a commit is reported twice"
    missing = (set(picks) | set(merges)) - set(told)
    if missing:
        return f"{len(missing)} commits are neither in the result nor reported as dropped, first {min(missing)}"
    foreign = set(told) - set(picks) - set(merges)
    if foreign:
        return f"{len(foreign)} commits in the report are not the branch's own, first {min(foreign)}"
    return None


def _altered(aligned: Aligned, lane: MergeWorker) -> str | None:
    pairs = [pair for pair in aligned.rewritten if pair.old != pair.new]
    if not pairs:
        return None
    olds = lane.read([pair.old for pair in pairs])
    news = lane.read([pair.new for pair in pairs])
    if aligned.how is AlignedKind.RECREATED:
        return _reshaped(aligned, pairs, olds, news)
    parent: str = aligned.onto
    chain = {pair.new for pair in aligned.rewritten}
    for pair, old, new in zip(pairs, olds, news, strict=True):
        if new.author != old.author or new.message != old.message:
            return f"commit {pair.old} lost its author or message in {pair.new}"
        if len(new.parents) != 1 or (new.parents[0] != parent and new.parents[0] not in chain):
            return f"commit {pair.new} does not stand on the result so far"
        parent = pair.new
    if news[-1].tree != aligned.tree or pairs[-1].new != aligned.after:
        return "the result does not end with the last commit of the branch"
    return None


def _reshaped(aligned: Aligned, pairs: list[Rewrite], olds: list[RawCommit], news: list[RawCommit]) -> str | None:
    """What was altered in commits, where merges were made again. Where they stand is for `_misshaped` to say."""
    for pair, old, new in zip(pairs, olds, news, strict=True):
        if new.author != old.author or new.message != old.message:
            return f"commit {pair.old} lost its author or message in {pair.new}"
    last = [new for pair, new in zip(pairs, news, strict=True) if pair.new == aligned.after]
    if last and last[0].tree != aligned.tree:
        return "the result does not have the tree of the last commit of the branch"
    return None


def _misshaped(
    aligned: Aligned, *, picks: Sequence[Oid], merges: Sequence[Oid], bases: Sequence[Oid], lane: MergeWorker
) -> str | None:
    if aligned.how is not AlignedKind.RECREATED:
        return None
    own = (*picks, *merges)
    named = list(dict.fromkeys((*own, *(pair.new for pair in aligned.rewritten))))
    parents = {oid: commit.parents for oid, commit in zip(named, lane.read(named), strict=True)}
    return (
        misplaced(aligned, own=own, bases=bases, old_parents=parents.__getitem__, new_parents=parents.__getitem__)
        or None
    )


def brings_more_at_once(step: Step, aligned: Aligned, *, bases: Sequence[Oid], lane: MergeWorker) -> bool:
    """True when merging branch and target at once is clean and gives another tree than the result has.

    Where an object of that merge is not there, it cannot bring anything: `conserve` names the object.

    Raises:
        GitError, OutOfSpace
    """
    answer = _merged_at_once(step, bases=bases, lane=lane)
    return isinstance(answer, MergeAnswer) and answer.is_clean and answer.tree != aligned.tree


def _merged_at_once(step: Step, *, bases: Sequence[Oid], lane: MergeWorker) -> MergeAnswer | Oid | None:
    """What merging at once gives; None for unrelated histories, or an object that it reads and that is not there."""
    sides = lane.side(step.onto), lane.side(step.seen)
    try:
        if len(bases) == 1:
            return lane.merge(step.onto, base=lane.side(bases[0]), ours=sides[0], theirs=sides[1])
        return lane.merge_histories(step.onto, step.onto, step.seen, bases=bases) if bases else None
    except MissingObject:
        # Replaying need not read every file that merging at once reads.
        lost = lane.missing([(base, tip) for base in bases for tip in (step.onto, step.seen)])
        if lost is None:
            raise
        return lost


def _against_one_shot_merge(
    step: Step, aligned: Aligned, *, bases: Sequence[Oid], lane: MergeWorker
) -> tuple[Finding, ...]:
    answer = _merged_at_once(step, bases=bases, lane=lane)
    if answer is None:
        return ()
    if not isinstance(answer, MergeAnswer):
        return (_cannot_be_compared(answer),)
    return _findings(step, aligned, answer)


def _findings(step: Step, aligned: Aligned, answer: MergeAnswer) -> tuple[Finding, ...]:
    """What is worth a look about a result, beside git's merge of branch and target at once."""
    if not answer.is_clean:
        if aligned.after == aligned.onto:
            # The target has every commit, and went on since: nothing unusual.
            return ()
        named = ", ".join(sorted({path for conflict in answer.conflicts for path in conflict.paths})[:5])
        return (
            Finding(
                code="one_shot_merge_conflicts",
                severity=Severity.INFO,
                message=f"replaying commit by commit is clean, merging branch and target at once would conflict ({named}); the result cannot be compared",
                detector="conserve",
            ),
        )
    if answer.tree == aligned.tree:
        return ()
    return (
        Finding(
            code="differs_from_one_shot_merge",
            severity=Severity.WARNING,
            message=f"the result differs from merging branch and target at once; {_why_it_may(step, aligned)}, look at it before relying on it",
            detector="conserve",
        ),
    )


def _cannot_be_compared(lost: Oid) -> Finding:
    return Finding(
        code="one_shot_merge_not_possible",
        severity=Severity.INFO,
        message=f"the result cannot be compared with merging branch and target at once: object {lost} is not in the repository",
        detector="conserve",
    )


def _why_it_may(step: Step, aligned: Aligned) -> str:
    """What is true of a result that differs from the one-shot merge."""
    if aligned.how is AlignedKind.RECREATED:
        return "merges were made again, and what they held of their own was carried over one by one"
    if aligned.resolved:
        return "conflicts on the way were settled without a person"
    if step.strategy in (Strategy.ITERATIVE, Strategy.AUTO):
        return "rebasing commit by commit, step by step where it had to be, gives this result"
    return "git rebase gives this result too"


def verify_histories(git: Git, aligned: Iterable[Aligned], *, known: Iterable[Oid], timeout_s: float) -> dict[Oid, str]:
    """Read every result back from git, in one process, and compare it with what is reported.

    Args:
        git: bound to the quarantine.
        aligned: results of the run.
        known: tips of targets and branches before the run; history behind them is not walked.
        timeout_s: deadline in seconds.

    Returns:
        Result id -> what is wrong with it; empty when every result holds.

    Source: `git help rev-list` (--parents, --stdin).
    """
    results = [one for one in aligned if one.how not in NOTHING_OWN]
    if not results:
        return {}
    # `^id` rather than `--not`: the latter is understood on standard input since 2.42 only.
    revisions = (
        "\n".join([*sorted({one.after for one in results}), *(f"^{oid}" for oid in sorted(set(known)))]).encode("ascii")
        + b"\n"
    )
    listed = git.run("rev-list", "--parents", "--stdin", stdin=revisions, timeout_s=timeout_s).stdout
    parents: dict[str, list[str]] = {}
    for line in text(listed).splitlines():
        oid, *rest = line.split(" ")
        parents[oid] = rest
    faults: dict[Oid, str] = {}
    for one in results:
        if fault := _walk(one, parents):
            faults[one.after] = fault
    return faults


def missing_trees(git: Git, aligned: Iterable[Aligned], *, timeout_s: float) -> list[Oid]:
    """Trees of results, beyond those of their targets, that are not there; in one process, without reading files.

    Args:
        git: bound to the quarantine.
        aligned: results of the run.
        timeout_s: deadline in seconds.

    Source: `git help rev-list` (--objects, --filter=blob:none, --missing=print).
    """
    results = list(aligned)
    revisions = [*sorted({one.after for one in results}), *(f"^{oid}" for oid in sorted({one.onto for one in results}))]
    words = ("rev-list", "--objects", "--filter=blob:none", "--missing=print", "--quiet", "--stdin")
    listed = git.run(*words, stdin="\n".join(revisions).encode("ascii") + b"\n", timeout_s=timeout_s).stdout
    return [Oid(line[1:]) for line in text(listed).splitlines() if line.startswith("?")]


def _walk(one: Aligned, parents: dict[str, list[str]]) -> str | None:
    if one.how is AlignedKind.INTEGRATED:
        found = parents.get(one.after)
        return None if found == [one.onto, one.before] else f"integration branch has parents {found}"
    if one.how is AlignedKind.MERGED:
        found = parents.get(one.after)
        return None if found == [one.before, one.onto] else f"merge commit has parents {found}"
    if one.how is AlignedKind.RECREATED:
        return _reached(one, parents)
    at: str = one.after
    for pair in reversed(one.rewritten):
        if pair.new != at:
            return f"expected commit {pair.new}, found {at}"
        if pair.old == pair.new:
            return None  # from here down the branch stands as it stood before
        above = parents.get(at)
        if above is None or len(above) != 1:
            return f"commit {at} has parents {above}"
        at = above[0]
    return None if at == one.onto else f"the result stands on {at}, not on the target {one.onto}"


def _reached(one: Aligned, parents: dict[str, list[str]]) -> str | None:
    """Where merges were made again: new commits that are not reported, or reported and not there."""
    wanted = {str(pair.new) for pair in one.rewritten if pair.new != pair.old}
    seen = {str(one.after)} & parents.keys()
    waiting = list(seen)
    while waiting:
        above = {parent for parent in parents[waiting.pop()] if parent in parents} - seen
        seen |= above
        waiting += above
    if seen == wanted:
        return None
    return f"commit {min(seen ^ wanted)} is in the result or in its report, not in both"
