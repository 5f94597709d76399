"""Commits held without a ref that leads to them: in packs that `git gc` leaves alone. So `git log --all` does not show them.

Each such pack has a `.keep` file with a line for every run that needs it (`git help pack-objects`, `git help index-pack`: --keep). Of
a run that leaves a hundred branches, one pack of their own commits is held; the history below hangs on the targets, which refs pin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gitalign.core.names import PIN_PREFIX, Oid
from gitalign.engine.publishing.held_ahead import HeldAhead
from gitalign.engine.publishing.recovery_claim import recovery_claim
from gitalign.errors import GitError
from gitalign.git.half_named import is_half_named
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.git.storing import History, copied, joined, mark_pack
from gitalign.shared_files import adopt

_MARK = "git-align pin "
_TIMEOUT_S = 600.0
_ATTEMPTS = 3
_AT_MOST = 12
"""Packs of about the same number of runs, before they are joined: git looks into every pack for every object."""
_LARGEST_JOINED_BYTES = 256 * 1024 * 1024
"""Others wait while packs are joined, and looking into a few more costs less than copying very large ones."""


def mark_of(run_id: str) -> str:
    """How packs are marked that a run needs."""
    return _MARK + run_id


def hold(
    repository: Repository,
    run_id: str,
    commits: Sequence[Oid],
    *,
    bases: Sequence[Oid],
    ahead: HeldAhead | None = None,
) -> None:
    """Hold the commits, and all behind them that is not behind the bases. Holding them again is no error.

    Args:
        repository: the repository.
        run_id: the run that needs them.
        commits: that are in the repository.
        bases: commits that a ref pins.
        ahead: what was packed already: it is brought in, and what is behind its commits is not looked at a second time.

    Raises:
        GitError: an object behind the commits cannot be read.
        OutOfSpace
    """
    git, mark = repository.git, mark_of(run_id)
    for attempt in range(_ATTEMPTS):
        early = ahead.pack(bases) if ahead is not None and not attempt else None
        covered = frozenset[Oid]() if ahead is None or early is None else ahead.commits
        # What the run itself has stored is held already; only the mark must stay when the run is over.
        own = [keep for keep in _packs(repository).glob("pack-*.keep") if f"git-align {run_id}" in _lines(keep)]
        held = [keep.with_suffix(".pack").name for keep in own]
        names: list[str] = []
        if early is not None:
            try:
                early.bring_in(mark=mark)
            except GitError:
                continue  # its files are gone: all is packed now
            names.append(early.name)
            held.append(f"pack-{early.name}.pack")
        history = History(known=[*bases, *sorted(covered)], replaced=commits, timeout_s=_TIMEOUT_S)
        if rest := [oid for oid in commits if oid not in covered]:
            name = copied(git, _packs(repository), rest, history, mark=mark, besides=held)
            names += [name] if name else []
        with recovery_claim(repository.state_dir, name="pins"):
            needed = [*own, *(_packs(repository) / f"pack-{name}.keep" for name in names)]
            is_held = [_is_marked(keep, run_id) for keep in needed]
            if all(is_held):
                with suppress(GitError, OSError):  # then there are more packs, and nothing is lost
                    _join_packs(repository)
                return
    raise GitError("a pack that was made just now is gone again", hint="git align resume")


def release(repository: Repository, *, unfinished: Collection[str]) -> frozenset[str]:
    """Let go of packs that no run needs: of none of their runs there is an anchor. A pack without an index keeps its mark.

    Args:
        repository: the repository.
        unfinished: ids of runs that may be about to make theirs.

    Returns:
        Ids of runs that need their packs.

    Raises:
        GitError, StoreError
    """
    with recovery_claim(repository.state_dir, name="pins"):
        needed = {ref.removeprefix(PIN_PREFIX) for ref in read_refs(repository, PIN_PREFIX.rstrip("/"))}
        needed |= set(unfinished)
        for keep, runs in _held(repository):
            if not needed & set(runs) and not is_half_named(keep):
                keep.unlink(missing_ok=True)
    return frozenset(needed)


def _packs(repository: Repository) -> Path:
    return Path(repository.objects_dir) / "pack"


def _held(repository: Repository) -> Iterator[tuple[Path, list[str]]]:
    """Marks of ours, each with the runs that it is for."""
    for keep in sorted(_packs(repository).glob("pack-*.keep")):
        runs = _runs(keep)
        if runs:
            yield keep, runs


def _runs(keep: Path) -> list[str]:
    return [line.removeprefix(_MARK) for line in _lines(keep) if line.startswith(_MARK)]


def _lines(keep: Path) -> list[str]:
    try:
        return keep.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _is_marked(keep: Path, run_id: str) -> bool:
    """Add a run to the mark of a pack that may be another run's, too; False when the pack is gone, or the mark is another person's."""
    try:
        mark_pack(keep, f"{_MARK}{run_id}")
        if run_id not in _runs(keep):
            with keep.open("a", encoding="utf-8") as mark:
                mark.write(f"{_MARK}{run_id}\n")
            adopt(keep)
    except OSError:
        return False
    return keep.with_suffix(".pack").exists()


def _join_packs(repository: Repository) -> None:
    """Make one pack of those for about the same number of runs, where there are many of them.

    Raises:
        GitError, OutOfSpace
    """
    by_size: dict[int, list[tuple[Path, list[str]]]] = {}
    for keep, runs in _held(repository):
        if not all(keep.with_suffix(ending).exists() for ending in (".pack", ".idx")):
            continue  # it is being made, or a process died while it was
        level = 0
        while len(runs) >= _AT_MOST ** (level + 1):
            level += 1
        by_size.setdefault(level, []).append((keep, runs))
    for level in sorted(by_size):
        packs = by_size[level]
        size = sum(keep.with_suffix(".pack").stat().st_size for keep, _ in packs)
        if len(packs) < _AT_MOST or size > _LARGEST_JOINED_BYTES:
            continue
        runs = list(dict.fromkeys(run for _, some in packs for run in some))
        mark = "\n".join(f"{_MARK}{run}" for run in runs)
        name = joined(repository.git, [keep.stem for keep, _ in packs], mark=mark, timeout_s=_TIMEOUT_S)
        made = _packs(repository) / f"pack-{name}.keep"
        is_there = [_is_marked(made, run) for run in runs]
        if all(is_there):
            for keep, _ in packs:
                if keep != made:
                    keep.unlink(missing_ok=True)
