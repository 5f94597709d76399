"""Installing into a work tree, removing, putting back. Copies and the rollback script are on the disk before anything changes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitalign.documents.formats import opened, parsed, stamped
from gitalign.documents.reading import Malformed, each
from gitalign.errors import UserError
from gitalign.framework.contents import CONFIG, FOLDER, MANIFEST, Content, Mode, files_of
from gitalign.framework.manifest import (
    Change,
    ChangeKind,
    Installed,
    Manifest,
    digest,
    manifest_text,
    read_manifest,
    safe_path,
)
from gitalign.framework.rollback_script import installation_name, rollback_script
from gitalign.framework.work_tree import WorkTreeFiles
from gitalign.tree_removal import remove_tree

_KEPT = f"{FOLDER}/rollback"
_MARK = f"{_KEPT}/.gitignore"
_STEP = "step.json"
_CHANGES = (ChangeKind.CREATE, ChangeKind.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a work tree holds of the framework.

    Attributes:
        manifest: of what is installed; None when nothing is.
        interrupted: number of an installation that was cut off half-way, or whose rollback was.
        changed: paths of files that differ from what was installed.
        missing: paths of files that are gone.
    """

    manifest: Manifest | None
    interrupted: int | None = None
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Installation:
    """The framework in one work tree. The caller holds the lock that keeps others away.

    Args:
        files: of the work tree.
    """

    def __init__(self, files: WorkTreeFiles) -> None:
        self._files = files

    def standing(self) -> Standing:
        """What is there.

        Raises:
            UserError: the manifest is unreadable.
        """
        data = self._files.read(MANIFEST)
        manifest = read_manifest(data) if data is not None else None
        reached = manifest.number if manifest is not None else 0
        begun = max((number for number in self._numbers() if self._has_step(number)), default=0)
        now = {path: self._files.read(path) for path in manifest.files} if manifest is not None else {}
        return Standing(
            manifest=manifest,
            interrupted=begun if begun > reached else None,
            changed=tuple(
                path
                for path, there in now.items()
                if there is not None and manifest is not None and digest(there) != manifest.files[path].sha256
            ),
            missing=tuple(path for path, there in now.items() if there is None),
        )

    def install(self, mode: Mode, modules: Sequence[str], *, dry_run: bool = False) -> tuple[Change, ...]:
        """Write the files of a mode; modules that it does not have are removed.

        Raises:
            UserError: an installation was cut off, or a link or folder stands in the way.
            OutOfSpace: `rollback` puts back what was written.
        """
        standing = self.standing()
        _require_whole(standing)
        before = standing.manifest
        wanted = files_of(mode, modules, self._files.read(CONFIG))
        dropped = [path for path in (before.files if before else {}) if path not in wanted and path != MANIFEST]
        changes = [self._change(path, content) for path, content in sorted(wanted.items())]
        removals = [self._removal(path, before.files[path]) for path in dropped] if before is not None else []
        if dry_run or all(change.kind is ChangeKind.UNCHANGED for change in (*changes, *removals)):
            return (*changes, *removals)
        number = max([0, *self._numbers()]) + 1
        manifest = _after(before, wanted, changes, mode=mode, modules=modules, number=number)
        kept = [path for path in dropped if any(one.path == path and one.kind is ChangeKind.KEEP for one in removals)]
        manifest = replace(manifest, files={**manifest.files, **{path: before.files[path] for path in kept if before}})
        content = Content(data=manifest_text(manifest).encode("utf-8"))
        written = [one.path for one in changes if one.kind in _CHANGES]
        removed = [one.path for one in removals if one.kind is ChangeKind.REMOVE]
        self._prepare(number, {**{path: wanted[path] for path in written}, MANIFEST: content}, removed)
        for path in written:
            self._files.write(path, wanted[path].data, is_program=wanted[path].is_program)
        for path in removed:
            self._files.remove(path)
        self._files.write(MANIFEST, content.data)
        copies = f"{_KEPT}/{installation_name(number)}/before"
        noted = [replace(one, detail=f"{copies}/{one.path}") if _is_copied(one) else one for one in changes]
        return (*noted, *removals)

    def uninstall(self, modules: Sequence[str] = (), *, dry_run: bool = False) -> tuple[Change, ...]:
        """Remove modules, or everything; what was changed since stays, what was replaced comes back.

        Raises:
            UserError: nothing of the kind is installed, or an installation was cut off.
        """
        standing = self.standing()
        _require_whole(standing)
        manifest = standing.manifest
        if manifest is None:
            raise UserError("the framework is not installed here", hint="git align framework install")
        if unknown := [name for name in modules if name not in manifest.modules]:
            raise UserError(
                f"module {unknown[0]} is not installed; installed are: {', '.join(manifest.modules)}",
                hint="git align framework status",
            )
        left = tuple(name for name in manifest.modules if name not in modules) if modules else ()
        if left:
            return self.install(Mode.CUSTOM, left, dry_run=dry_run)
        changes = [self._removal(path, one) for path, one in sorted(manifest.files.items())]
        if dry_run:
            return tuple(changes)
        for change in changes:
            installed = manifest.files[change.path]
            if change.kind is ChangeKind.REMOVE:
                self._put_back_or_remove(installed)
            elif change.kind is ChangeKind.KEEP and (before := self._replaced(installed)) is not None:
                self._files.write_beside(f"{change.path}.before-{installation_name(installed.number)}", before)
        self._files.remove(MANIFEST)
        for number in reversed(self._numbers()):
            self._forget(number)
        return tuple(changes)

    def rollback(self, *, dry_run: bool = False) -> tuple[Change, ...]:
        """Put the work tree back to how it was before the newest installation, also one that was cut off. Again: one further back.

        Raises:
            UserError: there is none.
        """
        numbers = self._numbers()
        if not numbers:
            raise UserError("no installation can be put back here", hint="git align framework status")
        number = numbers[-1]
        if not self._has_step(number):
            changes: tuple[Change, ...] = ()  # cut off before anything changed
        else:
            created, replaced = self._step(number)
            changes = tuple(
                self._back(number, path, path in replaced, dry_run=dry_run) for path in (*replaced, *created)
            )
        if not dry_run:
            self._files.remove_unfinished(FOLDER)
            self._forget(number)
        return tuple(one for one in changes if one.path != MANIFEST)

    def _change(self, path: str, content: Content) -> Change:
        there = self._files.read(path)
        if there is None:
            return Change(path=path, kind=ChangeKind.CREATE)
        if there == content.data and self._files.is_program(path) == content.is_program:
            return Change(path=path, kind=ChangeKind.UNCHANGED)
        return Change(path=path, kind=ChangeKind.REPLACE)

    def _removal(self, path: str, installed: Installed) -> Change:
        there = self._files.read(path)
        if there is None:
            return Change(path=path, kind=ChangeKind.UNCHANGED, detail="it is gone already")
        if installed.replaced and there == self._replaced(installed):
            return Change(path=path, kind=ChangeKind.UNCHANGED, detail="it is back already")
        if digest(there) != installed.sha256:
            return Change(path=path, kind=ChangeKind.KEEP, detail="it was changed since it was installed")
        return Change(path=path, kind=ChangeKind.REMOVE)

    def _prepare(self, number: int, wanted: dict[str, Content], removed: Sequence[str]) -> None:
        """Keep what is there, and write down how to go back, before the first change."""
        folder = f"{_KEPT}/{installation_name(number)}"
        replaced: list[str] = []
        created: list[str] = []
        self._files.write(_MARK, b"*\n")
        for path in (*wanted, *removed):
            there = self._files.read(path)
            (created if there is None else replaced).append(path)
            if there is not None:
                self._files.write(f"{folder}/before/{path}", there, is_program=self._files.is_program(path))
            if path in wanted:
                one = wanted[path]
                self._files.write(f"{folder}/after/{path}", one.data, is_program=one.is_program)
        script = rollback_script(number, created=created, replaced=replaced)
        self._files.write(f"{folder}.sh", script, is_program=True)
        step = stamped("framework-step", {"number": number, "created": created, "replaced": replaced})
        self._files.write(f"{folder}/{_STEP}", (json.dumps(step, indent=2) + "\n").encode("utf-8"))

    def _back(self, number: int, path: str, was_there: bool, *, dry_run: bool) -> Change:
        """Put one file back; done twice it is the same."""
        name = installation_name(number)
        there = self._files.read(path)
        after = self._files.read(f"{_KEPT}/{name}/after/{path}")
        before = self._files.read(f"{_KEPT}/{name}/before/{path}")
        if not was_there:
            if there is None:
                return Change(path=path, kind=ChangeKind.UNCHANGED)
            if there != after:
                return Change(path=path, kind=ChangeKind.KEEP, detail="it was changed since it was installed")
            if not dry_run:
                self._files.remove(path)
            return Change(path=path, kind=ChangeKind.REMOVE)
        if before is None:
            raise UserError(
                f"the copy of {path} from before installation {number} is gone", hint="restore it from your history"
            )
        detail = ""
        if there is not None and there not in (after, before):
            detail = f"your changes are in {path}.changed-{name}"
            if not dry_run:
                detail = f"your changes are in {self._files.set_aside(path, f'{path}.changed-{name}')}"
        if not dry_run:
            program = self._files.is_program(f"{_KEPT}/{name}/before/{path}")
            self._files.write(path, before, is_program=program)
        return Change(path=path, kind=ChangeKind.REPLACE, detail=detail)

    def _replaced(self, installed: Installed) -> bytes | None:
        """What stood there before the installation; None when nothing did."""
        return self._files.read(_copy_of(installed)) if installed.replaced else None

    def _put_back_or_remove(self, installed: Installed) -> None:
        before = self._replaced(installed)
        if before is None:
            self._files.remove(installed.path)
        else:
            self._files.write(installed.path, before, is_program=self._files.is_program(_copy_of(installed)))

    def _step(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Paths that an installation created, and those that it replaced."""
        path = f"{_KEPT}/{installation_name(number)}/{_STEP}"
        try:
            document = opened(parsed((self._files.read(path) or b"").decode("utf-8", "replace")), "framework-step")
            return each(document, "created", safe_path), each(document, "replaced", safe_path)
        except Malformed as error:
            raise UserError(f"{path} cannot be read: {error}", hint="restore the files from your history") from error

    def _has_step(self, number: int) -> bool:
        return self._files.read(f"{_KEPT}/{installation_name(number)}/{_STEP}") is not None

    def _numbers(self) -> list[int]:
        """Of installations that can be put back, or were cut off, oldest first."""
        folder = self._files.root / _KEPT
        if (self._files.root / FOLDER).is_symlink() or folder.is_symlink() or not folder.is_dir():
            return []
        names = {place.name.removesuffix(".sh") for place in folder.iterdir()}
        return sorted(int(name) for name in names if re.fullmatch(r"\d{4,6}", name))

    def _forget(self, number: int) -> None:
        """Remove what an installation kept. Its step goes first: without it there is nothing left to put back."""
        folder = f"{_KEPT}/{installation_name(number)}"
        if self._numbers() == [number]:
            self._files.remove(_MARK)
        self._files.remove(f"{folder}/{_STEP}")
        self._files.remove(f"{folder}.sh")
        remove_tree(self._files.root / folder)
        self._files.remove(f"{folder}/{_STEP}")  # folders that are empty now


def _require_whole(standing: Standing) -> None:
    if standing.interrupted is not None:
        raise UserError(
            f"installation {standing.interrupted} was cut off half-way", hint="git align framework rollback"
        )


def _copy_of(installed: Installed) -> str:
    return f"{_KEPT}/{installation_name(installed.number)}/before/{installed.path}"


def _is_copied(change: Change) -> bool:
    return change.kind is ChangeKind.REPLACE


def _after(
    before: Manifest | None,
    wanted: dict[str, Content],
    changes: Sequence[Change],
    *,
    mode: Mode,
    modules: Sequence[str],
    number: int,
) -> Manifest:
    """The manifest once the changes are made."""
    kinds = {change.path: change.kind for change in changes}
    files: dict[str, Installed] = {}
    for path, content in wanted.items():
        known = before.files.get(path) if before is not None else None
        first = known or Installed(path=path, sha256="", number=number, replaced=kinds[path] is ChangeKind.REPLACE)
        files[path] = replace(first, sha256=digest(content.data), module=content.module)
    return Manifest(mode=mode, modules=tuple(modules), number=number, files=files)
