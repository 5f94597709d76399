"""Pushing verbs, kills, a person and a teammate in any order, held beside a model of the remote (edge cases 60, 65, 66).

Between two steps: every branch of the remote is where the model says (at before or at intended where a push was cut off),
what a teammate pushed is still its tip, the target moves by people alone, and no commit that the person kept private is on
the remote. GITALIGN_THOROUGH=1 goes through many more.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gitalign import facade
from gitalign.core.names import Oid
from gitalign.core.publication import Publication, PushState
from gitalign.core.report import Report
from gitalign.core.run import UNFINISHED
from gitalign.errors import UserError
from gitalign.store.journal import open_journal
from tests import warm
from tests.git.workspace import Workspace
from tests.machines import explore
from tests.remotes.conftest import Shared
from tests.runs import request

_NAMES = ("x", "y")


class Pushing(RuleBasedStateMachine):
    """A clone, its remote, a person, a teammate, and git-align."""

    source: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.theirs: dict[str, str] = {}
        self.private: set[str] = set()
        self.expected: dict[str, str] = {}
        self.cut_off = False
        self.commits = 0

    def teardown(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def begin(self) -> None:
        """A copy of the template: x and y are on the remote, and main has gone on."""
        shutil.copytree(self.source, self.folder, dirs_exist_ok=True, symlinks=True)
        work = Workspace(self.folder / "repo")
        work.git("remote", "set-url", "origin", f"file://{self.folder / 'remote.git'}")
        self.shared = Shared(work, self.folder / "remote.git")
        self.expected = self._there()

    # People.

    @rule(pushed=st.booleans())
    def the_target_goes_on(self, pushed: bool) -> None:
        """A commit on main, which the person pushes, or keeps for now."""
        self.shared.target_moves_on(pushed=pushed)
        self.private = set() if pushed else self.private | {self.shared.here("main")}
        self.expected["main"] = self.shared.there("main")

    @rule(name=st.sampled_from(_NAMES))
    def a_teammate_pushes(self, name: str) -> None:
        """A commit on a branch of the remote that the person has not seen."""
        if not self.cut_off:  # the model does not know on which of two commits it would be
            self.theirs[name] = self.expected[name] = self.shared.teammate_pushes(name)

    @rule(name=st.sampled_from(_NAMES))
    def the_person_commits(self, name: str) -> None:
        """A commit on a local branch, not pushed."""
        if self.cut_off:
            return
        self.commits += 1
        self.shared.work.switch(name)
        self.shared.work.commit("more", {f"more-{self.commits}": b"1\n"})
        self.shared.work.switch("main")

    @rule()
    def the_person_fetches(self) -> None:
        """Tracking refs move, which a lease on them would take for having seen it."""
        self.shared.work.git("fetch", "-q", "origin")

    # Verbs.

    @rule()
    def run(self) -> None:
        """A run that pushes nothing."""
        self._settle()
        self._note(self.shared.run())

    @rule()
    def run_and_push(self) -> None:
        """A run with `--push`."""
        self._settle()
        self._note(self.shared.run(push=True))

    @rule()
    def push(self) -> None:
        """What runs moved, and the remote does not have."""
        self._settle()
        self._note(self.shared.push())

    @rule()
    def undo_and_push(self) -> None:
        """`undo last --push`: with 0, what the run had pushed is where it was before."""
        self._settle()
        try:
            report = self.shared.undo("last", push=True)
        except UserError:
            return  # nothing to put back
        self._note(report)
        if report.exit_code() == 0 and report.run.undoes is not None:
            there = self._there()
            for one in self._publications(report.run.undoes):
                if one.push is PushState.PUSHED and one.remote_before is not None:
                    assert there[one.pushed_ref.removeprefix("refs/heads/")] == one.remote_before

    @rule(verb=st.sampled_from(("run-push", "push", "undo-push")), effect=st.integers(1, 20))
    def a_verb_is_killed(self, verb: str, effect: int) -> None:
        """By SIGKILL before an effect."""
        self._settle()
        done = warm.call("tests.engine.rehearsal:main", self.shared.work.path, verb, effect)
        assert done.returncode in (0, 1, -signal.SIGKILL), done.stderr
        if done.returncode == 1:
            assert "UserError" in done.stderr or "UnknownRun" in done.stderr, done.stderr  # an undo of nothing
        self.cut_off = True

    @rule()
    def resume(self) -> None:
        """What was cut off is finished; the remote is asked, and what the journal says is true of it."""
        self.cut_off = True
        self._settle()

    # What must hold between two steps.

    @invariant()
    def the_remote_is_where_it_may_be(self) -> None:
        """Exactly where the model says, and where something is cut off at one of two values."""
        for name, oid in self._there().items() if self.expected else ():
            allowed = {self.expected[name], *(self._intended(name) if self.cut_off else ())}
            assert oid in allowed, f"{name} stands at {oid}, allowed are {allowed}"

    @invariant()
    def what_a_teammate_pushed_is_there(self) -> None:
        """No verb overwrites a commit that git-align did not put there, seen or not."""
        if self.expected:
            there = self._there()
            assert all(there[name] == oid for name, oid in self.theirs.items())

    @invariant()
    def nothing_private_is_on_the_remote(self) -> None:
        """Commits of the target that the person has not pushed are in no branch of the remote."""
        if self.private:
            everything = self._git("rev-list", "--all").split()
            assert not self.private & set(everything)

    # How it is done.

    def _git(self, *words: str) -> str:
        return self.shared.work.git("--git-dir", str(self.shared.remote), *words)

    def _there(self) -> dict[str, str]:
        listed = self._git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in listed.splitlines())

    def _publications(self, run_id: str) -> tuple[Publication, ...]:
        with closing(open_journal(self.shared.work.path / ".git" / "gitalign" / "gitalign.db")) as journal:
            return journal.publications(run_id)

    def _intended(self, name: str) -> set[Oid]:
        """What runs meant to put there; only the newest can be under way."""
        return {
            one.pushed_oid
            for record in facade.runs(request(self.shared.work.path))[:2]
            for one in self._publications(record.id)
            if one.pushed_ref == f"refs/heads/{name}" and one.remote is not None
        }

    def _note(self, report: Report | None) -> None:
        """The remote has what the report says was pushed, and nothing else moved."""
        for one in report.publications if report is not None else ():
            if one.push is PushState.PUSHED:
                self.expected[one.pushed_ref.removeprefix("refs/heads/")] = one.pushed_oid

    def _settle(self) -> None:
        if not self.cut_off:
            return
        facade.resume(request(self.shared.work.path))
        there = self._there()
        records = facade.runs(request(self.shared.work.path))
        assert not any(one.state in UNFINISHED for one in records)
        seen: set[str] = set()
        for record in records[:2]:
            for one in self._publications(record.id):
                name = one.pushed_ref.removeprefix("refs/heads/")
                if one.remote is None or name in seen or name in self.theirs:
                    continue
                seen.add(name)
                if one.push is PushState.PUSHED:
                    assert there[name] == one.pushed_oid, f"{record.id} says that {name} was pushed"
                elif one.push in (PushState.NOT_PUSHED, PushState.REJECTED, PushState.HELD_BACK):
                    assert there[name] == self.expected[name], f"{record.id} says that {name} was not pushed"
        for name, oid in there.items():
            assert oid in {self.expected[name], *self._intended(name)}
        self.expected = there
        self.cut_off = False


@pytest.mark.timeout(1800)
def test_any_order_of_pushes_kills_and_people(template: Path) -> None:
    """Nothing a person or a teammate did is lost, nothing private leaves the clone, and reports are true of the remote."""
    Pushing.source = template
    explore(Pushing, few=(3, 8), many=(60, 16))
