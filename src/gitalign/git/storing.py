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
    """

    known: Sequence[Oid]
    replaced: Sequence[Oid]
    timeout_s: float


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

    Source: `git help pack-objects` (--revs, --local, --missing), `git help index-pack` (--keep); long before 2.38.
    """
    try:
        answer = _packed(source, into, tips, history, mark=mark)
    except GitError as error:
        if type(error) not in (GitError, MissingObject):
            raise
        lost = _missing(source, tips, history)
        if not lost:
            raise
        if new := sorted(lost - _missing(source, history.replaced, history)):
            raise MissingObject(
                f"object {new[0]} of the new commits is gone; nothing of them was stored", hint="git align run"
            ) from error
        # A partial copy: the branches lacked it before.
        answer = _packed(source, into, tips, history, "--missing=allow-any", mark=mark)
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
