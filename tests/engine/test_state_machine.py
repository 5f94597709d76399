"""Verbs, kills and a person's own git commands in any order, held beside a model (edge cases 33, 37, 38, 44, 53, 63 to 66).

The model knows where every branch may stand and which commits must still be there. Between two steps:
every ref is where the model says (at before or at after where a run was cut off), `main` moves by a person alone,
every work tree is what its branch holds plus what the person left there, and every object of a run that was not pruned
survives `git gc --prune=now`; the remote holds what was there, and what was pushed. A git may die alone, and the disk fill.
Every run of the tests takes other steps; GITALIGN_THOROUGH=1 takes many more.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gitalign import facade
from gitalign.core.names import is_zero
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.run import RunKind, RunState
from gitalign.errors import GitAlignError, UserError
from gitalign.store.journal import open_journal
from tests import needs, warm
from tests.engine.faults import FaultyGit
from tests.engine.filled import BALLAST
from tests.git.workspace import Workspace
from tests.machines import explore

IS_ROOT = os.geteuid() == 0
_CALLS = (
    ("update-ref", "killed before"),
    ("update-ref", "transaction killed when prepared"),
    ("update-ref", "transaction killed when committed"),
    ("read-tree", "killed before"),
    ("read-tree", "killed after"),
    ("read-tree", "killed while it writes"),
    ("pack-objects", "killed before"),
    ("index-pack", "killed after"),
    ("hash-object", "killed after"),
)
_TOPICS = ("topic/a", "topic/b", "stack/low", "stack/high", "desk")
_PERMIT = Permit(plan_id="*", given_by="test")
_MOVED = (MoveState.MOVED, MoveState.UNDONE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that every example begins with a copy of: topics, a stack, one branch that clashes with `main`."""
    place = Workspace(tmp_path_factory.mktemp("template") / "repo")
    place.commit("base", {"shared": b"one\ntwo\nthree\n", "keep": b"kept\n"})
    base = place.tip("main")
    for name in ("topic/a", "topic/b", "desk"):
        place.switch(name, base)
        place.commit(f"work of {name}", {f"of/{name}": b"first\n"})
    place.switch("stack/low", base)
    place.commit("low", {"of/low": b"low\n"})
    place.switch("stack/high", "stack/low")
    place.commit("high", {"of/high": b"high\n"})
    place.switch("main")
    place.commit("main goes on", {"of/main": b"0\n"})
    place.git("clone", "-q", "--bare", ".", str(place.path.parent / "remote.git"))
    place.git("remote", "add", "origin", "../remote.git")
    place.git("fetch", "-q", "origin")
    (place.path / ".git" / "gitalign").mkdir()
    (place.path / ".git" / "gitalign" / "config.yaml").write_text("alignment:\n  committer: preserve\n")
    return place.path.parent


class Alignment(RuleBasedStateMachine):
    """One repository, a person, and git-align."""

    source: Path

    def __init__(self) -> None:
        super().__init__()
        self.until_the_end = ExitStack()
        self.folder = self._disk()
        self.place = Workspace.__new__(Workspace)
        self.edits = 0
        self.cut_off = False
        self.dirty = False
        self.detached = False
        self.pruned: set[str] = set()

    def _disk(self) -> Path:
        """A folder; for root, who may mount, a small disk of its own."""
        folder = Path(self.until_the_end.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        if not IS_ROOT:
            return folder
        return self.until_the_end.enter_context(
            needs.mounted(folder / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs")
        )

    def teardown(self) -> None:
        """Remove the copy."""
        self.until_the_end.close()

    @initialize()
    def begin(self) -> None:
        """A copy of the template, with a linked work tree on `desk`."""
        shutil.copytree(self.source, self.folder, dirs_exist_ok=True, symlinks=True)
        self.faulty = FaultyGit(self.folder / "faulty")
        self.place.path = self.folder / "repo"
        self.place.executable = "git"
        self.place._minute = 100
        self.linked = self.folder / "linked"
        self.place.git("worktree", "add", "-q", str(self.linked), "desk")
        self.expected = self._tips()
        self.there = self._remote_tips()

    # A person's own commands.

    @rule(name=st.sampled_from(_TOPICS), clashes=st.booleans())
    def a_person_commits(self, name: str, clashes: bool) -> None:
        """A commit on a branch, in its work tree where it has one; not while a run is cut off, when it could stand at either value."""
        if self.cut_off:
            return
        if name == "desk" and not self.detached:
            if self.dirty:
                return
            self._edit(self.linked, clashes)
            self._in(self.linked, "add", "-A")
            self._in(self.linked, "commit", "-q", "-m", "a person's edit")
        else:
            self._commit_aside(name, clashes)
        self._note(name)

    @rule(clashes=st.booleans(), pushed=st.booleans())
    def the_target_goes_on(self, clashes: bool, pushed: bool) -> None:
        """A commit on `main`, which the main work tree holds, and which the person may push."""
        self._edit(self.place.path, clashes)
        self._in(self.place.path, "add", "-A")
        self._in(self.place.path, "commit", "-q", "-m", "main goes on")
        self._note("main")
        if pushed:
            self.place.git("push", "-q", "origin", "main")
            self.there["refs/heads/main"] = self.place.tip("main")

    @rule()
    def a_person_leaves_an_edit(self) -> None:
        """The linked work tree gets an edit of a tracked file that is not committed, or loses it again."""
        if self.cut_off:
            return
        if self.dirty:
            self._in(self.linked, "checkout", "-q", "--", "keep")
        else:
            (self.linked / "keep").write_text("not yet committed\n")
        self.dirty = not self.dirty

    @rule(name=st.sampled_from(_TOPICS))
    def a_person_takes_a_commit_back(self, name: str) -> None:
        """The last commit of a branch that no work tree holds, where it has one that is not the first."""
        if self.cut_off or (name == "desk" and not self.detached):
            return
        if int(self.place.git("rev-list", "--count", f"refs/heads/{name}")) > 2:
            self.place.git("branch", "-q", "-f", name, f"{name}~1")
            self._note(name)

    @rule()
    def a_person_switches(self) -> None:
        """The linked work tree leaves its branch, or comes back to it."""
        if self.cut_off or self.dirty:
            return
        self._in(self.linked, *(("switch", "-q", "desk") if self.detached else ("switch", "-q", "--detach")))
        self.detached = not self.detached

    @rule()
    def git_collects_garbage(self) -> None:
        """Whatever nothing refers to is gone at once."""
        self.place.git("gc", "--quiet", "--prune=now")

    # Verbs.

    @rule()
    def run(self) -> None:
        """A run to its end; it finishes first what was cut off."""
        before = self._settled()
        report = facade.run(self._request(), permit=_PERMIT)
        self._moved(before, self._publications(report.run.id))

    @rule(effect=st.integers(1, 16))
    def run_is_killed(self, effect: int) -> None:
        """A run that ends by SIGKILL before an effect."""
        before = self._settled()
        self._killed("run", effect)
        self._may_have_moved(before)

    @rule()
    def resume(self) -> None:
        """Whatever was cut off is finished: of every move, the branch is at before or after."""
        facade.resume(self._request())
        self.cut_off = False
        self._agree_with_journal()

    @rule()
    def undo_last(self) -> None:
        """`undo last` puts back what `runs` names as the last run that moved something and was not undone."""
        before = self._settled()
        wanted = self._undoable()  # rules have no preconditions: what a kill comes to is not the same every time
        if wanted is None:
            return
        undone = [one for one in self._publications(wanted) if one.state is MoveState.MOVED]
        report = facade.undo(self._request(), "last", permit=_PERMIT)
        assert report.run.undoes == wanted
        now = self._tips()
        for one in undone:
            held = one.update.ref == "refs/heads/desk" and self.dirty
            stood = before.get(one.update.ref) == one.update.after
            if stood and not held:
                assert now[one.update.ref] == one.update.before
        self._moved(before, self._publications(report.run.id))

    @rule(name=st.sampled_from(_TOPICS))
    def restore(self, name: str) -> None:
        """One branch goes back to where it was before the last run that moved it; where none did, nothing moves."""
        before = self._settled()
        try:
            report = facade.restore(self._request(), name, permit=_PERMIT)
        except UserError:
            return
        self._moved(before, self._publications(report.run.id))

    @rule()
    def push(self) -> None:
        """What runs moved goes to the remote, branch by branch, or stays here for a reason; no branch moves here."""
        before = self._settled()
        report = facade.push(self._request(), permit=Permit(plan_id="*", push=True, given_by="test"))
        self._pushed(report.publications if report is not None else ())
        self._moved(before, ())

    @rule(end=st.sampled_from(("killed before", "killed after")))
    def push_dies_alone(self, end: str) -> None:
        """`git push` ends by SIGKILL, before or after it acted, and git-align asks the remote."""
        before = self._settled()
        with self.faulty.going_wrong("push", end), suppress(GitAlignError):
            facade.push(self._request(), permit=Permit(plan_id="*", push=True, given_by="test"))
        for ref, oid in self._remote_tips().items():
            assert oid in (self.there[ref], before.get(ref)), ref
            self.there[ref] = oid
        self._may_have_moved(before)

    @rule(call=st.sampled_from(_CALLS), number=st.integers(1, 2), undoes=st.booleans())
    def a_git_dies_alone(self, call: tuple[str, str], number: int, undoes: bool) -> None:
        """A git of a run or an undo ends by SIGKILL, before, while or after it acted; git-align lives and decides by what is there."""
        before = self._settled()
        if undoes and self._undoable() is None:
            return
        with self.faulty.going_wrong(*call, number=number), suppress(GitAlignError):
            if undoes:
                facade.undo(self._request(), "last", permit=_PERMIT)
            else:
                facade.run(self._request(), permit=_PERMIT)
        self._may_have_moved(before)

    @rule(effect=st.integers(1, 16), left=st.sampled_from((0, 16, 64)), undoes=st.booleans())
    def the_disk_fills(self, effect: int, left: int, undoes: bool) -> None:
        """Before an effect of a run or an undo; there is room again afterwards."""
        before = self._settled()
        if undoes and self._undoable() is None:
            return
        words = ("undo", "last", "--yes") if undoes else ("run", "--yes")
        if IS_ROOT:
            done = warm.call(
                "tests.engine.filled:main", self.folder, left, effect, *words, "--quiet", cwd=self.place.path
            )
            (self.folder / BALLAST).unlink(missing_ok=True)
        else:
            with self.faulty.going_wrong("*", "no space", number=4 + effect):
                done = warm.run(*words, "--quiet", cwd=self.place.path, env={"PATH": os.environ["PATH"]})
        assert done.returncode in (0, 1, 3), done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        self._may_have_moved(before)

    @rule()
    def verify(self) -> None:
        """What the last run moved is proved again, wherever its branches stand by now."""
        self._settled()
        records = [one for one in facade.runs(self._request()) if one.id not in self.pruned]
        last = next((one for one in records if one.kind is RunKind.ALIGN and one.moved), None)
        if last is not None:
            assert all(one.holds for one in facade.verify(self._request(), last.id))

    @rule()
    def prune(self) -> None:
        """What old runs need is removed; they cannot be undone from then on, and no branch moves."""
        self._settled()
        facade.prune(self._request(), older_than_days=0)
        self.pruned |= {one.id for one in facade.runs(self._request())}

    @rule(effect=st.integers(1, 8))
    def undo_is_killed(self, effect: int) -> None:
        """An undo that ends by SIGKILL before an effect."""
        before = self._settled()
        if self._undoable() is None:
            return
        self._killed("undo", effect)
        self._may_have_moved(before)

    # What must hold between two steps.

    @invariant()
    def every_ref_is_where_it_may_be(self) -> None:
        """Exactly where the model says, and while something is cut off at one of two values."""
        if not hasattr(self, "expected"):
            return
        now = self._tips()
        assert now.keys() == self.expected.keys()
        for ref, oid in now.items():
            allowed = {self.expected[ref]}
            if self.cut_off:
                allowed |= {
                    oid
                    for record in facade.runs(self._request())[:3]
                    for one in self._publications(record.id)
                    if one.update.ref == ref
                    for oid in (one.update.before, one.update.after)
                }
            assert oid in allowed, f"{ref} stands at {oid}, allowed are {allowed}"

    @invariant()
    def the_remote_is_where_it_may_be(self) -> None:
        """Nothing is pushed but by those who push, and nothing there is lost."""
        if hasattr(self, "expected"):
            assert self._remote_tips() == self.there

    @invariant()
    def every_object_is_there(self) -> None:
        """git can walk all of history, and every run can be undone."""
        if not hasattr(self, "expected"):
            return
        said = self.place.git("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        assert "missing" not in said, said
        assert "broken" not in said, said
        wanted = {
            oid
            for record in facade.runs(self._request())
            if record.id not in self.pruned
            for one in self._publications(record.id)
            if one.state in _MOVED
            for oid in (one.update.before, one.update.after)
            if not is_zero(oid)
        }
        if wanted:
            answers = self.place.git("cat-file", "--batch-check", stdin="\n".join(sorted(wanted)).encode())
            assert "missing" not in answers, answers

    @invariant()
    def every_work_tree_is_whole(self) -> None:
        """A work tree differs from its branch in what the person left there, and in nothing else."""
        if not hasattr(self, "expected") or self.cut_off:
            return
        assert self._in(self.place.path, "status", "--porcelain") == ""
        assert self._in(self.linked, "status", "--porcelain") == (" M keep" if self.dirty else "")
        assert self._in(self.linked, "rev-parse", "--symbolic-full-name", "HEAD") == (
            "HEAD" if self.detached else "refs/heads/desk"
        )

    # How it is done.

    def _pushed(self, publications: Sequence[Publication]) -> None:
        now = self._remote_tips()
        for one in publications:
            if one.push in (PushState.PUSHED, PushState.UP_TO_DATE):
                assert now[one.pushed_ref] == one.pushed_oid
                self.there[one.pushed_ref] = now[one.pushed_ref]
        assert now == self.there

    def _remote_tips(self) -> dict[str, str]:
        words = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
        listed = self.place.git("--git-dir", str(self.folder / "remote.git"), *words)
        return dict(line.split(" ") for line in listed.splitlines())

    def _request(self) -> facade.Request:
        return facade.Request(repo=self.place.path, overrides={"alignment.committer": "preserve"})

    def _settled(self) -> dict[str, str]:
        """Where branches stand; what was cut off is finished first, as every verb would."""
        if self.cut_off:
            self.resume()
        return self._tips()

    def _undoable(self) -> str | None:
        if not hasattr(self, "expected"):
            return None
        for record in facade.runs(self._request()):
            if any(one.state is MoveState.MOVED for one in self._publications(record.id)):
                return None if record.id in self.pruned else record.id
        return None

    def _publications(self, run_id: str) -> tuple[Publication, ...]:
        with closing(open_journal(self.place.path / ".git" / "gitalign" / "gitalign.db")) as journal:
            return journal.publications(run_id)

    def _moved(self, before: dict[str, str], publications: tuple[Publication, ...]) -> None:
        """Branches of moves that were made are at after, all others where they were."""
        after = {one.update.ref: one.update.after for one in publications if one.state is MoveState.MOVED}
        for one in publications:
            assert before[one.update.ref] == one.update.before or one.state is not MoveState.MOVED
        self.expected = {ref: after.get(ref, oid) for ref, oid in before.items()}
        self.cut_off = False

    def _may_have_moved(self, before: dict[str, str]) -> None:
        self.expected = before
        self.cut_off = any(
            record.state in (RunState.INTEGRATING, RunState.PUBLISHING) for record in facade.runs(self._request())
        )
        if not self.cut_off:
            self._agree_with_journal()

    def _agree_with_journal(self) -> None:
        """Where the newest run that speaks of a branch left it, if nothing but that run moved it since."""
        last: dict[str, Publication] = {}
        for record in reversed(facade.runs(self._request())):
            for one in self._publications(record.id):
                last[one.update.ref] = one
        now = self._tips()
        for ref, one in last.items():
            if self.expected[ref] in (one.update.before, one.update.after):
                assert now[ref] in (one.update.before, one.update.after)
                self.expected[ref] = now[ref]

    def _killed(self, verb: str, effect: int) -> None:
        done = warm.call("tests.engine.rehearsal:main", self.place.path, verb, effect)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr

    def _commit_aside(self, name: str, clashes: bool) -> None:
        """A commit on a branch that no work tree holds, as a person's other clone would push it."""
        desk = self.folder / "aside"
        self.place.git("worktree", "add", "-q", str(desk), name)
        self._edit(desk, clashes)
        self._in(desk, "add", "-A")
        self._in(desk, "commit", "-q", "-m", "a person's edit")
        self.place.git("worktree", "remove", "--force", str(desk))

    def _edit(self, where: Path, clashes: bool) -> None:
        self.edits += 1
        name = "shared" if clashes else f"of/edit-{self.edits}"
        (where / name).parent.mkdir(exist_ok=True)
        (where / name).write_text(f"edit {self.edits}\n")

    def _note(self, name: str) -> None:
        self.expected[f"refs/heads/{name}"] = self.place.tip(f"refs/heads/{name}")

    def _tips(self) -> dict[str, str]:
        listed = self.place.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in listed.splitlines() if not line.startswith("refs/heads/backup-"))

    def _in(self, where: Path, *words: str) -> str:
        other = Workspace.__new__(Workspace)
        other.path, other.executable, other._minute = where, "git", 100 + self.edits
        return other.git(*words)


@pytest.mark.timeout(1800)
def test_any_order_of_verbs_kills_and_commands(template: Path) -> None:
    """Every ref at before or intended, every work tree whole, every object there, `undo last` does what `runs` says."""
    warm.get_ready()
    Alignment.source = template
    explore(Alignment, few=(4, 10), many=(150, 20))
