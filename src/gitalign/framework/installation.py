"""Installing into a work tree, removing, putting back. Copies and the rollback script are on the disk before anything changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitalign.documents.formats import stamped
from gitalign.errors import UserError
from gitalign.framework.contents import CONFIG, FOLDER, MANIFEST, Content, Mode, files_of
from gitalign.framework.kept import KEPT, STEP, KeptInstallations, path_of
from gitalign.framework.manifest import (
    Change,
    ChangeKind,
    Installed,
    Manifest,
    digest,
    manifest_text,
    read_manifest,
)
from gitalign.framework.rollback_script import installation_name, rollback_script
from gitalign.framework.work_tree import WorkTreeFiles

_CHANGES = (ChangeKind.CREATE, ChangeKind.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a work tree holds of the framework.

    Attributes:
        manifest: of what is installed; None when nothing is.
        interrupted: number of an installation that was cut off half-way, or whose rollback was. Never one of another branch.
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
        self._kept = KeptInstallations(files)

    def standing(self) -> Standing:
        """What is there.

        Raises:
            UserError: the manifest is unreadable.
        """
        data = self._files.read(MANIFEST)
        manifest = read_manifest(data) if data is not None else None
        now = {path: self._files.read(path) for path in manifest.files} if manifest is not None else {}
        return Standing(
            manifest=manifest,
            interrupted=self._kept.interrupted(),
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
        # A manifest that came with a commit may have a number that nothing here has.
        number = max([before.number if before is not None else 0, *self._kept.numbers()]) + 1
        manifest = _after(before, wanted, changes, mode=mode, modules=modules, number=number)
        kept = [path for path in dropped if any(one.path == path and one.kind is ChangeKind.KEEP for one in removals)]
        manifest = replace(manifest, files={**manifest.files, **{path: before.files[path] for path in kept if before}})
        content = Content(data=manifest_text(manifest).encode("utf-8"))
        written = [one.path for one in changes if one.kind in _CHANGES]
        removed = [before.files[one.path] for one in removals if before and one.kind is ChangeKind.REMOVE]
        returned = {one.path: Content(data=data) for one in removed if (data := self._kept.before(one)) is not None}
        after = {**{path: wanted[path] for path in written}, **returned, MANIFEST: content}
        self._prepare(number, after, [one.path for one in removed if one.path not in returned])
        for path in written:
            self._files.write_installed(path, wanted[path].data, is_program=wanted[path].is_program)
        for installed in removed:
            self._put_back_or_remove(installed)
        self._files.write(MANIFEST, content.data)
        self._kept.complete(number)
        noted = [
            replace(one, detail=path_of(number, f"before/{one.path}")) if _is_copied(one) else one for one in changes
        ]
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
            elif change.kind is ChangeKind.KEEP and (before := self._kept.before(installed)) is not None:
                self._files.write_beside(f"{change.path}.before-{installation_name(installed.number)}", before)
        for number in self._kept.lineage():  # from here on there is nothing to put back, only to tidy up
            self._files.remove(path_of(number, STEP))
        self._files.remove(MANIFEST)
        self._forget_unused()
        return tuple(changes)

    def rollback(self, *, dry_run: bool = False) -> tuple[Change, ...]:
        """Put the work tree back to how it was before the newest installation, also one that was cut off. Again: one further back.

        Raises:
            UserError: there is none.
        """
        number = self._kept.newest()
        if number is None:
            return self._tidied(dry_run=dry_run)
        created, replaced = self._kept.step(number)
        if not dry_run:
            self._kept.reopen(number)
        changes = tuple(self._back(number, path, path in replaced, dry_run=dry_run) for path in (*replaced, *created))
        if not dry_run:
            self._files.remove_unfinished(FOLDER)
            self._kept.forget(number)
        return tuple(one for one in changes if one.path != MANIFEST)

    def _tidied(self, *, dry_run: bool) -> tuple[Change, ...]:
        """Nothing can be put back: what was cut off before anything changed goes.

        Raises:
            UserError: there is nothing of the kind either.
        """
        if not (self._kept.unused() or self._kept.is_begun() or self._files.unfinished(FOLDER)):
            others = ", ".join(map(str, self._kept.numbers()))
            words = f"; installation {others} is of another branch, or its manifest was changed" if others else ""
            raise UserError(f"no installation can be put back here{words}", hint="git align framework status")
        if not dry_run:
            self._files.remove_unfinished(FOLDER)
            self._forget_unused()
            if self._kept.is_begun():
                self._kept.show()
        return ()

    def _forget_unused(self) -> None:
        for number in reversed(self._kept.unused()):
            self._kept.forget(number)

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
        if there == self._kept.before(installed):
            return Change(path=path, kind=ChangeKind.UNCHANGED, detail="it is back already")
        if digest(there) != installed.sha256:
            return Change(path=path, kind=ChangeKind.KEEP, detail="it was changed since it was installed")
        return Change(path=path, kind=ChangeKind.REMOVE)

    def _prepare(self, number: int, wanted: dict[str, Content], removed: Sequence[str]) -> None:
        """Keep what is there, and write down how to go back, before the first change."""
        replaced: list[str] = []
        created: list[str] = []
        self._kept.hide()
        for path in (*wanted, *removed):
            there = self._files.read(path)
            (created if there is None else replaced).append(path)
            if there is not None:
                self._files.write(path_of(number, f"before/{path}"), there, mode=self._files.mode(path))
            if path in wanted:
                one = wanted[path]
                self._files.write(path_of(number, f"after/{path}"), one.data, mode=0o600)
        script = rollback_script(number, created=created, replaced=replaced)
        self._files.write(f"{KEPT}/{installation_name(number)}.sh", script, is_program=True)
        step = stamped("framework-step", {"number": number, "created": created, "replaced": replaced})
        self._files.write(path_of(number, STEP), (json.dumps(step, indent=2) + "\n").encode("utf-8"))

    def _back(self, number: int, path: str, was_there: bool, *, dry_run: bool) -> Change:
        """Put one file back; done twice it is the same."""
        name = installation_name(number)
        there = self._files.read(path)
        after, before = (self._kept.read(number, f"{side}/{path}") for side in ("after", "before"))
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
            self._files.write(path, before, mode=self._files.mode(path_of(number, f"before/{path}")))
        return Change(path=path, kind=ChangeKind.REPLACE, detail=detail)

    def _put_back_or_remove(self, installed: Installed) -> None:
        before = self._kept.before(installed)
        if before is None:
            self._files.remove(installed.path)
        else:
            mode = self._files.mode(path_of(installed.number, f"before/{installed.path}"))
            self._files.write(installed.path, before, mode=mode)


def _require_whole(standing: Standing) -> None:
    if standing.interrupted is not None:
        raise UserError(
            f"installation {standing.interrupted} was cut off half-way", hint="git align framework rollback"
        )


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
