"""A whole `run --push` in every kind of environment: the same commits on the same refs, by the person that git would name."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.git.workspace import Workspace
from tests.remotes.conftest import Shared

HOOKS = (
    "pre-commit",
    "commit-msg",
    "prepare-commit-msg",
    "post-commit",
    "post-rewrite",
    "pre-rebase",
    "post-checkout",
    "reference-transaction",
    "post-index-change",
    "pre-auto-gc",
    "fsmonitor-watchman",
    "applypatch-msg",
    "pre-merge-commit",
)
CONFIGURATION = """
[alias]
    merge-tree = !{evil} alias
    push = !{evil} alias
    rev-list = !{evil} alias
    update-ref = !{evil} alias
    for-each-ref = !{evil} alias
[core]
    fsmonitor = {evil}
    editor = {evil}
    pager = {evil}
    abbrev = 4
    autocrlf = true
    eol = crlf
    logAllRefUpdates = false
    attributesFile = {attributes}
    quotePath = true
[diff]
    external = {evil}
    renames = false
    algorithm = patience
    noprefix = true
[merge]
    renames = false
    conflictStyle = diff3
    directoryRenames = true
    renormalize = true
[merge "evil"]
    driver = {evil}
[filter "evil"]
    clean = {evil}
    smudge = {evil}
[i18n]
    commitEncoding = ISO-8859-1
    logOutputEncoding = ISO-8859-1
[push]
    followTags = true
    gpgSign = if-asked
[commit]
    template = {evil}
    verbose = true
    cleanup = strip
[color]
    ui = always
[log]
    date = relative
    decorate = full
[rebase]
    autoSquash = true
    updateRefs = true
[column]
    ui = always
"""


@dataclass
class Setting:
    """What is set round a run."""

    variables: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    umask: int = 0o022
    configuration: str = ""


def counted(**pairs: str) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key.replace("__", "."), f"GIT_CONFIG_VALUE_{number}": value}
    return found


SETTINGS = {
    "identity and dates in variables": Setting(
        {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (
                ("NAME", f"{who} Else"),
                ("EMAIL", "else@example.org"),
                ("DATE", "2001-02-03T04:05:06+0900"),
            )
        }
        | {"TZ": "Asia/Kathmandu", "EMAIL": "mail@example.org"}
    ),
    "git -c": Setting(
        counted(
            user__name="C Ount", merge__renames="false", core__abbrev="4", push__default="simple", color__ui="always"
        )
        | {"GIT_CONFIG_PARAMETERS": "'user.email=p@example.org' 'core.hooksPath=/nowhere'"}
    ),
    "language": Setting(
        {"LANG": "de_DE.UTF-8", "LC_ALL": "C", "LANGUAGE": "de:fr", "COLUMNS": "20", "TERM": "dumb", "PYTHONUTF8": "0"}
    ),
    "configuration, aliases and hooks of the operator": Setting(configuration=CONFIGURATION),
    "programs and switches in variables": Setting(
        {
            "GIT_EXTERNAL_DIFF": "{evil}",
            "GIT_EDITOR": "{evil}",
            "GIT_SEQUENCE_EDITOR": "{evil}",
            "GIT_PAGER": "{evil}",
            "PAGER": "{evil}",
            "GIT_ASKPASS": "{evil}",
            "GIT_DIFF_OPTS": "-u0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_ICASE_PATHSPECS": "1",
            "GIT_NOGLOB_PATHSPECS": "1",
            "GIT_DEFAULT_HASH": "sha256",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_REFLOG_ACTION": "else",
            "GIT_MERGE_VERBOSITY": "5",
            "GIT_FLUSH": "1",
            "GIT_TRACE": "1",
            "GIT_TRACE_PACKET": "1",
            "GIT_PROTOCOL": "version=0",
            "GIT_ADVICE": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": "{evil}",
            "GIT_ATTR_SOURCE": "HEAD",
            "GIT_INDEX_VERSION": "4",
            "GIT_PREFIX": "else/",
            "POSIXLY_CORRECT": "1",
        }
    ),
    "no home, narrow umask": Setting(
        without=("HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "GIT_CONFIG_GLOBAL"), umask=0o077
    ),
    "wide umask": Setting(umask=0),
}


def git(place: Path, *words: str, **more: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(place), *words], capture_output=True, check=True, env={**os.environ, **more}
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def commits(place: Path) -> list[str]:
    """Every ref with its commits: files, author and message; neither who committed, nor when."""
    shown = "--format=%T %an <%ae> %ad %B"
    return [
        f"{ref} {git(place, 'log', '--date=raw', '--topo-order', shown, ref)}"
        for ref in git(place, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").splitlines()
    ]


def ran(shared: Shared, setting: Setting, evil: Path) -> subprocess.CompletedProcess[str]:
    """`run --push` in an environment; and who git says one is there."""
    variables = {name: value.format(evil=evil) for name, value in setting.variables.items()}
    environ = {name: value for name, value in {**os.environ, **variables}.items() if name not in setting.without}
    if setting.configuration:
        hooks, place, attributes = evil.parent / "hooks", evil.parent / "gitconfig", evil.parent / "attributes"
        hooks.mkdir()
        for name in HOOKS:
            (hooks / name).symlink_to(evil)
        # Of the clone: what all repositories of the user share, the other side of the push runs as well.
        shared.work.git("config", "core.hooksPath", str(hooks))
        attributes.write_text("* merge=evil filter=evil\n")
        place.write_text(setting.configuration.format(evil=evil, attributes=attributes))
        environ["GIT_CONFIG_GLOBAL"] = str(place)
    who = subprocess.run(
        ["git", "var", "GIT_COMMITTER_IDENT"],
        cwd=shared.work.path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-m", "gitalign", "run", "--push", "--yes"],
        cwd=shared.work.path,
        env=environ,
        umask=setting.umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return subprocess.CompletedProcess(who.stdout.rpartition(" <")[0], 0, done.stdout, done.stderr)


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    place = tmp_path / "programs" / "evil"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/canary\nexit 1\n')
    place.chmod(0o755)
    return place


@pytest.fixture(scope="session")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a run comes to in the environment of the tests."""
    import shutil

    place = tmp_path_factory.mktemp("plain") / "all"
    shutil.copytree(template, place, symlinks=True)
    work = prepared(Shared(Workspace(place / "repo"), place / "remote.git"))
    ran(work, Setting(), place)
    return commits(work.work.path)


def prepared(shared: Shared) -> Shared:
    """With a private tag, a renamed file, and a message and an author that are not ASCII."""
    work = shared.work
    work.git("remote", "set-url", "origin", f"file://{shared.remote}")
    work.switch("x")
    work.git("mv", "a", "moved")
    work.git(
        "commit",
        "-q",
        "-m",
        "Grüße aus Köln\n\n# not a comment\n",
        "--author",
        "Ünal <u@example.org>",
        "--date",
        "1700000000 +0545",
    )
    work.git("push", "-q", "origin", "x")
    work.git("tag", "-a", "-m", "private", "private", "x", env={"GIT_COMMITTER_DATE": "1700000000 +0000"})
    shared.target_moves_on()
    return shared


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_commits_wherever_it_runs(
    shared: Shared, plain: list[str], evil: Path, tmp_path: Path, name: str
) -> None:
    prepared(shared)
    before = datetime.now(UTC).timestamp()
    done = ran(shared, SETTINGS[name], evil)
    assert not (tmp_path / "canary").exists(), (tmp_path / "canary").read_text()
    assert commits(shared.work.path) == plain
    heads = "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"
    assert git(shared.remote, *heads) == git(shared.work.path, *heads)
    assert git(shared.remote, "for-each-ref", "refs/tags") == "", "what is private stays here"
    for branch in ("x", "y"):
        committer, at, zone = (
            git(shared.work.path, "log", "-1", "--date=raw", "--format=%cn|%cd", branch)
            .replace("|", " ")
            .rsplit(" ", 2)
        )
        assert (committer, zone) == (done.args, "+0000")
        assert before - 2 <= int(at) <= datetime.now(UTC).timestamp() + 2
    assert "\N{ESCAPE}" not in done.stdout
    git(shared.work.path, "fsck", "--strict")
    if SETTINGS[name].configuration:
        subprocess.run(
            ["git", "-C", str(shared.work.path), "update-ref", "refs/x", "HEAD"], check=False, capture_output=True
        )
        assert (tmp_path / "canary").exists(), "a hook that runs is seen"


def test_another_repository_that_a_variable_names_is_the_one_that_is_run(shared: Shared, tmp_path: Path) -> None:
    """As git itself would; the one that one stands in stays as it is."""
    other = Workspace(tmp_path / "other")
    other.commit("base", {"a": b"a\n"})
    other.switch("topic", "main")
    other.commit("topic", {"t": b"t\n"})
    other.switch("main")
    other.commit("on", {"m": b"m\n"})
    before = git(shared.work.path, "for-each-ref")
    variables = {"GIT_DIR": str(other.path / ".git"), "GIT_WORK_TREE": str(other.path)}
    done = subprocess.run(
        [sys.executable, "-m", "gitalign", "run", "--yes"],
        cwd=shared.work.path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert git(shared.work.path, "for-each-ref") == before
    assert git(other.path, "merge-base", "main", "topic") == other.tip("main")
