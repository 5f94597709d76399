"""Stops taken to pieces: one clash of lines, or of whole files, that several branches meet beside others of their own. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.conflict import Conflict, StageEntry

HunkSides = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""The lines of the two sides of a hunk."""

MOST_PIECES = 2_000
"""Of one stop; what is beyond counts as something else that is in the way."""
_EXCERPT_LINES, _EXCERPT_CHARACTERS = 4, 120
_KEY_DIGITS = 32
_IN_LINES = ("contents", "add/add")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A clash in one place.

    Attributes:
        paths: where.
        kind: `lines`, or git's word for what happened to whole files.
        target, branch: the first lines of each side; none where whole files clash.
    """

    paths: tuple[str, ...]
    kind: str
    target: tuple[str, ...]
    branch: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where a branch stops, taken to pieces.

    Attributes:
        signature: the whole as one word; see `conflict_groups.conflict_signature`.
        pieces: keys of them, sorted.
        is_whole: there are no more than these.
    """

    signature: str
    pieces: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedConflict:
    """What several branches clash with in the same way, whatever else each of them clashes with.

    Attributes:
        signature: what is the same, as one word.
        paths: where, sorted.
        pieces: how many places; the same branches have all of them.
        example: one of these; None where it is not at hand.
        branches: names, sorted.
        freed: those of them that have nothing else in the way where they stop, sorted.
    """

    signature: str
    paths: tuple[str, ...]
    pieces: int
    example: Piece | None
    branches: tuple[str, ...]
    freed: tuple[str, ...]


def taken_to_pieces(
    conflicts: Iterable[Conflict],
    entries: Iterable[StageEntry],
    sides: Mapping[str, Sequence[HunkSides]],
    *,
    is_merge: bool,
) -> dict[str, Piece]:
    """Key -> piece, for everything at which a branch stops; arguments as for `conflict_groups.conflict_signature`.

    Lines clash by path and by what both sides have there, whichever stands first and wherever in the file. Everything else clashes by git's
    word for it, by paths, and by the files themselves.
    """
    found: dict[str, Piece] = {}
    for path in sorted(sides):
        for one, other in sides[path]:
            target, branch = (other, one) if is_merge else (one, other)
            first, second = sorted((one, other))
            key = _key("lines", path, str(len(first)), *first, str(len(second)), *second)
            found[key] = Piece(paths=(path,), kind="lines", target=_excerpt(target), branch=_excerpt(branch))
    swapped = {2: 3, 3: 2} if is_merge else {}
    stages: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        oid = "" if _plain(entry.path) in sides else entry.oid
        stages[_plain(entry.path)].append(f"{swapped.get(entry.stage, entry.stage)} {entry.mode} {oid}")
    told = set(sides)
    for kind, paths in sorted((one.kind, tuple(sorted(map(_plain, one.paths)))) for one in conflicts):
        if not (sides.keys() >= set(paths) and any(word in kind for word in _IN_LINES)):
            key = _key("files", kind, *(word for path in paths for word in (path, *sorted(stages[path]))))
            found[key] = Piece(paths=paths, kind=kind, target=(), branch=())
        told |= set(paths)
    for path in sorted(stages.keys() - told):
        found[_key("files", "", path, *sorted(stages[path]))] = Piece(paths=(path,), kind="", target=(), branch=())
    return found


def sharing(stops: Mapping[str, Stop]) -> dict[frozenset[str], tuple[str, ...]]:
    """Branches -> keys of the pieces that just these have in common, where they are two or more.

    Left out is what all branches of one whole clash share with no other: their group tells that.

    Args:
        stops: branch name -> where it stops.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    groups: dict[str, set[str]] = defaultdict(set)
    for name, stop in stops.items():
        groups[stop.signature].add(name)
        for key in stop.pieces:
            holders[key].append(name)
    whole = {frozenset(names) for names in groups.values()}
    found: dict[frozenset[str], list[str]] = defaultdict(list)
    for key, names in holders.items():
        if len(names) > 1 and (among := frozenset(names)) not in whole:
            found[among].append(key)
    return {names: tuple(sorted(keys)) for names, keys in found.items()}


def shared_conflicts(stops: Mapping[str, Stop], known: Mapping[str, Piece]) -> tuple[SharedConflict, ...]:
    """Shared clashes, the one that frees and helps most branches first.

    Args:
        stops: branch name -> where it stops.
        known: pieces by key.
    """
    made: list[SharedConflict] = []
    for names, keys in sharing(stops).items():
        own = set(keys)
        pieces = [known[key] for key in keys if key in known]
        pieces.sort(key=lambda piece: (piece.paths, piece.kind, piece.target, piece.branch))
        made.append(
            SharedConflict(
                signature=_key("shared", *keys),
                paths=tuple(sorted({path for piece in pieces for path in piece.paths})),
                pieces=len(keys),
                example=pieces[0] if pieces else None,
                branches=tuple(sorted(names)),
                freed=tuple(
                    sorted(name for name in names if stops[name].is_whole and own.issuperset(stops[name].pieces))
                ),
            )
        )
    return tuple(
        sorted(made, key=lambda one: (-len(one.branches), -len(one.freed), -one.pieces, one.paths, one.branches))
    )


def shared_in_words(one: SharedConflict) -> str:
    """What clashes, in words that stand before "in" and the paths."""
    if one.pieces > 1:
        return f"at the same {one.pieces} places"
    if one.example is None or one.example.kind == "lines":
        return "at the same lines"
    word = one.example.kind.removeprefix("CONFLICT ").strip("()")
    return f"in the same way ({word})" if word else "in the same way"


def _key(*parts: str | bytes) -> str:
    raw = [part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape") for part in parts]
    return hashlib.sha256(b"".join([b"%d:%s" % (len(part), part) for part in raw])).hexdigest()[:_KEY_DIGITS]


def _plain(path: str) -> str:
    """A path without what git adds to tell the sides of an invented one apart."""
    return path.partition("~\0")[0]


def _excerpt(lines: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(line.decode("utf-8", "replace")[:_EXCERPT_CHARACTERS] for line in lines[:_EXCERPT_LINES])
