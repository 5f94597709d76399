"""The anchor: one ref per run that pins every commit the run leaves or makes, and says what was to move.

The commit behind it has all before- and after-ids as parents and the list of intended moves as its message, so everything
needed to finish or undo a run is in the repository itself, even when the database is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gitalign.core.commit import new_commit, serialise
from gitalign.core.names import PIN_PREFIX, Oid, is_zero, zero_like
from gitalign.core.publication import Publication, RefUpdate
from gitalign.git.command import raw, text
from gitalign.git.merge import empty_tree
from gitalign.git.refs import RefDoor, Refusal, read_refs
from gitalign.git.repository import Repository

_PARENTS = 500


def anchor_ref(run_id: str) -> str:
    """Full name of a run's anchor."""
    return PIN_PREFIX + run_id


def pin(
    repository: Repository, door: RefDoor, *, run_id: str, publications: Sequence[Publication], at: datetime
) -> Refusal | None:
    """Make the anchor of a run. Making it again is no error.

    Args:
        at: start of the run, in UTC; the same run always makes the same anchor.

    Raises:
        GitError, OutOfSpace
    """
    ids = sorted({oid for one in publications for oid in (one.update.before, one.update.after) if not is_zero(oid)})
    if not ids:
        return None
    who = b"git-align <git-align@localhost> %d +0000" % int(at.timestamp())
    tree = text(
        repository.git.run("hash-object", "-w", "-t", "tree", "--stdin", stdin=b"").stdout
    ).strip() or empty_tree(ids[0])
    lines = "\n".join(f"{one.update.before} {one.update.after} {one.update.ref}" for one in publications)
    tip: Oid | None = None
    for start in range(0, len(ids), _PARENTS):
        parents = (*([tip] if tip else []), *ids[start : start + _PARENTS])
        is_last = start + _PARENTS >= len(ids)
        message = (
            f"git-align run {run_id}\n\nbefore, after, ref of every intended move:\n{lines}\n"
            if is_last
            else f"git-align run {run_id}, part {start // _PARENTS + 1}\n"
        )
        body = serialise(new_commit(tree=tree, parents=parents, author=who, committer=who, message=raw(message)))
        tip = Oid(
            text(
                repository.git.run("hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=body).stdout
            ).strip()
        )
    assert tip is not None
    ref = anchor_ref(run_id)
    if read_refs(repository, ref).get(ref) == tip:
        return None
    return door.move_own([RefUpdate(ref=ref, before=zero_like(tip), after=tip)])


def release_keeps(repository: Repository, run_id: str) -> int:
    """Remove the marks that held a run's packs until they were pinned; how many there were."""
    removed = 0
    for keep in (Path(repository.objects_dir) / "pack").glob("pack-*.keep"):
        try:
            if keep.read_text(encoding="utf-8", errors="replace").strip() == f"git-align {run_id}":
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
