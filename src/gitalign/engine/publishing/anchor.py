"""The anchor: one ref per run that says what was to move, and pins what the run leaves or makes.

It names a tag object whose message is the list of intended moves, so everything needed to finish or undo a run is in the repository
itself, even when the database is lost. The tag is of the target's tip, and the commits of branches are held in packs (`pins`): `git log
--all` shows none of them. Where they cannot be held so, the anchor names a commit that has them as parents, as in earlier releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitalign.core.commit import RawCommit, new_commit, parse_commit
from gitalign.core.names import PIN_PREFIX, Oid, is_zero, zero_like
from gitalign.core.plan import Target
from gitalign.core.publication import Publication, RefUpdate
from gitalign.engine.publishing.held_ahead import HeldAhead
from gitalign.engine.publishing.pins import hold
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.command import Git, raw, text
from gitalign.git.half_named import is_half_named
from gitalign.git.objects import bodies
from gitalign.git.refs import RefUpdater, Refusal, read_refs, read_tips
from gitalign.git.repository import Repository
from gitalign.git.trees import write_commit

_PARENTS = 500
_MORE = "+"
"""Behind the name of an anchor: further targets of its run."""


def anchor_ref(run_id: str) -> str:
    """Full name of a run's anchor."""
    return PIN_PREFIX + run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that carries a run out.

    Attributes:
        run_id: the run.
        started_at: start of the run, in UTC.
        token: its fencing token; the same run under the same token always makes the same anchor.
        has_taken_over: whether another process had the run before.
    """

    run_id: str
    started_at: datetime
    token: int
    has_taken_over: bool = False


def pin(
    repository: Repository,
    door: RefUpdater,
    holder: Holder,
    *,
    publications: Sequence[Publication],
    targets: Sequence[Target],
    ahead: HeldAhead | None = None,
) -> Refusal | None:
    """Make the anchor of a run. Making it again is no error.

    Only commits that are in the repository are pinned: an anchor that names another one would break `gc` and `fsck`.
    Branches are moved only as long as the anchor is the holder's: git compares it in the same transaction.

    Args:
        repository: the repository.
        door: makes the ref, and is fenced by it from now on.
        holder: carries the run out.
        publications: its moves.
        targets: of its plan; what is behind them need not be held.
        ahead: what of it was packed already.

    Raises:
        GitError, OutOfSpace
    """
    ids = {oid for one in publications for oid in (one.update.before, one.update.after) if not is_zero(oid)}
    # What a remote held before a push is given back from here.
    ids |= {one.remote_before for one in publications if one.remote_before is not None}
    held = {target.oid for target in targets}
    stored = present(repository, sorted(ids | held))
    there = sorted(stored & ids)
    if not there:
        return None
    run_id = holder.run_id
    who = b"git-align <git-align@localhost> %d +0000" % int(holder.started_at.timestamp())
    message = _message(holder, publications)
    ref = anchor_ref(run_id)
    bases = sorted(stored & held)
    try:
        hold(repository, run_id, there, bases=bases, ahead=ahead)
        tips = [_tag(repository, run_id, bases[:1], who=who, message=message), *bases[1:]]
    except OutOfSpace:
        raise
    except GitError:
        tips = [_written(repository, run_id, there, who=who, message=message)]
    wanted = {ref if not number else f"{ref}{_MORE}{number}": tip for number, tip in enumerate(tips)}
    stands = read_refs(repository, *wanted)
    # A new run has no anchor yet: one that is there is of the process that took the run over.
    before = stands if holder.has_taken_over else {}
    refusal = door.move_own(
        [
            RefUpdate(ref=name, before=before.get(name, zero_like(tip)), after=tip)
            for name, tip in wanted.items()
            if stands.get(name) != tip
        ]
    )
    if refusal is None:
        door.fence(ref, wanted[ref])
    return refusal


def _message(holder: Holder, publications: Sequence[Publication]) -> bytes:
    lines = "\n".join(f"{one.update.before} {one.update.after} {one.update.ref}" for one in publications)
    return raw(
        f"git-align run {holder.run_id}\ntoken {holder.token}\n\nbefore, after, ref of every intended move:\n{lines}\n"
    )


def anchors_of(run_ids: Iterable[str], refs: Mapping[str, Oid]) -> list[tuple[str, Oid]]:
    """The refs of anchors of runs, of those given, with their ids."""
    anchors = set(map(anchor_ref, run_ids))
    return [(name, oid) for name, oid in refs.items() if name.partition(_MORE)[0] in anchors]


def _tag(repository: Repository, run_id: str, base: Sequence[Oid], *, who: bytes, message: bytes) -> Oid:
    """The tag object of an anchor: of a commit, or of the empty tree where there is none to pin."""
    git = _durable(repository)
    if base:
        head = b"object %b\ntype commit\n" % base[0].encode("ascii")
    else:
        tree = text(git.run("hash-object", "-w", "-t", "tree", "--stdin", stdin=b"").stdout).strip()
        head = b"object %b\ntype tree\n" % tree.encode("ascii")
    content = b"%btag git-align-%b\ntagger %b\n\n%b" % (head, raw(run_id), who, message)
    return Oid(text(git.run("hash-object", "-w", "-t", "tag", "--stdin", stdin=content).stdout).strip())


def _durable(repository: Repository) -> Git:
    # On disk before a ref names it, also after a power cut (`git help config`, core.fsync, since 2.36).
    return replace(repository.git, config=(*repository.git.config, ("core.fsync", "committed,loose-object")))


def _written(repository: Repository, run_id: str, ids: Sequence[Oid], *, who: bytes, message: bytes) -> Oid:
    """The commit of an anchor, with those before it when there are too many parents for one.

    Args:
        ids: commits that are in the repository; at least one.
    """
    git = _durable(repository)
    tree = Oid(text(git.run("hash-object", "-w", "-t", "tree", "--stdin", stdin=b"").stdout).strip())
    tip: Oid | None = None
    for start in range(0, len(ids), _PARENTS):
        parents = (*([tip] if tip else []), *ids[start : start + _PARENTS])
        is_last = start + _PARENTS >= len(ids)
        said = message if is_last else _part_of(run_id) + b"%d\n" % (start // _PARENTS + 1)
        tip = write_commit(git, new_commit(tree=tree, parents=parents, author=who, committer=who, message=said))
    assert tip is not None
    return tip


def _part_of(run_id: str) -> bytes:
    return raw(f"git-align run {run_id}, part ")


@dataclass(frozen=True, slots=True)
class BrokenAnchor:
    """An anchor that names objects which are not in the repository; an earlier release could leave such.

    Attributes:
        ref: full name.
        stands: what the ref holds.
        missing: commits it names that are not there.
        pinned: commits it names that are there.
        commit: its commit, None when that is not there itself.
    """

    ref: str
    stands: Oid
    missing: tuple[Oid, ...]
    pinned: tuple[Oid, ...]
    commit: RawCommit | None


def broken_anchors(repository: Repository) -> tuple[BrokenAnchor, ...]:
    """Anchors that `git gc`, `git fsck` and `git log --all` stumble over.

    Raises:
        GitError
    """
    # Anchors that are tags name no commits of branches.
    anchors = {
        tip.ref: tip.oid
        for tip in read_tips(repository, PIN_PREFIX.rstrip("/"))
        if tip.object_type != "tag" and _MORE not in tip.ref
    }
    commits = _commits(repository, sorted(set(anchors.values())))
    parents: dict[str, list[Oid]] = {ref: [] for ref in anchors}
    # Parts of an anchor are followed, a level at a time for all anchors together.
    level = {ref: commits[oid] for ref, oid in anchors.items() if oid in commits}
    while level:
        firsts = {ref: one.parents[0] for ref, one in level.items() if one.parents}
        below = _commits(repository, sorted({oid for ref, oid in firsts.items() if len(level[ref].parents) > _PARENTS}))
        next_level: dict[str, RawCommit] = {}
        for ref, one in level.items():
            part = below.get(firsts.get(ref, Oid("")))
            is_part = part is not None and part.message.startswith(_part_of(ref.removeprefix(PIN_PREFIX)))
            parents[ref] += one.parents[1:] if is_part else one.parents
            if is_part and part is not None:
                next_level[ref] = part
        level = next_level
    there = present(repository, sorted({oid for named in parents.values() for oid in named}))
    broken: list[BrokenAnchor] = []
    for ref, oid in sorted(anchors.items()):
        missing = tuple(one for one in parents[ref] if one not in there)
        if missing or oid not in commits:
            pinned = tuple(sorted(one for one in parents[ref] if one in there))
            broken.append(BrokenAnchor(ref, oid, missing or (oid,), pinned, commits.get(oid)))
    return tuple(broken)


def mend_anchors(repository: Repository) -> tuple[BrokenAnchor, ...]:
    """Make broken anchors name only what is there, or delete those of which nothing is; the ones that were mended.

    Raises:
        GitError, OutOfSpace
    """
    broken = broken_anchors(repository)
    if not broken:
        return ()
    mended: list[BrokenAnchor] = []
    with closing(RefUpdater(repository, forbidden=frozenset(), message="git-align: mend an anchor")) as door:
        for one in broken:
            after = zero_like(one.stands)
            if one.pinned and one.commit is not None:
                run_id = one.ref.removeprefix(PIN_PREFIX)
                after = _written(repository, run_id, one.pinned, who=one.commit.committer, message=one.commit.message)
            if door.move_own([RefUpdate(ref=one.ref, before=one.stands, after=after)]) is None:
                mended.append(one)
    return tuple(mended)


def _commits(repository: Repository, oids: Sequence[Oid]) -> dict[Oid, RawCommit]:
    """Those of the commits that are there, read."""
    return {oid: parse_commit(body) for oid, body in bodies(repository.git, oids, kind=b"commit")}


def release_keeps(repository: Repository, *run_ids: str) -> int:
    """Remove the marks that held the packs of runs until they were pinned; how many there were.

    A pack without an index keeps its mark, by which `remove_half_named` knows it.
    """
    marks = {f"git-align {run_id}" for run_id in run_ids}
    removed = 0
    for keep in (Path(repository.objects_dir) / "pack").glob("pack-*.keep"):
        try:
            if keep.read_text(encoding="utf-8", errors="replace").strip() in marks and not is_half_named(keep):
                keep.unlink(missing_ok=True)
                removed += 1
        except OSError:
            continue
    return removed


def present(repository: Repository, oids: Sequence[Oid]) -> set[Oid]:
    """Those of the commits whose object is in the repository."""
    if not oids:
        return set()
    answer = text(
        repository.git.run(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(oids).encode("ascii") + b"\n"
        ).stdout
    )
    return {Oid(line.split(" ")[0]) for line in answer.splitlines() if line.endswith(" commit")}
