"""Change summaries of a run: facts of all branches read in a few processes, documents written outside every work tree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.certificate import PatchVerdict
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId, file_name_for
from gitalign.core.outcome import Aligned, Unchanged
from gitalign.core.own_commits import OwnCommits
from gitalign.core.pair_conflicts import PathChange
from gitalign.core.report import BranchReport, Report
from gitalign.documents import summaries as summaries_documents
from gitalign.documents.summary import CommitStory, FileStory, Summary, summary_markdown
from gitalign.engine.gates.evidence import patch_verdicts
from gitalign.errors import OutOfSpace
from gitalign.git.command import text
from gitalign.git.diffs import line_counts, path_changes
from gitalign.git.history import Authorship, authorship, load_graph
from gitalign.git.repository import Repository
from gitalign.shared_files import adopt, make_folder

_ENDING = "_CHANGES_SUMMARY"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read for all branches together.

    Attributes:
        own: step -> own commits, where history can be read.
        aligned: step -> what became of it.
        changes: (before, after) -> what changes between two commits.
        counts: (target, result) -> lines added and deleted, by path.
        wrote: commit -> its author and subject.
        verdicts: (old, new) -> what became of the change of a commit.
    """

    own: Mapping[StepId, OwnCommits]
    aligned: Mapping[StepId, Aligned]
    changes: Mapping[tuple[Oid, Oid], Sequence[PathChange]]
    counts: Mapping[tuple[Oid, Oid], Mapping[bytes, tuple[int, int] | None]]
    wrote: Mapping[Oid, Authorship]
    verdicts: Mapping[tuple[Oid, Oid], PatchVerdict]

    def commits(self, one: BranchReport) -> tuple[CommitStory, ...]:
        """What became of each own commit of a branch."""
        outcome = one.result.outcome
        own = self.own.get(one.step.id)
        if own is None:
            return ()
        became = {pair.old: pair.new for pair in outcome.rewritten} if isinstance(outcome, Aligned) else {}
        is_merged = isinstance(outcome, Aligned) and not became and not outcome.dropped
        return tuple(self._commit(oid, oid if is_merged else became.get(oid)) for oid in (*own.picks, *own.merges))

    def _commit(self, old: Oid, new: Oid | None) -> CommitStory:
        author = self.wrote.get(old)
        return CommitStory(
            old=old,
            new=new,
            subject=author.subject if author else "",
            author=author.name if author else "",
            patch=None if new is None else PatchVerdict.UNTOUCHED if new == old else self.verdicts[old, new],
        )

    def files(self, one: BranchReport) -> tuple[FileStory, ...]:
        """What a branch changes in the files of its target."""
        outcome = self.aligned.get(one.step.id)
        if outcome is None:
            return ()
        pair = (outcome.onto, outcome.after)
        lines = self.counts.get(pair, {})
        return tuple(_file(change, lines.get(change.path)) for change in self.changes.get(pair, ()))

    def shared(self, one: BranchReport) -> tuple[str, ...]:
        """Paths that the branch and its target both changed."""
        bases = self.own[one.step.id].bases if one.step.id in self.own else ()
        if not bases:
            return ()
        mine = {change.path for change in self.changes.get((bases[0], one.step.seen), ())}
        theirs = {change.path for change in self.changes.get((bases[0], one.step.onto), ())}
        return tuple(text(path) for path in sorted(mine & theirs))


def _facts(repository: Repository, branches: Sequence[BranchReport], graph: CommitGraph) -> _Facts:
    own = {
        one.step.id: graph.own(one.step.seen, one.step.onto)
        for one in branches
        if one.step.seen in graph and one.step.onto in graph
    }
    aligned = {one.step.id: one.result.outcome for one in branches if isinstance(one.result.outcome, Aligned)}
    results = sorted({(outcome.onto, outcome.after) for outcome in aligned.values()})
    apart: set[tuple[Oid, Oid]] = set(results)
    for one in branches:
        for base in own[one.step.id].bases[:1] if one.step.id in own else ():
            apart |= {(base, one.step.seen), (base, one.step.onto)}
    commits = {oid for found in own.values() for oid in (*found.picks, *found.merges)}
    rewritten = [(pair.old, pair.new) for outcome in aligned.values() for pair in outcome.rewritten]
    return _Facts(
        own=own,
        aligned=aligned,
        changes=dict(path_changes(repository.git, sorted(apart))),
        counts=line_counts(repository.git, results),
        wrote=authorship(repository.git, sorted(commits)),
        verdicts=patch_verdicts(repository, rewritten),
    )


def summaries(repository: Repository, report: Report) -> tuple[Summary, ...]:
    """A summary of every branch of a run that was not simply left as it was, in plan order.

    Raises:
        GitError
    """
    branches = [one for one in report.branches() if not isinstance(one.result.outcome, Unchanged)]
    graph = load_graph(repository, {oid for one in branches for oid in (one.step.seen, one.step.onto)})
    branches = [_as_far_as_it_went(one, graph) for one in branches]
    facts = _facts(repository, branches, graph)
    return tuple(
        Summary(
            run_id=report.run.id,
            branch=one.step.branch.name,
            target=one.step.target.name,
            verdict=one.verdict.value,
            detail=one.detail,
            before=one.step.seen,
            onto=one.step.onto,
            outcome=one.result.outcome,
            target_commits=one.step.behind,
            commits=facts.commits(one),
            files=facts.files(one),
            shared=facts.shared(one),
            validation=one.result.validation,
            compliance=one.result.compliance,
        )
        for one in branches
    )


def _as_far_as_it_went(one: BranchReport, graph: CommitGraph) -> BranchReport:
    """A branch that went part of the way took in that much of its target and no more."""
    outcome = one.result.outcome
    if not isinstance(outcome, Aligned) or outcome.onto == one.step.onto or outcome.onto not in graph:
        return one
    behind = graph.behind_count(one.step.seen, outcome.onto)
    return replace(one, step=replace(one.step, onto=outcome.onto, behind=behind))


def summary_name(branch: str) -> str:
    """File name of a branch's summary, without its ending."""
    return f"{file_name_for(branch)}{_ENDING}"


def write_summaries(folder: Path, found: Sequence[Summary]) -> list[Path]:
    """Write each summary as Markdown and JSON; the Markdown files.

    Raises:
        OutOfSpace
    """
    made: list[Path] = []
    try:
        make_folder(folder)
        for one in found:
            place = folder / f"{summary_name(one.branch)}.md"
            place.write_text(summary_markdown(one), encoding="utf-8", errors="replace")
            document = json.dumps(summaries_documents.dump(one), indent=2)
            place.with_suffix(".json").write_text(document + "\n", encoding="ascii")
            adopt(place)
            adopt(place.with_suffix(".json"))
            made.append(place)
    except OSError as error:
        raise OutOfSpace(
            f"cannot write {error.filename or folder}: {error.strerror}", hint="free space or name another folder"
        ) from error
    return made


def _file(change: PathChange, lines: tuple[int, int] | None) -> FileStory:
    status = "added" if change.before is None else "deleted" if change.after is None else "modified"
    added, deleted = lines if lines is not None else (None, None)
    return FileStory(path=text(change.path), status=status, added=added, deleted=deleted)
