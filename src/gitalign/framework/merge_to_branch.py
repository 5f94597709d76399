"""The framework's files as a commit on other branches: made in memory, moved through the one door. A run like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from gitalign.core.commit import new_commit
from gitalign.core.names import HEADS, BranchName, Oid, display, ref_of
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.engine.publishing.guard import GUARDED, Guard
from gitalign.engine.publishing.move_branches import move_branches
from gitalign.engine.runtime.context import RunContext
from gitalign.errors import UserError
from gitalign.framework.contents import CONFIG, FOLDER, MANIFEST, Content, Mode, files_of
from gitalign.framework.manifest import Installed, Manifest, digest, manifest_text, read_manifest
from gitalign.git.command import raw, text
from gitalign.git.identity import operator_ident
from gitalign.git.objects import FileReader
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository
from gitalign.git.signing import configured_signer
from gitalign.git.trees import blob_id, write_blobs, write_commit, write_tree
from gitalign.git.worktree import read_checkouts

_MOST_BYTES = 16_000_000
_TREE = "040000"
_MODES = {True: "100755", False: "100644"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is added to branches.

    Attributes:
        branches: names, each once.
        mode, modules: which files.
        backup: make a backup branch of each, and replace files of other content.
        backup_prefix: of its name.
    """

    branches: tuple[str, ...]
    mode: Mode
    modules: tuple[str, ...]
    backup: bool = False
    backup_prefix: str = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchAddition:
    """What the addition is for one branch.

    Attributes:
        branch: its name.
        before: its tip.
        created, replaced: paths that the commit adds, and whose content it changes.
        removed: paths of modules that an earlier addition brought and this mode does not have.
        refusal: why it is not made; empty when it can be.
    """

    branch: str
    before: Oid
    created: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def is_needed(self) -> bool:
        """False when the branch has every file already."""
        return bool(self.created or self.replaced or self.removed)


def preview(repository: Repository, what: Addition, *, guard: Guard) -> tuple[BranchAddition, ...]:
    """What would be added to each branch. Changes nothing.

    Args:
        repository: has the branches.
        what: is added.
        guard: decides what must not move.

    Raises:
        UserError: no such branch.
        GitError
    """
    read = read_tips(repository)
    tips = {tip.ref: tip.oid for tip in read if tip.ref.startswith(HEADS)}
    if missing := [name for name in what.branches if ref_of(BranchName(name)) not in tips]:
        raise UserError(f"there is no branch {display(missing[0])}", hint="git branch --list")
    guarded = guard.refs(None, read)
    reader = FileReader(repository.git, timeout_s=120.0)
    try:
        return tuple(
            BranchAddition(branch=name, before=tips[ref], refusal=GUARDED)
            if ref in guarded
            else _of_branch(repository, reader, what, name, tips[ref])
            for name in what.branches
            for ref in [ref_of(BranchName(name))]
        )
    finally:
        reader.close()


def _of_branch(repository: Repository, reader: FileReader, what: Addition, name: str, tip: Oid) -> BranchAddition:
    there = _entries(repository, tip)
    wanted = _wanted(reader, what, tip)
    known = _known(reader, tip)
    made = BranchAddition(branch=name, before=tip)
    if in_the_way := _in_the_way(there, wanted):
        return replace(made, refusal=f"{in_the_way} is in the way there")
    created, replaced, foreign = [], [], []
    for path, content in wanted.items():
        entry = there.get(path)
        oid = blob_id(content.data, object_format=repository.object_format)
        if entry is None:
            created.append(path)
        elif entry != (_MODES[content.is_program], oid):
            replaced.append(path)
            if path not in known or not _is_as_installed(reader, tip, path, known[path]):
                foreign.append(path)
    if foreign and not what.backup:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        refusal = f"{foreign[0]}{more} would be replaced: add --backup to keep the branch as it is under another name"
        return replace(made, refusal=refusal)
    removed = [path for path in known if path not in wanted and _is_there(reader, there, tip, known[path])]
    return replace(made, created=tuple(created), replaced=tuple(replaced), removed=tuple(removed))


def _in_the_way(there: Mapping[str, tuple[str, Oid]], wanted: Mapping[str, Content]) -> str:
    """A file where a folder is needed, or the other way round; empty when there is none."""
    folders = {str(folder) for path in wanted for folder in PurePosixPath(path).parents} - {"."}
    for path, (mode, _) in there.items():
        if (path in folders and mode != _TREE) or (path in wanted and mode == _TREE):
            return path
    return ""


def _entries(repository: Repository, tip: Oid) -> dict[str, tuple[str, Oid]]:
    """Path -> mode and id of what the branch has of the framework, the folder itself included.

    Source: `git help ls-tree` (-r, -t, -z).
    """
    words = ("ls-tree", "-r", "-t", "-z", "--full-tree", tip, "--", f":(literal){FOLDER}")
    found: dict[str, tuple[str, Oid]] = {}
    for line in repository.git.run(*words).stdout.split(b"\0"):
        if line:
            about, _, path = line.partition(b"\t")
            mode, _, oid = about.split(b" ")
            found[text(path)] = (text(mode), Oid(text(oid)))
    return found


def _wanted(reader: FileReader, what: Addition, tip: Oid) -> dict[str, Content]:
    (config,) = reader.read([raw(f"{tip}:{CONFIG}")], most_bytes=_MOST_BYTES)
    wanted = files_of(what.mode, what.modules, config)
    files = {
        path: Installed(path=path, sha256=digest(content.data), module=content.module)
        for path, content in wanted.items()
    }
    manifest = Manifest(mode=what.mode, modules=what.modules, number=1, files=files)
    return {**wanted, MANIFEST: Content(data=manifest_text(manifest).encode("utf-8"))}


def _known(reader: FileReader, tip: Oid) -> Mapping[str, Installed]:
    """Files that an earlier addition wrote, by the branch's own manifest; it vouches for nothing but its own files."""
    (data,) = reader.read([raw(f"{tip}:{MANIFEST}")], most_bytes=_MOST_BYTES)
    if data is None:
        return {}
    try:
        files = read_manifest(data).files
    except UserError:
        return {}
    return {**files, MANIFEST: Installed(path=MANIFEST, sha256=digest(data))}


def _is_there(reader: FileReader, there: Mapping[str, tuple[str, Oid]], tip: Oid, installed: Installed) -> bool:
    return installed.path in there and _is_as_installed(reader, tip, installed.path, installed)


def _is_as_installed(reader: FileReader, tip: Oid, path: str, installed: Installed) -> bool:
    (data,) = reader.read([raw(f"{tip}:{path}")], most_bytes=_MOST_BYTES)
    return path == CONFIG or (data is not None and digest(data) == installed.sha256)


def add_to_branches(run: RunContext, what: Addition, additions: Sequence[BranchAddition], *, guard: Guard) -> None:
    """Commit the files on each branch that needs them, and move it if it still stands where it was seen.

    Args:
        run: that this is.
        what: is added.
        additions: of `preview`; those with a refusal are held back.
        guard: decides what must not move.

    Raises:
        GitError, StoreError: what has been intended is in the journal, and `resume` finishes it.
    """
    move_branches(
        run,
        tuple(_intended(run, what, additions)),
        guard=guard,
        message=FOLDER,
        backup_prefix=what.backup_prefix if what.backup else None,
    )


def _intended(run: RunContext, what: Addition, additions: Sequence[BranchAddition]) -> Iterator[Publication]:
    repository = run.repository
    ident = operator_ident(repository, at=run.started_at)
    signer = configured_signer(repository, committer=ident)
    held = {one.ref: one.path for one in read_checkouts(repository)}
    reader = FileReader(repository.git, timeout_s=120.0)
    try:
        for number, one in enumerate(additions):
            ref = ref_of(BranchName(one.branch))
            held_back = Publication(
                update=RefUpdate(ref=ref, before=one.before, after=one.before),
                stack=number,
                state=MoveState.HELD_BACK,
                detail=one.refusal,
            )
            if one.refusal:
                yield held_back
                continue
            if not one.is_needed:
                continue
            wanted = _wanted(reader, what, one.before)
            paths = [*one.created, *one.replaced]
            oids = write_blobs(
                repository.git, [wanted[path].data for path in paths], object_format=repository.object_format
            )
            changes: dict[bytes, tuple[str, Oid] | None] = {
                raw(path): (_MODES[wanted[path].is_program], oid) for path, oid in zip(paths, oids, strict=True)
            }
            changes |= dict.fromkeys(map(raw, one.removed))
            tree = write_tree(repository.git, one.before, changes)
            message = raw(f"Add {FOLDER} (mode {what.mode})\n")
            commit = new_commit(tree=tree, parents=(one.before,), author=ident, committer=ident, message=message)
            after = write_commit(repository.git, signer.sign(commit) if signer is not None else commit)
            update = RefUpdate(ref=ref, before=one.before, after=after)
            yield replace(held_back, update=update, state=MoveState.INTENDED, work_tree=held.get(ref))
    finally:
        reader.close()
