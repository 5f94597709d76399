"""The memory as it stands: recorded resolutions of the repository's own ref, and those of git's `rr-cache`. Read only.

Names and ids are read at once, contents when someone asks for them.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitalign.core.names import RESOLUTIONS_REF, Oid
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.documents import resolution_origins
from gitalign.documents.formats import parsed
from gitalign.git.command import text
from gitalign.git.objects import FileReader
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.git.trees import blob_id
from gitalign.resolve.entries import (
    LARGEST_BYTES,
    MOST_ENTRIES,
    MOST_VARIANTS,
    Images,
    Resolution,
    disagreements,
    entry_name,
    fault_of,
    parse_name,
)

FORGOTTEN, LEARNED = "forgotten", "learned"
_TIMEOUT_S = 120.0
_MOST_FAULTS = 100
_LARGEST_LIST_BYTES = 16 * 1024 * 1024
_LARGEST_CACHE_BYTES = 256 * 1024 * 1024
_HEXADECIMAL = re.compile("[0-9a-f]+")
_NO_ORIGIN = Origin(kind=OriginKind.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resolution by name.

    Attributes:
        variant: its number in the place it is kept, as git counts them.
        origin: id of the file that tells where it comes from, None when there is none.
        in_rr_cache: True when only git's own folder has it.
    """

    images: Images
    variant: int
    origin: Oid | None = None
    in_rr_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResolutions:
    """Every resolution known.

    Attributes:
        commit: what the ref holds, None when there is no ref.
        entries: by conflict, those of the ref first, in the order of their variants; forgotten ones are left out.
        forgotten: withdrawn, wherever they turn up again.
        learned: commits whose history has been learned from.
        faults: what was found that cannot be used, in words.
        cache: contents of `rr-cache` by id.
    """

    commit: Oid | None = None
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    forgotten: frozenset[Images] = frozenset()
    learned: frozenset[Oid] = frozenset()
    faults: tuple[str, ...] = ()
    cache: Mapping[Oid, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_empty(self) -> bool:
        """True when nothing can be applied."""
        return not self.entries

    @property
    def key(self) -> str:
        """Text that changes whenever a conflict could be answered otherwise."""
        known = sorted(one.images for several in self.entries.values() for one in several)
        return hashlib.sha256("\n".join(map(" ".join, known)).encode("ascii")).hexdigest()

    def all(self) -> Iterator[Entry]:
        """Every entry, by conflict and variant."""
        for conflict in sorted(self.entries):
            yield from self.entries[conflict]

    def disputed(self) -> dict[str, tuple[Images, ...]]:
        """Conflicts settled in different ways from the very same file."""
        return disagreements({name: [one.images for one in several] for name, several in self.entries.items()})


def read_resolutions(repository: Repository, *, rr_cache: bool, ref: str = RESOLUTIONS_REF) -> RecordedResolutions:
    """The memory of a repository.

    Args:
        repository: the repository.
        rr_cache: take in git's own folder, too.
        ref: full name of the ref that holds it.

    Raises:
        GitError: the ref's commit or tree cannot be read.
    """
    commit = read_refs(repository, ref).get(ref)
    own = read_commit(repository, commit) if commit is not None else RecordedResolutions()
    return _with_rr_cache(repository, own) if rr_cache else own


def read_commit(repository: Repository, commit: Oid) -> RecordedResolutions:
    """The memory that a commit holds. Whatever in it is not as it should be is named and left out.

    Raises:
        GitError
    """
    words = ("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    listed = repository.git.run(*words, timeout_s=_TIMEOUT_S).stdout
    faults: list[str] = []
    files: dict[tuple[str, int], dict[str, Oid]] = {}
    lists: dict[str, Oid] = {}
    for line in listed.split(b"\0")[:-1]:
        meta, _, name = line.partition(b"\t")
        mode, _, oid, size = meta.decode("ascii").split()
        shown = text(name)
        if shown in (FORGOTTEN, LEARNED) and mode == "100644":
            lists[shown] = Oid(oid)
            continue
        parsed = parse_name(shown)
        if parsed is None or mode != "100644" or len(parsed.conflict) != len(commit):
            faults.append(f"{shown}: no part of a resolution")
        elif not size.isdigit() or int(size) > LARGEST_BYTES:
            faults.append(f"{shown}: longer than {LARGEST_BYTES} bytes")
        elif parsed.variant >= MOST_VARIANTS:
            faults.append(f"{shown}: more than {MOST_VARIANTS} variants")
        else:
            files.setdefault((parsed.conflict, parsed.variant), {})[parsed.what] = Oid(oid)
    forgotten, learned = _lists(repository, lists, faults)
    entries: dict[str, list[Entry]] = {}
    for number, ((conflict, variant), parts) in enumerate(sorted(files.items())):
        if number >= MOST_ENTRIES:
            faults.append(f"more than {MOST_ENTRIES} resolutions; the rest is left out")
            break
        if "preimage" not in parts or "postimage" not in parts:
            faults.append(f"{entry_name(conflict, 'preimage', variant)}: one of its two images is missing")
            continue
        images = Images(conflict, parts["preimage"], parts["postimage"])
        if images not in forgotten:
            entries.setdefault(conflict, []).append(Entry(images=images, variant=variant, origin=parts.get("origin")))
    return RecordedResolutions(
        commit=commit,
        entries={name: tuple(several) for name, several in entries.items()},
        forgotten=forgotten,
        learned=learned,
        faults=tuple(faults[:_MOST_FAULTS]),
    )


def _lists(
    repository: Repository, lists: Mapping[str, Oid], faults: list[str]
) -> tuple[frozenset[Images], frozenset[Oid]]:
    """What was forgotten, and what was learned from."""
    found: dict[str, list[list[str]]] = {FORGOTTEN: [], LEARNED: []}
    reader = FileReader(repository.git, timeout_s=_TIMEOUT_S)
    try:
        for name, oid in lists.items():
            (content,) = reader.read([oid.encode("ascii")], most_bytes=_LARGEST_LIST_BYTES)
            if content is None:
                faults.append(f"{name}: longer than {_LARGEST_LIST_BYTES} bytes, or gone")
                continue
            found[name] = [line.split(" ") for line in content.decode("ascii", "replace").splitlines()]
    finally:
        reader.close()
    forgotten = frozenset(
        Images(words[0], Oid(words[1]), Oid(words[2])) for words in found[FORGOTTEN] if len(words) == 3
    )
    length = 40 if repository.object_format == "sha1" else 64
    learned = frozenset(
        Oid(words[0])
        for words in found[LEARNED]
        if len(words) == 1 and len(words[0]) == length and _HEXADECIMAL.fullmatch(words[0])
    )
    return forgotten, learned


def rr_cache_of(repository: Repository) -> Path:
    """git's own folder of resolutions (`git help gitrepository-layout`)."""
    return Path(repository.common_dir) / "rr-cache"


def _with_rr_cache(repository: Repository, own: RecordedResolutions) -> RecordedResolutions:
    """The memory with what git itself recorded. Conflicts that no one has settled yet have no postimage, and are passed over."""
    entries = {name: list(several) for name, several in own.entries.items()}
    faults = list(own.faults)
    cache: dict[Oid, bytes] = {}
    room = _LARGEST_CACHE_BYTES
    length = 40 if repository.object_format == "sha1" else 64
    try:
        folders = sorted(
            entry.name for entry in os.scandir(rr_cache_of(repository)) if entry.is_dir(follow_symlinks=False)
        )
    except OSError:
        folders = []
    for conflict in folders[:MOST_ENTRIES]:
        if len(conflict) != length or parse_name(f"{conflict}/preimage") is None:
            faults.append(f"rr-cache/{conflict}: no name of a conflict")
            continue
        for variant in range(MOST_VARIANTS):
            pair = [
                _content(rr_cache_of(repository) / entry_name(conflict, what, variant))
                for what in ("preimage", "postimage")
            ]
            if pair[0] is None or pair[1] is None:
                continue
            room -= len(pair[0]) + len(pair[1])
            if room < 0:
                faults.append(f"rr-cache: more than {_LARGEST_CACHE_BYTES} bytes; the rest is left out")
                break
            ids = [blob_id(one, object_format=repository.object_format) for one in pair if one is not None]
            images = Images(conflict, ids[0], ids[1])
            known = entries.setdefault(conflict, [])
            if images not in own.forgotten and images not in [one.images for one in known]:
                cache |= zip(ids, [pair[0], pair[1]], strict=True)
                known.append(Entry(images=images, variant=variant, in_rr_cache=True))
    return RecordedResolutions(
        commit=own.commit,
        entries={name: tuple(several) for name, several in entries.items() if several},
        forgotten=own.forgotten,
        learned=own.learned,
        faults=tuple(faults[:_MOST_FAULTS]),
        cache=cache,
    )


def _content(place: Path) -> bytes | None:
    """A regular file, if it is there and not too long."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        found = file.read(LARGEST_BYTES + 1)
    return found if len(found) <= LARGEST_BYTES else None


class ResolutionReader:
    """Resolutions of a memory by content, read when asked for and checked before they are given out. Thread-safe.

    Args:
        memory: names of them.
        repository: where their contents are.
    """

    def __init__(self, recorded: RecordedResolutions, repository: Repository) -> None:
        self.recorded = recorded
        self._format = repository.object_format
        self._reader = FileReader(repository.git, timeout_s=_TIMEOUT_S)
        self._lock = threading.Lock()
        self._known: dict[Images, Resolution | str] = {}

    def get(self, entry: Entry) -> Resolution | str:
        """The resolution, or in words why it cannot be used.

        Raises:
            GitTimedOut, GitDied, GitError
        """
        with self._lock:
            if entry.images not in self._known:
                self._known[entry.images] = self._read(entry)
            return self._known[entry.images]

    def start(self) -> None:
        """Start the process that reads, in a thread that outlives those that ask (see `_Answering.start`)."""
        with self._lock:
            self._reader.start()

    def close(self) -> None:
        """End the process that reads."""
        with self._lock:
            self._reader.close()

    def _read(self, entry: Entry) -> Resolution | str:
        wanted = [entry.images.preimage, entry.images.postimage]
        if entry.in_rr_cache:
            contents = [self.recorded.cache.get(oid) for oid in wanted]
            told: bytes | None = None
        else:
            asked = [oid.encode("ascii") for oid in (*wanted, *([entry.origin] if entry.origin else []))]
            contents = self._reader.read(asked, most_bytes=LARGEST_BYTES)
            told = contents[2] if len(contents) > 2 else None
        if contents[0] is None or contents[1] is None:
            return "an image is gone"
        one = Resolution(
            conflict=entry.images.conflict,
            preimage=contents[0],
            postimage=contents[1],
            origin=Origin(kind=OriginKind.RR_CACHE) if entry.in_rr_cache else _origin(told),
        )
        return fault_of(one, object_format=self._format) or one


def _origin(content: bytes | None) -> Origin:
    """Who and when, as far as it can be read: what it says decides nothing."""
    if content is None:
        return _NO_ORIGIN
    try:
        return resolution_origins.load(parsed(text(content)))
    except ValueError:
        return _NO_ORIGIN
