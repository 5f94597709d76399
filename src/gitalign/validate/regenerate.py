"""Files that are made from others, made again: a command of the operator's, run in a disposable work tree as checks are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pathspec

from gitalign.core.names import Oid
from gitalign.core.programs import Program
from gitalign.core.validation import CommandCheck
from gitalign.owned_folders import left_in
from gitalign.ports import Regenerated, WorkTreeMaker
from gitalign.validate.confine import NEEDS_BUBBLEWRAP, confinement_for
from gitalign.validate.place import Place
from gitalign.validate.programs import ProgramHost, fault_of_end, opened_folder, prepared, read_inside
from gitalign.validate.watch import end_orphans
from gitalign.worktrees.disposable import ClaimedFolder

_LARGEST_BYTES = 4 * 1024 * 1024


class ConfinedRegenerator:
    """Makes files again. Implements `ports.Regenerator`; thread-safe.

    Args:
        programs: one for each rule.
        host: where they run.
        home: where work trees are made; folders of dead processes there are removed.
        name: of the folder.
        most: work trees at a time.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        host: ProgramHost,
        *,
        home: Path,
        name: str,
        most: int,
    ) -> None:
        self._programs = tuple(programs)
        self._specs = [pathspec.GitIgnoreSpec.from_lines(one.paths) for one in programs]
        self._host = host
        self._home = home
        self._name = name
        self._room = threading.BoundedSemaphore(most)
        self._numbers = count()
        self._folder: ClaimedFolder | None = None
        self._lock = threading.Lock()
        self._known: dict[tuple[int, Oid, tuple[str, ...]], Future[Regenerated]] = {}

    def prepare(self) -> tuple[str, ...]:
        """Find out how the programs can be confined, before anything is begun; what is wrong with them.

        Raises:
            UserError: a confinement is required that this machine does not offer.
        """
        faults = [prepared(one, self._host) for one in self._programs]
        return tuple(filter(None, faults))

    def close(self) -> None:
        """Remove what is left."""
        if self._folder is not None:
            self._folder.remove()

    def rule_for(self, path: str) -> int | None:
        """See `ports.Regenerator.rule_for`."""
        return next((number for number, spec in enumerate(self._specs) if spec.match_file(path)), None)

    def regenerate(self, rule: int, paths: Sequence[str], *, tree: Oid, make: WorkTreeMaker) -> Regenerated:
        """See `ports.Regenerator.regenerate`. The same tree is asked for once in a run."""
        asked = (rule, tree, tuple(paths))
        with self._lock:
            known = self._known.get(asked)
            mine: Future[Regenerated] | None = None
            if known is None:
                mine = known = self._known[asked] = Future()
        if mine is not None:
            try:
                with self._room:
                    mine.set_result(self._made(self._programs[rule], paths, tree, make))
            except BaseException as error:
                # The next attempt asks again: a full disk does not stay full.
                with self._lock:
                    del self._known[asked]
                mine.set_exception(error)
                raise
        return known.result()

    def _made(self, program: Program, paths: Sequence[str], tree: Oid, make: WorkTreeMaker) -> Regenerated:
        with self._lock:
            if self._folder is None:
                if left_in(self._home):
                    end_orphans()
                self._folder = ClaimedFolder(self._home, self._name)
            number = next(self._numbers)
        work = make(self._folder.path / str(number))
        until_then = ExitStack()
        try:
            hidden = self._host.hidden
            plan = replace(self._host.plan, network=program.network, pass_environment=program.pass_environment)
            confinement = confinement_for(plan, self._host.repository, environ=self._host.source)
            if hidden and not confinement.hides_files:
                fault = f"access.profiles hides files from it, {NEEDS_BUBBLEWRAP}"
                return Regenerated(contents={}, name=program.name, fault=fault)
            work.hold(tree)
            if hidden:
                work.hide(hidden)
            # Whatever the command puts in its place, files are read from this folder, by way of folders alone.
            tree_before = opened_folder(work.tree, until_then)
            objects = None if hidden else work.objects
            place = Place(work.root, work.tree, work.home, work.scratch, objects)
            check = CommandCheck(name=program.name, argv=program.command, timeout_s=program.timeout_s)
            if fault := fault_of_end(check, place, plan, confinement, self._host):
                return Regenerated(contents={}, name=program.name, fault=fault)
            found = {path: read_inside(tree_before, path, most_bytes=_LARGEST_BYTES) for path in paths}
            contents = {path: content for path, content in found.items() if content is not None}
            return Regenerated(contents=contents, name=program.name)
        finally:
            until_then.close()
            with suppress(OSError):
                work.remove()
