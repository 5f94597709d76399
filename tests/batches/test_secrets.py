"""Secrets of tasks: by reference in, never out again; in no log, state or result."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitalign.batches.planning.read_tasks import read_task_list
from gitalign.batches.planning.task_list_format import document_of
from gitalign.batches.planning.tasks import Exposure, Need, SecretReference, Setup, TaskListError
from gitalign.batches.running import leaks
from gitalign.batches.running.redaction import Mask, forms_of
from gitalign.batches.running.run_task import AttemptEnd, run_attempt
from gitalign.batches.running.secrets import SecretUnavailable
from gitalign.batches.running.state import Status, result_ref, wip_ref
from gitalign.batches.running.task_log import TaskLog
from tests import needs
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.test_batch_landing import lander
from tests.batches.trees import World, a_place, world

__all__ = ["world"]

SECRET = "s3cr3t/Token+with=odd signs"
KEY = f"-----BEGIN KEY-----\n{'QUJD' * 16}\n{'REVG' * 16}\n-----END KEY-----\n"


@pytest.fixture
def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("THE_SECRET", SECRET)
    return Bench.at(world)


def secret(name: str = "TOKEN", **source: Any) -> SecretReference:
    return SecretReference(name=name, **(source or {"environment": "THE_SECRET"}))


# --- the mask


@example(["aab", "aabaab"], ["aab", "aa", "bx"])
@given(
    st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=4),
    st.lists(st.text("abc", max_size=7), max_size=8),
)
def test_a_secret_is_masked_however_output_is_cut(secrets: list[str], pieces: list[str]) -> None:
    forms = [one.encode() for one in secrets]
    mask = Mask(forms)
    streamed = b"".join(mask.feed(piece.encode()) for piece in pieces) + mask.rest()
    assert streamed == Mask(forms).whole("".join(pieces).encode())


def test_what_cannot_be_the_beginning_of_a_secret_is_written_at_once() -> None:
    mask = Mask([b"secret-value"])
    assert mask.feed(b"progress 10 %\n") == b"progress 10 %\n"
    assert mask.feed(b"sec") == b""
    assert mask.feed(b"ond\n") == b"second\n"
    assert (mask.feed(b"x secret-"), mask.feed(b"value y")) == (b"x ", b"*** y")


@given(
    st.binary(max_size=7), st.text(min_size=8).filter(lambda one: len(one.strip().encode()) >= 8), st.binary(max_size=7)
)
def test_every_form_is_known(before: bytes, value: str, behind: bytes) -> None:
    data = value.strip().encode()
    whole = before + data + behind
    forms = forms_of(data)
    for written in (whole, whole.hex().encode(), base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        assert any(form in written for form in forms)


def test_lines_of_a_key_are_secrets_and_its_headings_are_not() -> None:
    forms = forms_of(KEY.encode())
    assert b"QUJD" * 16 in forms
    assert KEY.strip().encode() in forms
    assert not any(form == b"-----BEGIN KEY-----" for form in forms)


# --- given to a task, and to nothing else


def everything_kept(bench: Bench) -> bytes:
    """All that a run leaves in the git directory and beside the trees, but for objects; the trees are the tasks' own."""
    folders = (bench.world.repository.state_dir, bench.world.pool.root)
    files = [one for folder in folders for one in folder.rglob("*") if one.is_file() and "work" not in one.parts]
    assert files
    return b"".join(one.read_bytes() for one in files)


def test_a_task_finds_its_secrets_and_nothing_keeps_them(bench: Bench, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    printed = f"printed by {SECRET}"
    script = (
        'test "$(stat -c %a "$KEY_FILE") $(stat -c %a "$GITALIGN_SECRETS")" = "600 700" || exit 9; '
        f'cmp "$KEY_FILE" {key} || exit 8; '
        'test -z "$TOKEN_FILE" -a -n "$TOKEN" -a -z "$KEY" || exit 7; test "$(cat "$PRINTED_FILE")" = "$PRINTED" || exit 6; '
        'printf "token=%s key=" "$TOKEN"; cat "$KEY_FILE"; printf %s "$TOKEN" | base64; echo "$PRINTED" >&2; '
        "echo done > result"
    )
    run = bench.run(
        sh(
            "a",
            script,
            setup=Setup(argv=("/bin/sh", "-c", 'env; test -z "$TOKEN$KEY_FILE"')),
            verify=("/bin/sh", "-c", 'echo "$TOKEN"; exit 3'),
            secrets=(
                secret("TOKEN", environment="THE_SECRET", expose=Exposure.VARIABLE),
                secret("KEY", file=str(key)),
                secret("PRINTED", command=("sh", "-c", 'echo "printed by $THE_SECRET"'), expose=Exposure.BOTH),
            ),
        ),
    )
    task = run.tasks["a"]
    assert (task.status, task.reason) == (Status.FAILED, "verification: exit 3")
    log = bench.log("a")
    assert "token=*** key=***\n" in log
    assert log.count("***") >= 5
    assert SECRET not in log
    (slot,) = bench.world.pool.slots()
    kept = everything_kept(bench) + repr(bench.heard).encode()
    for value in (SECRET.encode(), printed.encode(), b"QUJDQUJD", base64.b64encode(SECRET.encode())):
        assert value not in kept
    assert not (slot.folder / "secrets").exists()


def test_a_confined_task_reads_its_secrets_and_cannot_change_them(world: World) -> None:
    place = replace(a_place(world), confinement=needs.bubblewrap(Path(world.repository.common_dir)))
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    slot.tree.put_secrets({"TOKEN": SECRET.encode()})
    variables = {"TOKEN_FILE": str(slot.tree.secrets / "TOKEN")}
    script = 'cat "$TOKEN_FILE" > copy; echo x > "$TOKEN_FILE" || rm "$TOKEN_FILE" || touch "${TOKEN_FILE}2" || exit 5'
    log = TaskLog(world.path.parent / "task.log")
    done = run_attempt(sh("a", script), slot.tree, replace(place, secrets=variables), log, lambda: False)
    assert (done.end, done.exit_code) == (AttemptEnd.FAILED, 5)
    assert (slot.tree.tree / "copy").read_text() == (slot.tree.secrets / "TOKEN").read_text() == SECRET
    log.close()
    slot.release()


def test_secrets_of_a_killed_run_are_deleted_by_resume(bench: Bench) -> None:
    bench.new(sh("a", "cat $TOKEN_FILE > /dev/null; echo a > a", secrets=(secret(),)))
    assert killed_at("task", lambda checkpoint: bench.resume(checkpoint=checkpoint))
    (slot,) = bench.world.pool.slots()
    kept = slot.folder / "secrets/TOKEN"
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (SECRET, 0o600)
    run = bench.resume()
    assert run.tasks["a"].status is Status.COMPLETED
    assert not kept.parent.exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"environment": "NO_SUCH_VARIABLE"}, "the variable NO_SUCH_VARIABLE is not set"),
        ({"file": "/no/such/file"}, "cannot read /no/such/file"),
        ({"command": ("false",)}, "false: exit 1"),
        ({"command": ("no-such-program",)}, "no-such-program: No such file or directory"),
        ({"command": ("echo", "short")}, "fewer than 8 bytes"),
        ({"command": ("printf", r"12345678\0"), "expose": Exposure.VARIABLE}, "a NUL byte"),
    ],
)
def test_a_secret_that_cannot_be_had_ends_a_run_before_it_begins(
    bench: Bench, source: dict[str, Any], words: str
) -> None:
    with pytest.raises(SecretUnavailable, match="secret TOKEN: ") as caught:
        bench.run(sh("a", "true", secrets=(secret(**source),)))
    assert words in str(caught.value)
    assert bench.heard == []
    assert bench.store.read("last").tasks["a"].status is Status.PENDING


# --- searched for in results


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ('cp "$TOKEN_FILE" config.env', "config.env"),
        ('mkdir -p deep/er; base64 -w 0 < "$TOKEN_FILE" > deep/er/b64', "deep/er/b64"),
        ('(printf "x"; cat "$TOKEN_FILE") | od -An -v -tx1 | tr -d " \\n" > hex', "hex"),
        ('echo ok > a; git add a; git commit -qm "with $(cat "$TOKEN_FILE")"', "commit "),
        ('echo ok > a; git add a; git commit -qm ok --author "$(cat "$TOKEN_FILE") <a@example.org>"', "commit "),
        (
            'cat "$TOKEN_FILE" > gone; git add gone; git commit -qm one; git rm -q gone; echo b > b; git add b; git commit -qm two',
            "gone",
        ),
    ],
)
def test_a_result_that_holds_a_secret_does_not_land(bench: Bench, script: str, place: str) -> None:
    before = bench.world.refs()
    run = bench.run(sh("a", script, secrets=(secret(),)), sh("b", "echo b > from-b"))
    task = run.tasks["a"]
    assert (task.status, task.result) == (Status.FAILED, None)
    assert task.reason.startswith("its result holds secrets and cannot land: TOKEN in ")
    assert place in task.reason
    (leak,) = task.leaks
    assert (leak.secret, leak.place.startswith(place)) == ("TOKEN", True)
    assert run.batches[0].status is Status.FAILED
    assert run.tasks["b"].status is Status.COMPLETED
    refs = {line.split()[0] for line in bench.world.refs()}
    assert result_ref(BATCH, "a") not in refs
    assert wip_ref(BATCH, "a") in refs
    assert set(before) <= set(bench.world.refs())
    assert SECRET.encode() not in everything_kept(bench)


def test_a_secret_of_another_task_counts_as_well_and_what_the_base_has_does_not(bench: Bench) -> None:
    (bench.world.path / "known").write_text(SECRET)
    bench.world.git("add", "known")
    bench.world.git("commit", "-qm", "it was here before")
    run = bench.run(
        sh("a", "true", secrets=(secret(),)),
        sh("b", f"printf %s '{SECRET}' > copied-from-elsewhere; echo x >> copied-from-elsewhere"),
        sh("c", "git mv known moved"),
    )
    assert [run.tasks[one].status.value for one in "abc"] == ["completed", "failed", "completed"]
    assert "TOKEN in copied-from-elsewhere" in run.tasks["b"].reason


def test_a_secret_of_a_task_that_ended_before_a_crash_counts_after_it_as_well(bench: Bench, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    bench.new(
        sh("a", f'cp "$TOKEN_FILE" {copied}', secrets=(secret(),)),
        sh("b", f"cat {copied}; cp {copied} leaked", needs=(Need("a"),)),
    )
    assert killed_at("free", lambda checkpoint: bench.resume(checkpoint=checkpoint))
    assert bench.store.read(BATCH).tasks["a"].status is Status.COMPLETED
    run = bench.resume(lander=lander(bench))
    assert "TOKEN in leaked" in run.tasks["b"].reason
    assert "***" in bench.log("b")
    assert SECRET.encode() not in everything_kept(bench)


def test_what_is_too_large_to_be_searched_is_not_passed_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "_MOST_BYTES", 1000)
    run = bench.run(sh("a", "head -c 1001 /dev/zero > large", secrets=(secret(),)))
    assert run.tasks["a"].status is Status.FAILED
    assert "large is too large to be searched for secrets: 1001 bytes" in run.tasks["a"].reason
    assert bench.world.git("cat-file", "-s", f"{wip_ref(BATCH, 'a')}:large") == "1001"


def test_a_secret_in_the_name_of_what_cannot_be_taken_over_is_kept_nowhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file too large to be searched, and a nested repository: the reason names both, and stays in state and tree."""
    named = "t0ken-in-a-name"
    monkeypatch.setenv("THE_SECRET", named)
    monkeypatch.setattr(leaks, "_MOST_BYTES", 1000)
    given = {"secrets": (secret("TOKEN", environment="THE_SECRET", expose=Exposure.VARIABLE),)}
    run = bench.run(
        sh("large", 'head -c 1001 /dev/zero > "$TOKEN"', **given),
        sh("nested", 'git init -q "$TOKEN"; git -C "$TOKEN" commit -q --allow-empty -m x', **given),
    )
    assert "*** is too large to be searched for secrets: 1001 bytes" in run.tasks["large"].reason
    assert any("1 repositories inside of it are in no snapshot: ***" in one for one in run.tasks["nested"].notices)
    notes = list(bench.world.pool.root.glob("*/slot.json"))
    files = [one for one in (*bench.world.repository.state_dir.rglob("*"), *notes) if one.is_file()]
    assert len(notes) == 2
    assert [one for one in files if named.encode() in one.read_bytes()] == []
    assert named not in repr(bench.heard)


# --- in a task list


def test_secrets_in_a_task_list() -> None:
    text = """
defaults: {secrets: {TOKEN: {environment: CI_TOKEN}}}
tasks:
  - {id: a, shell: "true"}
  - id: b
    shell: "true"
    secrets:
      KEY: {file: ~/key, expose: both}
      DB: {command: [pass, show, db], expose: variable}
"""
    tasks = read_task_list(text, name="tasks.yaml")
    assert tasks.tasks[0].secrets == (secret("TOKEN", environment="CI_TOKEN"),)
    assert tasks.tasks[1].secrets == (
        secret("KEY", file="~/key", expose=Exposure.BOTH),
        secret("DB", command=("pass", "show", "db"), expose=Exposure.VARIABLE),
    )
    assert read_task_list(json.dumps(document_of(tasks)), name="tasks.json") == tasks


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ("{T: {value: hunter2}}", "value"),
        ("{T: {file: /a, environment: B}}", "give one of file, environment, command; never the value itself"),
        ("{T: {}}", "give one of file, environment, command"),
        ("{T: hunter2}", "secrets.T: give one of file, environment, command; never the value itself"),
        ("{T: {file: key}}", "secrets.T: 'key' is neither absolute nor below ~"),
        ("{T: {command: [./print]}}", "secrets.T: './print' is neither a name nor absolute"),
        ("{SEEN: {file: /a}}", "secrets.SEEN: SEEN is also in environment or variables"),
        ("{not-a-name: {file: /a}}", "not-a-name"),
    ],
)
def test_faults_of_secrets(secrets: str, words: str) -> None:
    text = f"tasks: [{{id: a, shell: 'true', variables: {{SEEN: x}}, secrets: {secrets}}}]"
    with pytest.raises(TaskListError) as caught:
        read_task_list(text, name="tasks.yaml")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
