"""A task's tree: its own git directory, what is brought home of it, and what it cannot reach."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from gitalign.batches.planning.tasks import Setup, Task
from gitalign.batches.running.foreign_head import OddGitDirectory, read_foreign_refs
from gitalign.batches.running.pool import Slot, TreePool, prepared_key
from gitalign.batches.running.run_task import (
    Attempt,
    AttemptEnd,
    TaskPlace,
    run_attempt,
    run_setup,
    task_environment,
)
from gitalign.batches.running.setup_files import entries_of, entry_of
from gitalign.batches.running.snapshot import Seen, bring_home, commit_files, look, release
from gitalign.batches.running.task_log import TaskLog
from gitalign.core.names import WIP_PREFIX, Oid, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.errors import GitError
from gitalign.git.refs import RefUpdater
from tests.batches.trees import World, a_place, make_world, world
from tests.histories import git

__all__ = ["world"]

IDENT = b"O Perator <operator@example.org> 1700000000 +0000"


def a_slot(world: World) -> Slot:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    return slot


def run(world: World, slot: Slot, script: str, place: TaskPlace | None = None, **more: object) -> Attempt:
    task = Task(id="t", argv=("/bin/sh", "-c", script), **more)  # type: ignore[arg-type]
    with TaskLog(slot.folder / "log") as log:
        return run_attempt(task, slot.tree, place or a_place(world), log, lambda: False)


def bring(world: World, slot: Slot, tip: Oid) -> None:
    keep = bring_home(world.repository, slot.tree, tip, batch_id="20261127-180000-abcdef")
    door = RefUpdater(world.repository, forbidden=frozenset(), message="test")
    try:
        update = RefUpdate(ref=f"{WIP_PREFIX}b/t", before=zero_like(tip), after=tip)
        assert door.move_own([update]) is None
    finally:
        door.close()
    release(keep)


def test_a_task_commits_in_its_own_repository_and_the_commits_are_brought_home(world: World) -> None:
    before = world.refs()
    slot = a_slot(world)
    script = "echo new > new.txt && git add new.txt && git commit -qm 'New file' && git branch side && git stash list"
    assert run(world, slot, script).end is AttemptEnd.SUCCEEDED
    assert world.refs() == before
    seen = look(slot.tree)
    assert (seen.is_dirty, seen.nested, seen.fault, seen.others) == (False, (), "", ())
    assert seen.head != world.tip
    bring(world, slot, seen.head)
    assert world.git("show", "--format=%s|%an|%cn", "--name-only", f"{WIP_PREFIX}b/t").split() == [
        "New", "file|O", "Perator|O", "Perator", "new.txt",
    ]  # fmt: skip
    assert world.git("rev-parse", f"{WIP_PREFIX}b/t~1") == world.tip
    assert list((world.path / ".git/objects/pack").glob("*.keep")) == []
    world.git("gc", "-q", "--prune=now")
    world.git("fsck", "--strict")
    slot.release()


def test_uncommitted_changes_are_snapshotted_without_touching_the_tasks_index(world: World) -> None:
    slot = a_slot(world)
    script = "echo more >> a.txt; echo staged > s.txt; git add s.txt; echo x > untracked; echo i > i.log; rm src/b.txt"
    run(world, slot, script)
    index = (slot.tree.task_git_dir / "index").read_bytes()
    seen = look(slot.tree)
    assert seen.is_dirty
    assert seen.head == world.tip
    tip = commit_files(slot.tree, seen, message="wip\n", ident=IDENT)
    bring(world, slot, tip)
    assert (slot.tree.task_git_dir / "index").read_bytes() == index
    named = world.git("diff", "--name-status", "main", f"{WIP_PREFIX}b/t").split()
    assert named == ["M", "a.txt", "A", "s.txt", "D", "src/b.txt", "A", "untracked"]
    again = look(slot.tree)
    assert again == seen
    slot.release()


def test_what_other_refs_and_the_stash_of_a_task_hold_is_seen(world: World) -> None:
    slot = a_slot(world)
    script = (
        "git checkout -q -b work && echo 1 > one && git add one && git commit -qm one && git checkout -q --detach main~0 2>/dev/null;"
        "git checkout -q --detach HEAD~1; echo 2 >> a.txt && git stash -q && echo 3 >> a.txt && git stash -q && git pack-refs --all"
    )
    assert run(world, slot, script).end is AttemptEnd.SUCCEEDED
    seen = look(slot.tree)
    assert seen.head == world.tip
    assert len(seen.others) == 3
    tip = commit_files(slot.tree, seen, message="wip\n", ident=IDENT, parents=seen.others)
    bring(world, slot, tip)
    subjects = world.git("log", "--format=%s", f"{WIP_PREFIX}b/t").splitlines()
    assert "one" in subjects
    assert sum(subject.startswith("WIP on") for subject in subjects) == 2
    slot.release()


def test_nested_repositories_are_named_and_left_out(world: World) -> None:
    slot = a_slot(world)
    run(world, slot, "git init -q empty; git init -q full && cd full && echo x > x && git add x && git commit -qm x")
    seen = look(slot.tree)
    assert seen.nested == ("empty", "full")
    assert not seen.is_dirty
    slot.release()


HOSTILE = {
    "hooks": "printf '#!/bin/sh\\ntouch {canary}\\n' > .git/hooks/post-index-change; chmod +x .git/hooks/*; git config core.hooksPath .git/hooks",
    "fsmonitor": "git config core.fsmonitor 'touch {canary}'",
    "filter": "git config filter.x.clean 'touch {canary}; cat'; echo '* filter=x' > .gitattributes; echo y > y",
    "textconv": "git config diff.external 'touch {canary}'; git config core.pager 'touch {canary}'",
    "include": "git config include.path /dev/zero",
    "alternates": "echo /nonexistent > .git/objects/info/alternates",
    "index": "rm .git/index; mkfifo .git/index",
    "config": "rm .git/config; mkfifo .git/config",
    "attributes": "git config core.attributesFile {canary}; mkdir -p .git/info; echo '* filter=x' > .git/info/attributes",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_a_task_writes_into_its_git_directory_runs_or_counts(
    world: World, tmp_path: Path, name: str
) -> None:
    slot = a_slot(world)
    canary = tmp_path / "canary"
    run(world, slot, HOSTILE[name].replace("{canary}", str(canary)) + "; rm -f " + str(canary) + "; echo more >> a.txt")
    seen = look(slot.tree)
    assert seen.is_dirty
    bring(world, slot, commit_files(slot.tree, seen, message="wip\n", ident=IDENT))
    slot.tree.start_from(world.tip)
    assert not canary.exists()
    assert look(slot.tree).is_untouched
    slot.release()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("rm -rf .git; ln -s /etc .git", "link or file stands in the place of .git"),
        ("rm -rf .git", "its git directory is gone"),
        ("echo 'ref: refs/../../x' > .git/HEAD", "HEAD of its git directory names no ref"),
        ("rm .git/HEAD; mkfifo .git/HEAD", "HEAD of its git directory is not a plain file"),
        ("rm .git/HEAD; ln -s /etc/passwd .git/HEAD", "HEAD of its git directory cannot be read"),
        ("echo ref: refs/heads/a > .git/HEAD; echo ref: refs/heads/a > .git/refs/heads/a", "names itself"),
        ("mv .git/refs ../tmp/r; ln -s / .git/refs", "in the place of refs"),
    ],
)
def test_an_odd_git_directory_is_a_fault_and_the_files_still_count(world: World, script: str, words: str) -> None:
    slot = a_slot(world)
    run(world, slot, f"echo more >> a.txt; {script}")
    with pytest.raises(OddGitDirectory, match=words):
        read_foreign_refs(slot.tree.task_git_dir)
    seen = look(slot.tree)
    assert words in seen.fault
    assert seen.is_dirty
    slot.release()


def test_a_head_that_names_nothing_or_no_commit_is_a_fault(world: World) -> None:
    slot = a_slot(world)
    for oid in ("1" * 40, world.git("rev-parse", "main^{tree}")):
        (slot.tree.task_git_dir / "HEAD").write_text(f"{oid}\n")
        seen = look(slot.tree)
        assert f"its HEAD names {oid[:12]}" in seen.fault
        assert seen.head == world.tip
    slot.release()


def test_an_object_that_is_not_what_its_id_says_comes_into_no_repository(world: World) -> None:
    slot = a_slot(world)
    run(world, slot, "echo good > f && git add f && git commit -qm good")
    seen = look(slot.tree)
    blob = git(slot.tree.tree, "rev-parse", "HEAD:f")
    lie = git(slot.tree.tree, "hash-object", "-w", "--stdin", stdin=b"evil\n")
    objects = slot.tree.task_git_dir / "objects"
    place = objects / blob[:2] / blob[2:]
    place.chmod(0o600)
    place.write_bytes((objects / lie[:2] / lie[2:]).read_bytes())
    before = world.refs()
    with pytest.raises(GitError):
        bring_home(world.repository, slot.tree, seen.head, batch_id="x")
    assert world.refs() == before
    slot.release()


def test_a_tree_with_a_path_into_a_git_directory_is_refused(world: World) -> None:
    """As `git fsck` does: checked out, it would configure the user's git."""
    slot = a_slot(world)
    script = (
        "b=$(echo x | git hash-object -w --stdin); "
        "t=$(printf '100644 blob %s\\tconfig\\n' $b | git mktree); "
        "r=$(printf '040000 tree %s\\t.git\\n' $t | git mktree); "
        "git update-ref --no-deref HEAD $(git commit-tree -p HEAD -m evil $r)"
    )
    assert run(world, slot, script).end is AttemptEnd.SUCCEEDED
    seen = look(slot.tree)
    with pytest.raises(GitError):
        bring_home(world.repository, slot.tree, seen.head, batch_id="x")
    slot.release()


def test_a_task_sees_no_remote_no_ref_no_stash_and_no_configuration_of_the_repository(world: World) -> None:
    world.git("remote", "add", "origin", "https://example.org/x")
    world.git("config", "alias.pwn", "!touch /tmp/pwn")
    (world.path / "a.txt").write_text("stashed\n")
    world.git("stash")
    slot = a_slot(world)
    done = run(
        world,
        slot,
        "git remote; git for-each-ref; git stash list; git config --get-all alias.pwn; git push origin HEAD; :",
    )
    assert done.end is AttemptEnd.SUCCEEDED
    output = [line for line in (slot.folder / "log").read_text().splitlines() if not line.startswith("[git-align]")]
    assert output[0].startswith("fatal: 'origin' does not appear to be a git repository")
    assert len(world.git("stash", "list").splitlines()) == 1
    slot.release()


def test_no_prompt_waits_for_a_person(world: World) -> None:
    slot = a_slot(world)
    script = "git commit --allow-empty; echo $?; git rebase -i --root; echo $?; cat; ls -l /dev/tty >/dev/null; cat < /dev/tty; echo $?"
    assert run(world, slot, script, timeout_s=20.0).end is AttemptEnd.SUCCEEDED
    slot.release()


@pytest.mark.parametrize("confinement", ["none", "require"])
def test_everything_a_task_starts_ends_with_it(world: World, confinement: str) -> None:
    slot = a_slot(world)
    script = "trap '' TERM INT HUP; (setsid sh -c 'echo $$ > pid; sleep 300' </dev/null >/dev/null 2>&1 &); while [ ! -s pid ]; do :; done; sleep 300"
    done = run(world, slot, script, a_place(world, confinement), timeout_s=1.0)
    assert done.end is AttemptEnd.FAILED
    assert "no end after 1 s" in done.reason
    alive = subprocess.run(["pgrep", "-f", "^sleep 300$"], capture_output=True, text=True, check=False).stdout.split()
    ours = [pid for pid in alive if os.path.realpath(f"/proc/{pid}/cwd") == os.path.realpath(slot.tree.tree)]
    assert ours == []
    slot.release()


def test_the_repository_is_out_of_reach_when_a_task_is_confined(world: World) -> None:
    slot = a_slot(world)
    place = a_place(world, "require")
    if place.confinement.name != "bubblewrap":
        pytest.skip("needs bubblewrap")
    git_dir = world.path / ".git"
    script = f"echo evil > {git_dir}/HEAD; rm -rf {git_dir}/refs; echo x > {slot.folder}/git/HEAD; git log --format=%s; echo ok > made"
    assert run(world, slot, script, place).end is AttemptEnd.SUCCEEDED
    assert world.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert (slot.folder / "git/HEAD").read_text().startswith("ref: ")
    assert look(slot.tree).is_dirty
    slot.release()


def test_a_task_that_replaces_its_tree_is_noticed(world: World) -> None:
    slot = a_slot(world)
    run(world, slot, "cd .. && mv tree other && ln -s / tree")
    assert not slot.tree.is_in_place
    slot.tree.start_from(world.tip)
    assert slot.tree.is_in_place
    assert (slot.tree.tree / "a.txt").read_text() == "a\n"
    slot.release()


def test_the_environment_is_a_list_of_names(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET", "secret")
    monkeypatch.setenv("GIT_DIR", str(world.path / ".git"))
    place = a_place(world)
    seen = task_environment(Task(id="t", title="T", environment=("MY_TOKEN",), variables={"LEVEL": "3"}), place)
    assert seen["MY_TOKEN"] == "secret"
    assert seen["LEVEL"] == "3"
    assert "AWS_SECRET" not in seen
    assert "GIT_DIR" not in seen
    assert seen["GITALIGN_TASK"] == "t"
    assert seen["GIT_EDITOR"] == "false"


def test_trees_are_reused_and_stay_warm_for_the_same_set_up(world: World) -> None:
    setup = Setup(argv=("/bin/sh", "-c", "mkdir node_modules; echo made >> node_modules/x"), keep=("node_modules/",))
    task = Task(id="t", argv=("true",), setup=setup)
    slot = a_slot(world)
    key = prepared_key(setup.argv, {"package-lock.json": None})
    with TaskLog(slot.folder / "log") as log:
        assert run_setup(setup, task, slot.tree, a_place(world), log, lambda: False).end is AttemptEnd.SUCCEEDED
    slot.write(prepared=key, keep=setup.keep)
    slot.release()
    other = world.pool.take("another")
    assert other.number == 1
    other.release()
    again = world.pool.take(key)
    assert (again.number, again.note.prepared) == (0, key)
    (again.tree.tree / "left").write_text("x")
    again.tree.start_from(world.tip, keep=again.note.keep)
    assert (again.tree.tree / "node_modules/x").read_text() == "made\n"
    assert not (again.tree.tree / "left").exists()
    again.tree.start_from(world.tip)
    assert not (again.tree.tree / "node_modules").exists()
    again.release()
    assert key != prepared_key(setup.argv, {"package-lock.json": b"other"})


def test_a_failure_of_git_is_not_a_commit_without_the_lock_file(world: World) -> None:
    """What was prepared without a lock file would be used again for a commit that has one."""
    git(world.path, "checkout", "-q", "--detach")
    (world.path / "sub").mkdir()
    (world.path / "sub" / "a lock").write_text("1\n")
    git(world.path, "add", ".")
    git(world.path, "commit", "-q", "-m", "lock")
    tip = Oid(git(world.path, "rev-parse", "HEAD").strip())
    ours = world.repository.git
    assert entry_of(ours, world.tip, "sub/a lock") is None
    entry = entry_of(ours, tip, "./sub/a lock")
    assert entry == entry_of(ours, tip, "sub/a lock")
    assert entry is not None
    assert [entry_of(ours, tip, path) for path in ("../sub/a lock", "/sub/a lock", ".", "sub/*")] == [None] * 4
    folder = git(world.path, "rev-parse", f"{tip}:sub").strip()
    (world.path / ".git" / "objects" / folder[:2] / folder[2:]).unlink()
    with pytest.raises(GitError):
        entry_of(ours, tip, "sub/a lock")


def test_a_pattern_of_a_set_up_names_every_file_that_it_matches(world: World) -> None:
    """Read as a plain path, a pattern named nothing: a change of a lock file left the old products in use."""
    git(world.path, "checkout", "-q", "--detach")
    ours, wild = world.repository.git, ("**/Cargo.lck", "*.lock", "app/[id]/x")
    tips = [world.tip]
    for name in ("Cargo.lck", "web/Cargo.lck", "web/deep/yarn.lock", "app/[id]/x", "other"):
        (world.path / name).parent.mkdir(parents=True, exist_ok=True)
        (world.path / name).write_text(f"{name}\n")
        git(world.path, "add", ".")
        git(world.path, "commit", "-q", "-m", name)
        tips.append(Oid(git(world.path, "rev-parse", "HEAD").strip()))
    seen = [entries_of(ours, tip, wild) for tip in tips]
    assert seen[0] == dict.fromkeys(wild)
    changes = [[name for name in wild if old[name] != new[name]] for old, new in pairwise(seen)]
    assert changes == [[wild[0]], [wild[0]], [wild[1]], [wild[2]], []]
    assert len({prepared_key(("npm", "ci"), one) for one in seen}) == 5


def test_a_slot_in_use_or_with_work_is_never_taken_or_removed(world: World) -> None:
    first, second = world.pool.take(""), world.pool.take("")
    assert (first.number, second.number) == (0, 1)
    assert not world.pool.remove(0)
    first.write(batch_id="b", task_id="t", base=world.tip)
    first.release()
    assert [view.number for view in world.pool.orphans()] == [0]
    assert world.pool.take("").number == 2
    assert not world.pool.remove(0)
    second.release()
    with subprocess.Popen(["sleep", "60"], cwd=world.pool.root / "slot-1") as living:
        assert not world.pool.remove(1)
        living.kill()
    assert world.pool.remove(1)
    (world.pool.root / "slot-0/slot.json").write_text("{")
    assert world.pool.slots()[0].note.holds_work


def test_another_process_finds_the_tree_as_it_was_left(world: World) -> None:
    slot = a_slot(world)
    slot.write(batch_id="b", task_id="t", base=world.tip)
    run(world, slot, "echo more >> a.txt; echo x > new; git add new; git commit -qm new; echo y > newer")
    slot.release()
    pool = TreePool(world.repository, world.pool.root)
    orphan = pool.hold(0)
    assert orphan is not None
    orphan.tree.adopt(Oid(orphan.note.base))
    seen: Seen = look(orphan.tree)
    assert seen.is_dirty
    assert seen.head != world.tip
    assert git(orphan.tree.tree, "status", "--porcelain") == " M a.txt\n?? newer"
    orphan.release()


def test_line_ends_and_attributes_are_those_of_the_repository(tmp_path: Path) -> None:
    world = make_world(tmp_path, {".gitattributes": "*.txt text eol=crlf\n", "a.txt": "a\n"})
    slot = a_slot(world)
    assert (slot.tree.tree / "a.txt").read_bytes() == b"a\r\n"
    assert look(slot.tree).is_untouched
    assert git(slot.tree.tree, "status", "--porcelain") == ""
    slot.release()


def test_a_log_keeps_beginning_and_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TaskLog(path, most_bytes=10) as log:
        log.write(b"0123456")
        log.write(b"789abc")
        for _ in range(3):
            log.write(b"x" * 1024 * 1024)
        log.write(b"end")
    content = path.read_bytes()
    assert content.startswith(b"0123456789\n[git-align] ... ")
    assert content.endswith(b"xend")
    assert len(content) < 2 * 1024 * 1024 + 100
