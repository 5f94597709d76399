"""Files of ours in the git directory obey `core.sharedRepository` and the umask. Edge case 59."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitalign.engine.run import frozen_settings as frozen
from gitalign.shared_files import adopt, make_folder, share, share_folder
from tests import needs, warm
from tests.git.workspace import IDENTITY

GROUP, ANN, BOB = 23456, 23457, 23458


@pytest.fixture
def shared() -> Iterator[Path]:
    """A bare repository that a group shares, made by Ann."""
    needs.root("become other users")
    folder = Path(tempfile.mkdtemp(prefix="git-align-shared-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        place = folder / "repo.git"
        place.mkdir()
        shutil.chown(place, ANN, GROUP)
        (folder / "home").mkdir()
        git(ANN, "init", "-q", "--bare", "--shared=group", "-b", "main", cwd=place)
        fill(place)
        yield place
    finally:
        shutil.rmtree(folder)


def git(user: int, *words: str, cwd: Path, stdin: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, **IDENTITY, **trust(cwd)},
        user=user,
        group=GROUP,
        extra_groups=[],
        umask=0o022,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def trust(place: Path) -> Mapping[str, str]:
    return {
        "HOME": str(place.parent / "home"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "TMPDIR": "/tmp",
    }


def fill(place: Path) -> None:
    def commit(branch: str, name: str, start: str = "") -> bytes:
        start = f"from {start}\n" if start else ""
        return (
            f"commit refs/heads/{branch}\ncommitter A <a@x> 1700000000 +0000\ndata 2\nm\n{start}"
            f"M 100644 inline {name}\ndata 2\n1\n\n"
        ).encode()

    topics = b"".join(commit(f"t{number}", f"f{number}", "refs/heads/main") for number in range(2))
    stream = commit("main", "a") + topics + commit("main", "b")
    git(ANN, "fast-import", "--quiet", cwd=place, stdin=stream)


def aligned(place: Path, *steps: tuple[int, str]) -> list[tuple[int, str]]:
    """Exit code and output of each step: a user, and the words of the command line."""
    env = {name: value for name, value in IDENTITY.items() if name.startswith("GIT_COMMITTER")}
    asked = [
        {"user": user, "group": GROUP, "umask": 0o022, "words": [*words.split(), "--repo", str(place)]}
        for user, words in steps
    ]
    done = warm.call("tests.other_user:main", json.dumps(asked), cwd=place, env={**env, **trust(place)})
    assert done.returncode == 0, done.stderr
    return [(one["code"], one["said"]) for one in json.loads(done.stdout)]


def test_two_users_of_a_shared_repository_work_on_each_others_runs(shared: Path) -> None:
    """And an earlier release's database, which locks the group out, is opened by its owner's next command."""
    steps = [(ANN, "run --yes"), (BOB, "undo last --yes"), (ANN, "run --yes")]
    for step, (code, said) in zip(steps, aligned(shared, *steps), strict=True):
        assert code == 0, (step, said)
    for path in [shared / "gitalign", *(shared / "gitalign").rglob("*")]:
        mode = path.lstat().st_mode
        assert path.name != frozen.FILE or not mode & 0o007, "it may hold secrets"
        wanted = 0o2070 if stat.S_ISDIR(mode) else 0o060
        assert mode & wanted == wanted, f"{stat.filemode(mode)} {path}"
    assert git(BOB, "fsck", "--no-dangling", cwd=shared) == ""
    database = shared / "gitalign" / "gitalign.db"
    database.chmod(0o644)
    prune = (BOB, "prune --older-than 0 --yes")
    refused, _, again, pruned = aligned(shared, (BOB, "run --yes -v"), (ANN, "runs"), (BOB, "run --yes -v"), prune)
    assert refused[0] == 3
    assert f"chmod g+w {database}" in refused[1]
    assert again[0] == 0, again[1]
    assert pruned[0] == 0, pruned[1]


@pytest.mark.parametrize(
    ("umask", "folder", "file"), [(0o022, 0o755, 0o644), (0o002, 0o775, 0o664), (0o077, 0o700, 0o600)]
)
def test_without_sharing_the_umask_decides(tmp_path: Path, umask: int, folder: int, file: int) -> None:
    from gitalign.store.database import open_database

    before = os.umask(umask)
    try:
        share_folder(tmp_path / "gitalign", "umask")
        open_database(tmp_path / "gitalign" / "gitalign.db").dispose()
        make_folder(tmp_path / "gitalign" / "runs" / "1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "gitalign" / "gitalign.db").stat().st_mode) == file
    for made in ("gitalign", "gitalign/runs", "gitalign/runs/1"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == folder


@pytest.mark.parametrize("setting", ["group", "true", "1", "", "all", "2", "0640", "0660", "0600", "0666"])
def test_modes_are_those_that_git_gives(tmp_path: Path, setting: str) -> None:
    """git makes a folder and a file in it; ours beside them have the same permissions."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "r")], check=True)
    words = ["git", "-C", str(tmp_path / "r"), "config"]
    subprocess.run([*words, "core.sharedRepository", setting or "true"], check=True)
    before = os.umask(0o027)
    try:
        subprocess.run(["git", "-C", str(tmp_path / "r"), "hash-object", "-w", "--stdin"], input=b"", check=True)
        subprocess.run(
            ["git", "-C", str(tmp_path / "r"), "symbolic-ref", "refs/heads/new/deep", "refs/heads/x"], check=True
        )
        share_folder(tmp_path / "r" / "gitalign", setting)
        make_folder(tmp_path / "r" / "gitalign" / "runs")
        ours = tmp_path / "r" / "gitalign" / "runs" / "file"
        ours.write_text("x")
        adopt(ours)
    finally:
        os.umask(before)
    theirs = tmp_path / "r" / "refs" / "heads" / "new"
    assert modes(ours.parent, ours) == modes(theirs, theirs / "deep")


def test_a_folder_that_is_moved_in_takes_over_what_holds_there(tmp_path: Path) -> None:
    """Resolutions are written beside `rr-cache`, then moved into it whole."""
    cache, made = tmp_path / "rr-cache", tmp_path / "new"
    share_folder(cache, "group")
    made.mkdir(mode=0o700)
    (made / "preimage").write_text("x")
    share(made, into=cache)
    folder = cache.stat().st_mode
    assert modes(made, made / "preimage") == [stat.filemode(folder), stat.filemode(stat.S_IFREG | (folder & 0o666))]


def modes(*paths: Path) -> list[str]:
    return [stat.filemode(path.stat().st_mode) for path in paths]
