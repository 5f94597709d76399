"""What is advised exists, fits the state, and does something."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from gitalign import facade
from gitalign.cli import advice
from gitalign.cli.advice import Advice, Typed
from gitalign.cli.lazy_group import verbs_of
from gitalign.cli.main import app
from gitalign.cli.working_set import with_values
from tests import warm
from tests.git.workspace import Workspace
from tests.warm import ROOT

ROOT_COMMAND: Any = app
PLACEHOLDER = "PLACE"
COMMAND = re.compile(r"\bgit align\b(?P<rest>[^\n`\"',;:()&|<>]*)")


def strings_of(source: Path) -> Iterator[str]:
    """Every text of a module, docstrings and comments left out, with a word in the place of every value."""
    tree = ast.parse(source.read_text())
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (documented | inside):
            yield node.value


def faults_in(text: str) -> list[str]:
    """Commands in a text that do not exist, and options that their verb does not take."""
    found = []
    for match in COMMAND.finditer(text):
        words = re.split(r"\s+(?:or|and|with|without|then|again|once|first|there)\b|   ", match["rest"])[0].split()
        command, at = ROOT_COMMAND, 0
        while at < len(words) and (words[at].startswith("-") or isinstance(command, click.Group)):
            if words[at] in verbs_of(command):
                command = verbs_of(command)[words[at]]
            elif words[at].startswith("-"):
                known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
                option = words[at].partition("=")[0].rstrip(".").removesuffix(PLACEHOLDER)
                if option != "--" and option not in {*known, "-h", "--help"}:
                    found.append(f"{match.group()!r}: no option {option}")
                at += option in ("--repo", "--config")
            elif re.fullmatch(r"[a-z-]+", words[at]) and not text.startswith("usage"):
                found.append(f"{match.group()!r}: no verb {words[at]}")
                break
            else:
                break
            at += 1
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"-h", "--help", "--"}
        for word in words[at:]:
            option = word.partition("=")[0].rstrip(".").removesuffix(PLACEHOLDER)
            if re.fullmatch(r"--?[a-z][a-z-]*", option) and option not in known:
                found.append(f"{match.group()!r}: no option {option}")
    return found


def test_no_text_names_a_command_that_does_not_exist() -> None:
    found = {
        str(source.relative_to(ROOT)): faults
        for source in sorted((ROOT / "src").rglob("*.py"))
        if "git align" in source.read_text()
        and (faults := [one for text in strings_of(source) for one in faults_in(text)])
    }
    assert found == {}


def test_no_document_names_a_command_that_does_not_exist() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = {
        str(document.relative_to(ROOT)): faults
        for document in documents
        if (
            faults := [
                one for code in re.findall(r"`(git align [^`]+)`", document.read_text()) for one in faults_in(code)
            ]
        )
    }
    assert found == {}


def parsed(command: str) -> tuple[list[str], dict[str, Any]]:
    """The verbs of a command line, and what their options were set to."""
    words = with_values(shlex.split(command.rpartition(" && ")[2])[2:])
    made = ROOT_COMMAND.make_context("git-align", words)
    verbs: list[str] = []
    given = {name: value for name, value in made.params.items() if value}
    command_here: Any = ROOT_COMMAND
    rest = [*made._protected_args, *made.args]
    while isinstance(command_here, click.Group):
        verbs.append(rest[0])
        command_here = verbs_of(command_here)[rest[0]]
        made = command_here.make_context(rest[0], rest[1:], parent=made)
        given = {**{name: value for name, value in made.params.items() if value}, **given}
        rest = [*getattr(made, "_protected_args", []), *made.args]
    return verbs, given


def test_what_was_typed_is_typed_again(tmp_path: Path) -> None:
    request = facade.Request(
        repo=tmp_path / "a place",
        config_file=tmp_path / "own.yaml",
        overrides={"alignment.targets": ["main", "next"], "alignment.strategy": "merge", "alignment.strategies": ()},
        input=Path("list.json"),
        only=("feature/*", "x"),
        exclude=("$(x)",),
        authors=("Ada",),
        since="2 weeks",
        older_than="90 days",
        remote="up",
    )
    typed = Typed.of(request)
    verbs, given = parsed(typed.command("run", *typed.how, *typed.which))
    assert verbs == ["run"]
    assert given["only"] == ("feature/*", "x")
    assert given["exclude"] == ("$(x)",)
    assert given["since"] == "2 weeks"
    assert given["target"] == ("main", "next")
    assert (given["strategy"], given["remote"], str(given["repo"])) == ("merge", "up", str(tmp_path / "a place"))
    assert Typed.of(facade.Request(remote="up", also_local=True)).which == ("--all",)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone whose remote has three branches: two clash with main in the same way, one is clean."""
    base = tmp_path_factory.mktemp("advice")
    first = Workspace(base / "first")
    first.commit("base", {"f": b"a\n", "g": b"a\n"})
    for name, files in (("clash/one", {"f": b"1\n"}), ("clash/two", {"f": b"2\n"}), ("clean", {"h": b"h\n"})):
        first.switch(name, "main")
        first.commit(name, files)
    first.switch("main")
    first.commit("main", {"f": b"b\n"})
    first.git("clone", "-q", "--bare", str(first.path), str(base / "hub.git"))
    first.git("remote", "add", "origin", str(base / "hub.git"))
    first.git("fetch", "-q", "origin")
    return first


def advised(work: Workspace, *words: str) -> list[str]:
    done = warm.run(*words, cwd=work.path)
    assert done.returncode in (0, 1), done.stderr
    lines = [line.partition("next: ")[2] for line in done.stdout.splitlines() if line.startswith("next: ")]
    commands = [line.partition("   ")[0] for line in lines]
    for command in commands:
        parsed(command)
    return commands


def test_advice_leads_from_a_look_to_undo(clone: Workspace) -> None:
    """Every state once; each command is the one before's advice, and does something."""
    assert advised(clone) == ["git align plan"]
    assert advised(clone, "plan") == ["git align forecast", "git align run"]
    assert advised(clone, "forecast") == ["git align conflicts", "git align run"]
    assert advised(clone, "plan", "--only", "clean") == [
        "git align forecast --only clean",
        "git align run --only clean",
    ]
    run, *rest = advised(clone, "run", "--yes")
    assert run == "git align conflicts"
    push, undo = rest
    run_id = push.split()[-1]
    assert (push, undo) == (f"git align push {run_id}", f"git align undo {run_id}")
    assert advised(clone) == ["git align push"], "another run would do nothing"
    assert advised(clone, "conflicts") == ["git align conflicts clash/one", "git align resolve clash/one"]
    assert advised(clone, "conflicts", "clash/two") == ["git align resolve clash/two"]
    assert advised(clone, "show") == [f"git align show {run_id} clash/one", f"git align undo {run_id}"]
    again = advised(clone, "push", "--yes")
    assert [command.rpartition(" ")[0] for command in again] == ["git align undo --push"]
    assert advised(clone) == ["git align conflicts"]
    forward = advised(clone, "undo", "--yes", run_id)
    assert forward[0] == f"git align undo --push {run_id}"
    assert [command.rpartition(" ")[0] for command in forward[1:]] == ["git align undo", "git align prune --older-than"]
    assert advised(clone, "show", run_id) == [f"git align show {run_id} clash/one"], "there is nothing left to undo"


def test_branches_of_a_remote_are_advised_as_such(clone: Workspace) -> None:
    words = ("--remote", "origin")
    assert advised(clone, "plan", *words)[0] == "git align forecast --remote origin"
    assert advised(clone, "conflicts", *words) == [
        "git align conflicts --remote origin clash/one",
        "git branch --track clash/one origin/clash/one && git align resolve clash/one",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_a_command_is_never_broken(width: int) -> None:
    import io

    from rich.console import Console

    out = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    command = "git align --repo ../somewhere resolve --strategy merge a-branch/with-a-name-that-is-long"
    advice.show(out, [Advice(command, "resolves it step by step"), Advice("git align run", "aligns them")])
    assert out.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        f"next: {command}",
        "      resolves it step by step",
        "next: git align run   aligns them",
    ]
