"""All results of a batch merged onto the target in memory, in the order of the plan. Nothing moves here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gitalign.batches.merging.containment import Containment, containment_of
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import ResultConflict
from gitalign.batches.two_sides import merge_of_two, result_conflict
from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.engine.alignment.integration import probe
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer
from gitalign.git.quarantine import Quarantine
from gitalign.git.signing import Signer
from gitalign.integrate.lane import MergeWorker
from gitalign.integrate.shared_merges import SharedMerges


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedMembers:
    """What merging came to.

    Attributes:
        tip: the commit with everything that merged; the target's own where nothing did.
        merged: names of results in it, in order.
        commits: the merge commit of each of them, by name.
        unions: what was merged before each of them, by name.
        contained: names of results that the target, or one before them, holds already.
        unmerged: names of results that do not merge onto what was merged before them.
    """

    tip: Oid
    merged: tuple[str, ...] = ()
    commits: Mapping[str, Oid] = field(default_factory=dict)
    unions: Mapping[str, Oid] = field(default_factory=dict)
    contained: tuple[str, ...] = ()
    unmerged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """How results are merged.

    Attributes:
        ident: author and committer of merges, with their time.
        squash: one plain commit for each result, in place of a merge.
        signer: signs the commits, where the operator's git does.
        timeout_s: deadline of one merge in seconds.
    """

    ident: bytes
    squash: bool = False
    signer: Signer | None = None
    timeout_s: float = 120.0


class MemberMerger:
    """Merges results, one after the other; holds processes until it is closed. What was merged before is not merged again.

    Args:
        quarantine: where merges are made.
        target, onto: name and tip of the target.
        containment: of the results that are merged.
        rules: how.
    """

    def __init__(
        self, quarantine: Quarantine, *, target: str, onto: Oid, containment: Containment, rules: MergeRules
    ) -> None:
        self._quarantine = quarantine
        self.target = target
        self.onto = onto
        self.containment = containment
        self._rules = rules
        self._attributes: dict[Oid, AttributeFiles] = {onto: read_attributes(quarantine.git, onto)}
        self._steps: dict[tuple[Oid, str], Oid | None] = {}
        self._worker = MergeWorker(
            quarantine,
            wire=probe(quarantine),
            attributes=self._attributes,
            shared=SharedMerges(),
            timeout_s=rules.timeout_s,
        )

    @classmethod
    @contextmanager
    def opened(
        cls, quarantine: Quarantine, *, target: str, onto: Oid, members: Sequence[Member], rules: MergeRules
    ) -> Iterator[MemberMerger]:
        """One for some results, that is closed in the end.

        Raises:
            GitError
        """
        containment = containment_of(quarantine.git, onto=onto, members=members)
        merger = cls(quarantine, target=target, onto=onto, containment=containment, rules=rules)
        try:
            yield merger
        finally:
            merger.close()

    def close(self) -> None:
        """End its processes."""
        self._worker.close()

    def merge(self, members: Sequence[Member]) -> MergedMembers:
        """Merge results in order; one that does not merge is left out, and those after it are tried without it.

        Raises:
            GitError, OutOfSpace: says nothing about a result.
        """
        tip, inside = self.onto, set(self.containment.in_target)
        commits: dict[str, Oid] = {}
        unions: dict[str, Oid] = {}
        contained: list[str] = []
        unmerged: list[str] = []
        for member in members:
            if member.name in inside:
                contained.append(member.name)
                continue
            commit = self._step(tip, member)
            if commit is None:
                unmerged.append(member.name)
            elif commit == tip:
                contained.append(member.name)
            else:
                commits[member.name], unions[member.name] = commit, tip
                tip = commit
                if not self._rules.squash:
                    inside |= {member.name, *self.containment.holds[member.name]}
        return MergedMembers(
            tip=tip,
            merged=tuple(commits),
            commits=commits,
            unions=unions,
            contained=tuple(contained),
            unmerged=tuple(unmerged),
        )

    def conflict(self, union: Oid, member: Member, *, first: str) -> ResultConflict | None:
        """How a result conflicts with what was merged before it; None when it merges.

        Args:
            union: what was merged before.
            member: the result.
            first: name of what it conflicts with.
        """
        answer = self._answer(union, member)
        if isinstance(answer, MergeAnswer) and answer.is_clean:
            return None
        return result_conflict(self._worker, answer, first=first, second=member.name)

    def _step(self, union: Oid, member: Member) -> Oid | None:
        """The commit with a result merged; `union` itself where a squash of it is empty, None where it does not merge."""
        key = (union, member.name)
        if key not in self._steps:
            answer = self._answer(union, member)
            is_clean = isinstance(answer, MergeAnswer) and answer.is_clean
            self._steps[key] = self._merged(member, union, answer.tree) if is_clean else None  # type: ignore[union-attr]
        return self._steps[key]

    def _merged(self, member: Member, union: Oid, tree: Oid) -> Oid:
        (before,) = self._worker.read([union])
        if self._rules.squash and before.tree == tree:
            return union
        commit = self._commit(member, union, tree)
        # Attribute files count as in a checkout of what is merged so far; most merges change none.
        changed = any(change.path.endswith(b".gitattributes") for change in self._worker.apart(before.tree, tree))
        self._attributes[commit] = read_attributes(self._quarantine.git, commit) if changed else self._attributes[union]
        return commit

    def _answer(self, union: Oid, member: Member) -> MergeAnswer | str:
        """What git says; words where it makes no merge."""
        are_related = member.name in self.containment.related
        return merge_of_two(self._worker, union, union, member.tip, are_related=are_related)

    def _commit(self, member: Member, union: Oid, tree: Oid) -> Oid:
        parents = (union,) if self._rules.squash else (union, member.tip)
        message = self._squash_message(member, union) if self._rules.squash else _merge_message(member)
        ident = self._rules.ident
        commit = new_commit(tree=tree, parents=parents, author=ident, committer=ident, message=message)
        if self._rules.signer is not None:
            commit = self._rules.signer.sign(commit)
        (oid,) = self._worker.write([commit])
        return oid

    def _squash_message(self, member: Member, union: Oid) -> bytes:
        """Title and name of the result, and the authors of its commits.

        Source: `git help log` (--format: %an, %ae, which mailmap does not change).
        """
        listed = self._quarantine.git.run("log", "--format=%an <%ae>", "--reverse", f"{union}..{member.tip}").stdout
        mine = self._rules.ident.rsplit(b" ", 2)[0]
        authors = [line for line in dict.fromkeys(listed.splitlines()) if line != mine]
        title = member.task.title.strip().partition("\n")[0] or f"Squash {member.name}"
        lines = [raw(title), b"", raw(f"Squash of {member.name} (batch execution)")]
        lines += [b"", *(b"Co-authored-by: " + author for author in authors)] if authors else []
        return b"\n".join(lines) + b"\n"


def _merge_message(member: Member) -> bytes:
    return raw(f"Merge {member.name} (batch execution)\n")


def conflict_words(conflict: ResultConflict) -> str:
    """A conflict in one line."""
    where = ", ".join(conflict.paths[:3]) or conflict.detail or conflict.kinds[0]
    more = f" and {len(conflict.paths) - 3} more" if len(conflict.paths) > 3 else ""
    others = f" together with {', '.join(conflict.together)}" if conflict.together else ""
    return f"{conflict.second} conflicts with {conflict.first}{others} in {where}{more}"
