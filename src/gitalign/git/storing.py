"""Bringing objects from one store into another one, complete or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gitalign.core.names import Oid
from gitalign.errors import GitError, InvariantBroken, MissingObject, OutOfSpace
from gitalign.git.command import Git, text
from gitalign.shared_files import adopt


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What new commits stand beside.

    Attributes:
        known: commits whose objects are there already.
        replaced: commits that the new ones take the place of. What is missing behind those (a partial copy) may be missing
            behind the new ones.
        timeout_s: deadline of one command in seconds.
        allows_gaps: whether what is missing behind those that are replaced may be missing; otherwise any gap is an error.
    """

    known: Sequence[Oid]
    replaced: Sequence[Oid]
    timeout_s: float
    allows_gaps: bool = True


def stored(source: Git, into: Git, tips: Sequence[Oid], history: History, *, mark: str) -> str:
    """Bring the objects behind `tips` from one store into another one, as a pack that `gc` leaves alone.

    Args:
        source: sees both stores.
        mark: content of the `.keep` file that holds the pack.

    Returns:
        The name of the pack, between `pack-` and `.pack`.

    Raises:
        MissingObject: an object behind the tips is nowhere; nothing that names it is stored.
        GitError, OutOfSpace

    Source: `git help pack-objects` (--revs, --local, --missing, --keep-pack), `git help index-pack` (--keep); long before 2.38.
    """
    return _as_far_as_it_goes(
        source, tips, history, lambda *gaps: _name(_packed(source, into, tips, history, *gaps, mark=mark))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPack:
    """A pack whose files are there under names that count for nothing.

    Attributes:
        name: between `pack-` and `.pack`.
        packs: the folder of packs.
    """

    name: str
    packs: Path
    made: Path

    def bring_in(self, *, mark: str) -> None:
        """Give the files their names, in the order in which git makes them: the mark first, the index last.

        Args:
            mark: content of the `.keep` file, one line. The pack may be there already, with another mark.

        Raises:
            GitError: the files are gone.
            OutOfSpace
        """
        try:
            _brought_in(self.made, self.packs / f"pack-{self.name}", mark=mark)
        except FileNotFoundError as error:
            raise GitError("a pack that was made just now is gone again", hint="run again") from error
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or self.packs}: {error.strerror}",
                hint="free space, then: git align resume",
            ) from error

    def discard(self) -> None:
        """Remove the files that were not brought in."""
        for ending in (".pack", ".rev", ".idx"):
            with suppress(OSError):
                Path(f"{self.made}{ending}").unlink(missing_ok=True)


def packed_again(
    repository: Git, packs: Path, tips: Sequence[Oid], history: History, *, mark: str, besides: Sequence[str] = ()
) -> NewPack | None:
    """Pack what is behind `tips` in a repository once more; None when that is nothing.

    git writes pack and index in one go: contents are taken over as they lie there, and no id is reckoned again.

    Args:
        repository: git of the repository.
        packs: its folder of packs.
        mark: of which the files are named until they are brought in.
        besides: files of packs whose objects are held already, and are left out.

    Raises:
        MissingObject: an object behind the tips is nowhere.
        GitError, OutOfSpace

    Source: `git help pack-objects` (<base-name>, --non-empty). What a process that died leaves, `git gc` removes: names of files that are not
    wanted begin with `tmp_` (builtin/prune.c, remove_temporary_files).
    A pack without an index counts for nothing; `remove_half_named` removes it once its mark is gone.
    """
    stem = packs / f"tmp_{mark.replace(' ', '_')}"
    leave_out = [f"--keep-pack={name}" for name in besides]
    # The least window in which deltas that are there already are taken over; with none, every object is compressed again.
    words = ("pack-objects", "--revs", "--local", "--non-empty", "--quiet", "--window=1", "--threads=1", *leave_out)

    def pack(*gaps: str) -> str:
        stdin = range_of(tips, history)
        return text(repository.run(*words, *gaps, str(stem), stdin=stdin, timeout_s=history.timeout_s).stdout).strip()

    name = _as_far_as_it_goes(repository, tips, history, pack)
    return NewPack(name=name, packs=packs, made=Path(f"{stem}-{name}")) if name else None


def copied(
    repository: Git, packs: Path, tips: Sequence[Oid], history: History, *, mark: str, besides: Sequence[str] = ()
) -> str:
    """Pack what is behind `tips` in a repository once more, as a pack that `gc` leaves alone; arguments as for `packed_again`.

    Args:
        mark: content of the `.keep` file that holds the pack, one line. The pack may be there already, with another mark.

    Returns:
        The name of the pack, between `pack-` and `.pack`; empty when there is nothing to hold.

    Raises:
        MissingObject: an object behind the tips is nowhere.
        GitError, OutOfSpace
    """
    made = packed_again(repository, packs, tips, history, mark=mark, besides=besides)
    if made is None:
        return ""
    made.bring_in(mark=mark)
    return made.name


def _brought_in(made: Path, place: Path, *, mark: str) -> None:
    mark_pack(Path(f"{place}.keep"), mark)
    for ending in (".pack", ".rev", ".idx"):
        if ending != ".rev" or Path(f"{made}{ending}").exists():
            Path(f"{made}{ending}").replace(f"{place}{ending}")


def mark_pack(keep: Path, mark: str) -> None:
    """Make the mark of a pack, unless there is one, which may be another run's. It is never seen without its content.

    Raises:
        OSError
    """
    if keep.exists():
        return
    partial = keep.with_name(f"tmp_{keep.stem}_{uuid.uuid4().hex}.keep")
    try:
        partial.write_text(f"{mark}\n", encoding="utf-8")
        try:
            os.link(partial, keep)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            if keep.exists():
                return
            partial.replace(keep)
        adopt(keep)
    finally:
        partial.unlink(missing_ok=True)


T = TypeVar("T")


def _as_far_as_it_goes(source: Git, tips: Sequence[Oid], history: History, pack: Callable[..., T]) -> T:
    """What `pack` makes; where objects are missing that branches lacked before, what it makes without them.

    Args:
        pack: takes further arguments of `git pack-objects`.
    """
    try:
        return pack()
    except GitError as error:
        if type(error) not in (GitError, MissingObject) or not history.allows_gaps:
            raise
        lost = _missing(source, tips, history)
        if not lost:
            raise
        if new := sorted(lost - _missing(source, history.replaced, history)):
            raise MissingObject(
                f"object {new[0]} of the new commits is gone; nothing of them was stored", hint="git align run"
            ) from error
        # A partial copy: the branches lacked it before.
        return pack("--missing=allow-any")


def joined(git: Git, packs: Sequence[str], *, mark: str, timeout_s: float) -> str:
    """One pack, which `gc` leaves alone, of all objects of several ones. These stay as they are.

    Args:
        git: of the repository.
        packs: their names, `pack-` included, without `.pack`.
        mark: content of the `.keep` file that holds the new one.
        timeout_s: deadline in seconds.

    Returns:
        The name of the pack, between `pack-` and `.pack`.

    Raises:
        GitError, OutOfSpace

    Source: `git help pack-objects` (--stdin-packs, since 2.32).
    """
    answer = git.run_into(
        git,
        ("pack-objects", "--stdin-packs", "--stdout", "--quiet", "--window=1", "--threads=1"),
        ("index-pack", "--stdin", f"--keep={mark}"),
        stdin="".join(f"{name}.pack\n" for name in packs).encode("ascii"),
        timeout_s=timeout_s,
    )
    return _name(answer)


def stored_as_given(into: Git, pack: bytes, *, mark: str, timeout_s: float) -> str:
    """Bring a pack that was written elsewhere into a store; git reckons the id of every object again.

    Returns:
        The name of the pack, between `pack-` and `.pack`.

    Raises:
        GitError, OutOfSpace

    Source: `git help index-pack` (--stdin, --keep).
    """
    return _name(into.run("index-pack", "--stdin", f"--keep={mark}", stdin=pack, timeout_s=timeout_s).stdout)


def taken_over(
    source: Git, into: Git, tips: Sequence[Oid], known: Sequence[Oid], *, mark: str, timeout_s: float
) -> str:
    """Bring commits from a store that no one trusts, as a pack that `gc` leaves alone.

    Every object is hashed again and looked at as `git fsck` does; the tips are complete, or they are refused.

    Args:
        source: sees both stores.
        into: of the repository.
        tips: commits to bring in.
        known: commits of the repository that they stand on.
        mark: content of the `.keep` file that holds the pack.
        timeout_s: deadline of one command in seconds.

    Returns:
        The name of the pack, between `pack-` and `.pack`.

    Raises:
        GitError: objects are missing, malformed, or not what their ids say.
        OutOfSpace

    Source: `git help index-pack` (--strict; ids are computed from contents), `git help rev-list` (--objects), as `git fetch`
    checks what it received.
    """
    wanted = range_of(tips, History(known=known, replaced=(), timeout_s=timeout_s))
    answer = source.run_into(
        into,
        ("pack-objects", "--revs", "--stdout", "--quiet", "--window=0", "--threads=1", "--compression=1"),
        ("index-pack", "--stdin", "--strict", f"--keep={mark}"),
        stdin=wanted,
        timeout_s=timeout_s,
    )
    into.run("rev-list", "--objects", "--quiet", "--stdin", stdin=wanted, timeout_s=timeout_s)
    return _name(answer)


def _name(answer: bytes) -> str:
    word, _, name = text(answer).strip().partition("\t")
    if word not in ("keep", "pack") or not name:
        raise InvariantBroken(f"git index-pack answered {answer[:200]!r}")
    return name


def _packed(source: Git, into: Git, tips: Sequence[Oid], history: History, *words: str, mark: str) -> bytes:
    # --local leaves out what is there already; no deltas: these objects are few, small and soon repacked.
    pack = ("pack-objects", "--revs", "--local", *words, "--stdout", "--quiet")
    return source.run_into(
        into,
        (*pack, "--window=0", "--threads=1", "--compression=1"),
        ("index-pack", "--stdin", f"--keep={mark}"),
        stdin=range_of(tips, history),
        timeout_s=history.timeout_s,
    )


def _missing(source: Git, tips: Sequence[Oid], history: History) -> set[str]:
    """Objects behind the tips, and not behind what is known, that are nowhere."""
    words = ("rev-list", "--objects", "--missing=print", "--stdin")
    listed = source.lines(*words, stdin=range_of(tips, history), timeout_s=history.timeout_s)
    return {line[1:] for line in listed if line.startswith("?")}


def range_of(tips: Sequence[Oid], history: History) -> bytes:
    """What is behind the tips and not behind what is known, as git reads it on standard input."""
    return "\n".join([*tips, *(f"^{oid}" for oid in history.known)]).encode("ascii") + b"\n"
