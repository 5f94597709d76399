"""Completion, asked for by the real shells, for `git-align` and for `git align`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from gitalign.cli import reference
from gitalign.cli.complete import offered
from tests import needs, warm
from tests.git.workspace import Workspace
from tests.warm import ROOT

GIT_FOR_BASH = Path("/usr/share/bash-completion/completions/git")
EXPECTED = {
    ("sho",): ["show"],
    ("conflicts", "topic/o"): ["topic/one", "topic/other"],
    ("plan", "--target=ma"): ["main"],
    ("plan", "--strategy", "rebase-"): ["rebase-merges"],
    ("rules", "che"): ["check"],
    ("undo", "la"): ["last"],
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = Workspace(tmp_path_factory.mktemp("completion") / "repo")
    work.commit("base", {"f": b"a\n"})
    for name in ("topic/one", "topic/other", "odd$name"):
        work.git("branch", name)
    work.git("update-ref", "refs/remotes/origin/theirs", "main")
    work.git("update-ref", "refs/gitalign/runs/20260101-000000-abcdef", "main")
    return work.path


@pytest.fixture
def env() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def offers(*line: str, shell: str = "fish") -> list[str]:
    return [one.partition("\t")[0] for one in offered(line, shell)]


def test_words_of_the_command_are_kept_up_to_date() -> None:
    """After a change to options or help texts: python -m gitalign.cli.reference"""
    assert (ROOT / "src/gitalign/cli/words.json").read_text() == reference.words_text()
    kept = {place.name: place.read_text() for place in (ROOT / "completions").iterdir()}
    assert kept == reference.completion_scripts()


def test_each_place_of_the_line_has_its_words(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    assert offers("show", "2026") == ["20260101-000000-abcdef"]
    assert offers("show", "last", "topic/") == ["topic/one", "topic/other"]
    assert offers("plan", "--only", "topic/on") == ["topic/one"]
    assert offers("plan", "--remote", "") == ["origin"]
    assert offers("plan", "--remote", "--only", "") == ["theirs"]
    assert offers("conflicts", "--remote", "origin", "") == ["theirs"]
    assert offers("plan", "--save", "x") == [":file"]
    assert offers("--repo", "x") == [":dir"]
    assert offers("--repo", str(repo), "conflicts", "topic/on") == ["topic/one"]
    assert offers("conflicts", "--", "topic/on") == ["topic/one"]
    assert offers("undo", "last", "") == [], "it takes one run"
    assert offers("plan", "--target=ma") == ["--target=main"]
    assert offers("plan", "--target=ma", shell="zsh") == ["main"]
    assert offers("conflicts", "odd", shell="bash") == ["'odd$name'"]
    assert "--no-pager" in offers("plan", "--no")
    assert "forecast" in offers("")


def test_trouble_is_silent(tmp_path: Path) -> None:
    for words in (
        ("bash", "show", ""),
        ("bash", "nonsense", "--x", ""),
        ("bash", "--repo", "/nowhere", "show", ""),
        (),
    ):
        done = warm.run("__complete", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), words


def test_a_key_press_is_answered_without_imports(repo: Path) -> None:
    """Typer, rich and the engine take ten times as long as the answer may."""
    code = (
        "import sys; sys.argv = ['git-align', '__complete', 'bash', 'show', '']\n"
        "from gitalign.start import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('click', 'rich', 'pydantic', 'sqlalchemy', 'gitalign.facade') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["last", "20260101-000000-abcdef", "[]"]


def test_bash(repo: Path, env: dict[str, str]) -> None:
    tries = "\n".join(f"try git-align {' '.join(line)}; try git align {' '.join(line)}" for line in EXPECTED)
    # Without bash-completion git's own completion is not there, either; then git-align alone is completed.
    git = (
        f". {GIT_FOR_BASH}"
        if GIT_FOR_BASH.exists()
        else "__git_wrap__git_main() { words=($COMP_LINE) cword=$COMP_CWORD; _git_align; }"
    )
    script = f"""
        {git}
        eval "$(git-align completion bash)"
        try() {{
            COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}} COMPREPLY=() IFS=' '
            local line="${{*//=/ = }}"
            COMP_WORDS=($line); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_POINT=${{#COMP_LINE}}
            if [ "$1" = git ]; then __git_wrap__git_main; else __git_align_alone; fi
            echo "${{COMPREPLY[*]}}"
        }}
        {tries}
    """
    done = subprocess.run(["bash", "-c", script], cwd=repo, env=env, capture_output=True, text=True, check=True)
    said = [sorted(line.split()) for line in done.stdout.splitlines()]
    assert said == [one for words in EXPECTED.values() for one in (words, words)], done.stderr


def test_fish(repo: Path, env: dict[str, str]) -> None:
    needs.program("fish", "fish")
    lines = [f"{command} {' '.join(line)}" for line in EXPECTED for command in ("git-align", "git align")]
    script = "git-align completion fish | source\n" + "\n".join(f"complete -C '{line}'; echo ==" for line in lines)
    done = subprocess.run(["fish", "-c", script], cwd=repo, env=env, capture_output=True, text=True, check=True)
    blocks = done.stdout.split("==\n")[: len(lines)]
    said = [
        sorted(line.partition("\t")[0].removeprefix("--target=") for line in block.splitlines()) for block in blocks
    ]
    assert said == [one for words in EXPECTED.values() for one in (words, words)], done.stderr


def test_zsh(repo: Path, env: dict[str, str]) -> None:
    needs.program("zsh", "zsh")
    shell = pexpect.spawn(
        "zsh", ["-f", "-i"], cwd=str(repo), env={**env, "TERM": "dumb", "PS1": "READY> "}, encoding="utf-8", timeout=30,
        dimensions=(40, 120),
    )  # fmt: skip
    shell.expect("READY> ")
    shell.sendline(
        'unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; eval "$(git-align completion zsh)"; echo DO""NE'
    )
    shell.expect("DONE")
    shell.expect("READY> ")
    for typed, made in (
        ("git-align sho", "show "),
        ("git align sho", "show "),
        ("git align conflicts topic/on", "topic/one "),
        ("git-align plan --target=mai", "--target=main "),
        ("git align conflicts --only=odd", r"odd\\\$name "),
    ):
        shell.send(f"{typed}\t")
        shell.expect(made)
        shell.send("\x15\r")
        shell.expect("READY> ")
    shell.close()


def test_one_way_to_get_a_script() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "git-align __complete" in warm.run("completion", shell).stdout
    assert warm.run("completion", "tcsh").returncode == 2
    assert "--install-completion" not in warm.run("--help").stdout
