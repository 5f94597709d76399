"""What a shell is offered at the word that is being typed. Imports next to nothing: a key press waits for it.

    git-align __complete SHELL WORD… CURRENT

prints the words that fit, one a line, with a tab and a description behind those that have one. A line `:file` or `:dir` asks
the shell for names of files or folders. Whatever is wrong, nothing is printed: completion has no place for errors.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

HIDDEN_VERB = "__complete"
SHELLS = ("bash", "zsh", "fish")
_TIMEOUT_S = 2.0
_MOST = 5000
_PLAIN = re.compile(r"[\w@%+=:,./-]+")
_RUNS = "refs/gitalign/runs/"
_TARGETS = ("main", "master", "trunk", "develop", "development", "dev", "next", "staging", "stable")


def main(words: Sequence[str]) -> None:
    """Print what fits.

    Args:
        words: the shell, then the command line behind `git-align` up to and with the word that is being typed.
    """
    try:
        shell, *line = words
        offers = list(offered(line or [""], shell))
    except Exception:
        return
    sys.stdout.write("".join(f"{offer}\n" for offer in offers[:_MOST]))


def offered(line: Sequence[str], shell: str) -> Iterator[str]:
    """The lines to print.

    Args:
        line: words behind the command; the last one is being typed.
        shell: bash and zsh replace what stands behind `=` only, fish the whole word.
    """
    command = _table()
    *before, current = line
    options: dict[str, list[str]] = dict(command["options"])
    values: dict[str, str] = {}
    arguments = 0
    waiting, only_arguments = "", False
    for word in before:
        name, equals, value = word.partition("=")
        if waiting == "--remote" and word.startswith("-"):
            values[waiting], waiting = "", ""  # the one option whose value may be left away
        if waiting:
            values[waiting], waiting = word, ""
        elif not only_arguments and word == "--":
            only_arguments = True
        elif not only_arguments and word.startswith("-"):
            if options.get(name, [""])[0]:
                values[name], waiting = (value, "") if equals else ("", name)
        elif word in command.get("verbs", {}):
            command = command["verbs"][word]
            options = dict(command["options"])
        else:
            arguments += 1
    name, equals, value = current.partition("=")
    if waiting and not (waiting == "--remote" and current.startswith("-")):
        yield from _values(options[waiting][0], current, values, shell=shell)
    elif equals and name in options and not only_arguments:
        start = f"{name}=" if shell == "fish" else ""
        for offer in _values(options[name][0], value, values, shell=shell):
            yield offer if offer.startswith(":") else start + offer
    elif current.startswith("-") and not only_arguments:
        yield from (f"{one}\t{words[1]}" for one, words in options.items() if one.startswith(current) and one != "-h")
    elif "verbs" in command:
        verbs: dict[str, Any] = command["verbs"]
        yield from (f"{verb}\t{words['help']}" for verb, words in verbs.items() if verb.startswith(current))
    else:
        kinds: list[list[Any]] = command["arguments"]
        at = len(kinds) - 1 if kinds and kinds[-1][1] else arguments
        if at < len(kinds):
            yield from _values(kinds[min(arguments, at)][0], current, values, shell=shell)


def _table() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "words.json"), encoding="utf-8") as file:
        table: dict[str, Any] = json.load(file)
    return table


def _values(kind: str, start: str, given: dict[str, str], *, shell: str) -> Iterator[str]:
    """Values of an option or argument that begin in this way."""
    if kind in ("file", "dir"):
        yield f":{kind}"
        return
    where = given.get("--repo") or "."
    if "|" in kind:
        found = kind.split("|")
    elif kind == "branch":
        found = _branches(where, given.get("--remote"))
    elif kind == "run":
        found = ["last", *sorted((ref.removeprefix(_RUNS) for ref in _refs(where, _RUNS)), reverse=True)]
    elif kind == "remote":
        found = sorted({_short(ref).partition("/")[0] for ref in _refs(where, "refs/remotes/")})
    elif kind == "target":
        names = {name for ref in _refs(where, "refs/heads/", "refs/remotes/") for name in _names(ref)}
        found = sorted(names, key=lambda name: (name not in _TARGETS, name))
    else:
        found = []
    for word in dict.fromkeys(found):
        if word.startswith(start) and word.isprintable():
            yield word if shell != "bash" or _PLAIN.fullmatch(word) else _quoted(word)


def _branches(where: str, remote: str | None) -> list[str]:
    if remote is not None:
        start = f"refs/remotes/{remote or 'origin'}/"
        return [ref.removeprefix(start) for ref in _refs(where, start) if not ref.endswith("/HEAD")]
    return [_short(ref) for ref in _refs(where, "refs/heads/")]


def _names(ref: str) -> tuple[str, ...]:
    return (_short(ref),) if ref.startswith("refs/heads/") else ()


def _short(ref: str) -> str:
    return ref.split("/", 2)[2]


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _refs(where: str, *starts: str) -> list[str]:
    from gitalign import child

    argv = ["git", "-C", where, "for-each-ref", f"--count={_MOST}", "--format=%(refname)", *starts]
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    done = child.run(argv, env=env, timeout_s=_TIMEOUT_S)
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
