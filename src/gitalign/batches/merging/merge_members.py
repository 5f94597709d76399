"""All results of a batch merged onto the target in memory, in the order of the plan. Nothing moves here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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
        contained: names of results that the target, or one before them, holds already.
        conflicts: results that are not in it.
    """

    tip: Oid
    merged: tuple[str, ...] = ()
    commits: Mapping[str, Oid] = field(default_factory=dict)
    contained: tuple[str, ...] = ()
    conflicts: tuple[ResultConflict, ...] = ()


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
    """Merges results, one after the other; holds processes until it is closed.

    Args:
        quarantine: where merges are made.
        target, onto: name and tip of the target.
        rules: how.
    """

    def __init__(self, quarantine: Quarantine, *, target: str, onto: Oid, rules: MergeRules) -> None:
        self._quarantine = quarantine
        self._target = target
        self._onto = onto
        self._rules = rules
        self._attributes: dict[Oid, AttributeFiles] = {onto: read_attributes(quarantine.git, onto)}
        self._worker = MergeWorker(
            quarantine,
            wire=probe(quarantine),
            attributes=self._attributes,
            shared=SharedMerges(),
            timeout_s=rules.timeout_s,
        )

    @classmethod
    @contextmanager
    def opened(cls, quarantine: Quarantine, *, target: str, onto: Oid, rules: MergeRules) -> Iterator[MemberMerger]:
        """One that is closed in the end."""
        merger = cls(quarantine, target=target, onto=onto, rules=rules)
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
        unions: list[tuple[str, Oid]] = [(self._target, self._onto)]
        contained: list[str] = []
        conflicts: list[ResultConflict] = []
        for member in members:
            union = unions[-1][1]
            if self._is_in(member.tip, union):
                contained.append(member.name)
                continue
            answer = self._answer(union, member.tip)
            if isinstance(answer, MergeAnswer) and answer.is_clean:
                unions.append((member.name, self._commit(member, union, answer.tree)))
            else:
                conflicts.append(self._conflict(member, unions, answer))
        return MergedMembers(
            tip=unions[-1][1],
            merged=tuple(name for name, _ in unions[1:]),
            commits=dict(unions[1:]),
            contained=tuple(contained),
            conflicts=tuple(conflicts),
        )

    def _answer(self, union: Oid, tip: Oid) -> MergeAnswer | str:
        """What git says; words where it makes no merge."""
        return merge_of_two(self._worker, self._attributes_from(union), union, tip)

    def _attributes_from(self, union: Oid) -> Oid:
        """The commit under whose attribute files a merge is made: those of what is merged so far, as in a checkout."""
        if union not in self._attributes:
            self._attributes[union] = read_attributes(self._quarantine.git, union)
        return union

    def _is_in(self, tip: Oid, union: Oid) -> bool:
        git = self._quarantine.git
        return git.run("merge-base", "--is-ancestor", tip, union, accept=(0, 1)).returncode == 0

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
        """Title and name of the result, and everybody who wrote a commit of it."""
        listed = self._quarantine.git.run("log", "--format=%an <%ae>", "--reverse", f"{union}..{member.tip}").stdout
        mine = self._rules.ident.rsplit(b" ", 2)[0]
        authors = [line for line in dict.fromkeys(listed.splitlines()) if line != mine]
        title = member.task.title.strip().partition("\n")[0] or f"Squash {member.name}"
        lines = [raw(title), b"", raw(f"Squash of {member.name} (batch execution)")]
        lines += [b"", *(b"Co-authored-by: " + author for author in authors)] if authors else []
        return b"\n".join(lines) + b"\n"

    def _conflict(self, member: Member, unions: Sequence[tuple[str, Oid]], answer: MergeAnswer | str) -> ResultConflict:
        """A conflict with the earliest of those merged before with which it clashes."""
        first, clash = unions[-1][0], answer
        for name, union in unions[:-1]:
            tried = self._answer(union, member.tip)
            if not isinstance(tried, MergeAnswer) or not tried.is_clean:
                first, clash = name, tried
                break
        return result_conflict(self._worker, clash, first=first, second=member.name)


def _merge_message(member: Member) -> bytes:
    return raw(f"Merge {member.name} (batch execution)\n")


def conflict_words(conflict: ResultConflict) -> str:
    """A conflict in one line."""
    where = ", ".join(conflict.paths[:3]) or conflict.detail or conflict.kinds[0]
    more = f" and {len(conflict.paths) - 3} more" if len(conflict.paths) > 3 else ""
    return f"{conflict.second} conflicts with {conflict.first} in {where}{more}"
