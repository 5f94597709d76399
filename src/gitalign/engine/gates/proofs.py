"""Proving aligned branches from objects alone: the same checks before a run publishes and whenever someone asks again.

What they stand on is read in `evidence`. Nothing is asked once per branch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gitalign.core.certificate import Certificate, Check, CheckName, CommitProof, PatchVerdict
from gitalign.core.graph import CommitGraph
from gitalign.core.images import misplaced
from gitalign.core.names import Oid
from gitalign.core.outcome import NOTHING_OWN, Aligned, AlignedKind, DropReason, Rewrite
from gitalign.engine.gates.evidence import Evidence, broken_chain, in_batches, is_shown_by_commits, paths_of, verdict
from gitalign.git.command import Git
from gitalign.git.repository import Repository

PASSED = {name: Check(name=name, passed=True, detail="") for name in CheckName}


def certified(
    repository: Repository,
    git: Git,
    tips: Collection[Oid],
    claims: Iterable[Certificate],
    *,
    known: Mapping[Oid, bytes] | None = None,
) -> Iterator[Certificate]:
    """Claims with their checks, and with what became of each commit's change filled in; some are held at a time.

    Args:
        repository: the repository.
        git: sees the results; a quarantine's.
        tips: what every claim says of where branches stood, stand and were put.
        claims: what a run made; patch verdicts and checks of theirs are not looked at.
        known: as `evidence.in_batches` takes it.

    Raises:
        GitError: git cannot be asked at all. A missing object is a check that failed.
    """
    for batch, evidence in in_batches(replace(repository, git=git), tips, claims, known=known):
        for one in batch:
            commits = tuple(
                CommitProof(
                    old=pair.old,
                    new=pair.new,
                    patch=verdict((pair.old, pair.new), evidence.patches, evidence.patch_ids),
                )
                for pair in one.commits
            )
            filled = replace(one, commits=commits)
            yield replace(filled, checks=_checks(filled, evidence))


def prove(repository: Repository, certificates: Sequence[Certificate]) -> list[tuple[Check, ...]]:
    """All checks of certificates made again, each in the order of `CheckName`.

    Raises:
        GitError: git cannot be asked at all. A missing object is a check that failed.
    """
    tips = {oid for one in certificates for oid in (one.before, one.onto, one.after)}
    return [_checks(one, evidence) for batch, evidence in in_batches(repository, tips, certificates) for one in batch]


def _checks(one: Certificate, evidence: Evidence) -> tuple[Check, ...]:
    missing = _missing(one, evidence)
    if missing:
        return tuple(
            Check(name=name, passed=False, detail=missing if name is CheckName.OBJECTS_PRESENT else "cannot be checked")
            for name in CheckName
        )
    faults = {
        CheckName.OBJECTS_PRESENT: "",
        CheckName.TARGET_IS_ANCESTOR: _behind(one, evidence),
        CheckName.LINEAR_HISTORY: _not_linear(one, evidence),
        CheckName.COMMITS_CONSERVED: _not_conserved(one, evidence),
        CheckName.AUTHORSHIP_KEPT: _not_authored(one, evidence),
        CheckName.PATCHES_KEPT: _not_kept(one, evidence),
        CheckName.TREE_AS_CERTIFIED: _other_tree(one, evidence),
        CheckName.TARGET_NOT_REVERSED: _reversed(one, evidence),
    }
    return tuple(
        Check(name=name, passed=False, detail=faults[name]) if faults[name] else PASSED[name] for name in CheckName
    )


def _missing(one: Certificate, evidence: Evidence) -> str:
    for oid in (one.before, one.onto, one.after):
        if oid not in evidence.graph:
            return f"the history of {oid} cannot be read"
    for oid in (one.after, *(oid for pair in one.commits for oid in (pair.old, pair.new))):
        if oid not in evidence.commits:
            return f"commit {oid} cannot be read"
    is_compared = (one.onto, one.after) in evidence.apart
    if not is_compared and not is_shown_by_commits(one, evidence.graph, evidence.patches):
        return f"files of {one.onto} or {one.after} cannot be read"
    return ""


def _behind(one: Certificate, evidence: Evidence) -> str:
    behind = evidence.graph.behind_count(one.after, one.onto)
    return f"{behind} commits of the target are not in the result" if behind else ""


def _not_linear(one: Certificate, evidence: Evidence) -> str:
    graph = evidence.graph
    if one.how in NOTHING_OWN:
        return "" if one.after == one.onto else f"the result is {one.after}, not the target"
    if one.how is AlignedKind.INTEGRATED:
        parents = graph.parents(one.after)
        return "" if parents == (one.onto, one.before) else f"the merge has the parents {', '.join(parents)}"
    if one.how is AlignedKind.MERGED:
        parents = graph.parents(one.after)
        return "" if parents == (one.before, one.onto) else f"the merge has the parents {', '.join(parents)}"
    if one.how is AlignedKind.RECREATED:
        return _not_recreated(one, graph)
    return broken_chain(one, graph)


def _not_recreated(one: Certificate, graph: CommitGraph) -> str:
    """Above the target stand the listed commits and nothing else, each on what the parents of the old one became."""
    own = graph.own(one.before, one.onto)
    claimed = Aligned(
        how=one.how,
        before=one.before,
        after=one.after,
        onto=one.onto,
        tree=one.tree,
        rewritten=tuple(Rewrite(old=pair.old, new=pair.new) for pair in one.commits),
        dropped=one.dropped,
    )
    if fault := misplaced(
        claimed, own=own.ordered, bases=own.bases, old_parents=graph.parents, new_parents=graph.parents
    ):
        return fault
    above = set(graph.own_ids(one.after, one.onto)) ^ {pair.new for pair in one.commits}
    return f"commit {min(above)} is in the result or listed, not both" if above else ""


def _not_conserved(one: Certificate, evidence: Evidence) -> str:
    own = set(evidence.graph.own_ids(one.before, one.onto))
    if one.how in (AlignedKind.MERGED, AlignedKind.INTEGRATED):
        lost = own - set(evidence.graph.own_ids(one.after, one.onto))
        return f"commit {min(lost)} is not in the result" if lost else ""
    told = [pair.old for pair in one.commits] + [drop.oid for drop in one.dropped]
    if len(set(told)) != len(told):
        return "a commit is named twice"
    if lost := own - set(told):
        return f"commit {min(lost)} is neither in the result nor named as dropped"
    if foreign := set(told) - own:
        return f"commit {min(foreign)} is none of the branch's own"
    for drop in one.dropped:
        if drop.reason is DropReason.UPSTREAM and drop.upstream is not None:
            if evidence.graph.own_ids(drop.upstream, one.onto) if drop.upstream in evidence.graph else True:
                return f"commit {drop.oid} is said to be upstream as {drop.upstream}, which the target has not"
            if verdict((drop.oid, drop.upstream), evidence.patches, evidence.patch_ids) is PatchVerdict.CHANGED:
                return f"commit {drop.oid} is said to be upstream as {drop.upstream}, which makes another change"
    return ""


def _not_authored(one: Certificate, evidence: Evidence) -> str:
    for pair in one.commits:
        old, new = evidence.commits[pair.old], evidence.commits[pair.new]
        if old.author != new.author or old.message != new.message:
            return f"commit {pair.old} lost its author, date or message in {pair.new}"
    return ""


def _not_kept(one: Certificate, evidence: Evidence) -> str:
    for pair in one.commits:
        found = verdict((pair.old, pair.new), evidence.patches, evidence.patch_ids)
        if found is not pair.patch:
            return f"the change of {pair.old} is {found.value} in {pair.new}, not {pair.patch.value}"
    return ""


def _other_tree(one: Certificate, evidence: Evidence) -> str:
    tree = evidence.commits[one.after].tree
    return "" if tree == one.tree else f"the result has the tree {tree}"


def _reversed(one: Certificate, evidence: Evidence) -> str:
    """A file of the target that is back at the base's version, though no commit of the branch that is in the result touched it.

    A commit that was dropped because the target has its change is no reason to take that change back.
    """
    undone = {change.path: change.after for change in evidence.apart.get((one.onto, one.after), ())}
    bases = evidence.graph.own(one.before, one.onto).bases if undone else ()
    if not undone or not bases:
        return ""
    mine = {path for pair in one.commits for path in paths_of(evidence.patches.get(pair.old, ()))}
    for base in bases:
        theirs = evidence.apart.get((base, one.onto), ())
        touched = mine | {change.path for change in evidence.apart.get((base, one.before), ())}
        back = [
            change.path
            for change in theirs
            if change.path in undone and undone[change.path] == change.before and change.path not in touched
        ]
        if not back:
            return ""
    return f"{back[0].decode('utf-8', 'replace')} is back at what it was before the target changed it"
