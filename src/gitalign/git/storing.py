"""Bringing objects from one store into another one, complete or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.names import Oid
from gitalign.errors import GitError, InvariantBroken, MissingObject
from gitalign.git.command import Git, text


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


def stored(
    source: Git, into: Git, tips: Sequence[Oid], history: History, *, mark: str, besides: Sequence[str] = ()
) -> str:
    """Bring the objects behind `tips` from one store into another one, as a pack that `gc` leaves alone.

    Args:
        source: sees both stores.
        mark: content of the `.keep` file that holds the pack.
        besides: files of packs whose objects are held already, and are left out.

    Returns:
        The name of the pack, between `pack-` and `.pack`.

    Raises:
        MissingObject: an object behind the tips is nowhere; nothing that names it is stored.
        GitError, OutOfSpace

    Source: `git help pack-objects` (--revs, --local, --missing, --keep-pack), `git help index-pack` (--keep); long before 2.38.
    """
    leave_out = [f"--keep-pack={name}" for name in besides]
    try:
        answer = _packed(source, into, tips, history, *leave_out, mark=mark)
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
        answer = _packed(source, into, tips, history, *leave_out, "--missing=allow-any", mark=mark)
    return _name(answer)


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
        ("pack-objects", "--stdin-packs", "--stdout", "--quiet", "--window=0", "--threads=1", "--compression=1"),
        ("index-pack", "--stdin", f"--keep={mark}"),
        stdin="".join(f"{name}.pack\n" for name in packs).encode("ascii"),
        timeout_s=timeout_s,
    )
    return _name(answer)


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
    wanted = _range(tips, History(known=known, replaced=(), timeout_s=timeout_s))
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
        stdin=_range(tips, history),
        timeout_s=history.timeout_s,
    )


def _missing(source: Git, tips: Sequence[Oid], history: History) -> set[str]:
    """Objects behind the tips, and not behind what is known, that are nowhere."""
    words = ("rev-list", "--objects", "--missing=print", "--stdin")
    listed = source.lines(*words, stdin=_range(tips, history), timeout_s=history.timeout_s)
    return {line[1:] for line in listed if line.startswith("?")}


def _range(tips: Sequence[Oid], history: History) -> bytes:
    return "\n".join([*tips, *(f"^{oid}" for oid in history.known)]).encode("ascii") + b"\n"
