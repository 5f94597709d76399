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
    *before, current = line
    typed = _Typed(_table())
    for word in before:
        typed.take(word)
    name, equals, value = current.partition("=")
    if typed.waiting and not (typed.waiting == "--remote" and current.startswith("-")):
        yield from _values(typed.options[typed.waiting][0], current, typed.values, shell=shell)
    elif equals and name in typed.options and not typed.only_arguments:
        start = f"{name}=" if shell == "fish" else ""
        for offer in _values(typed.options[name][0], value, typed.values, shell=shell):
            yield offer if offer.startswith(":") else start + offer
    elif current.startswith("-") and not typed.only_arguments:
        options = typed.options.items()
        yield from (f"{one}\t{words[1]}" for one, words in options if one.startswith(current) and one != "-h")
    elif "verbs" in typed.command:
        verbs: dict[str, Any] = typed.command["verbs"]
        yield from (f"{verb}\t{words['help']}" for verb, words in verbs.items() if verb.startswith(current))
    elif (kind := typed.next_argument()) is not None:
        yield from _values(kind, current, typed.values, shell=shell)


class _Typed:
    """What the words before the one that is being typed say."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.command = table
        self.options: dict[str, list[str]] = dict(table["options"])
        self.values: dict[str, str] = {}
        self.waiting = ""
        self.only_arguments = False
        self._arguments = 0

    def take(self, word: str) -> None:
        """One word more."""
        name, equals, value = word.partition("=")
        if self.waiting == "--remote" and word.startswith("-"):
            self.values[self.waiting], self.waiting = "", ""  # the one option whose value may be left away
        if self.waiting:
            self.values[self.waiting], self.waiting = word, ""
        elif not self.only_arguments and word == "--":
            self.only_arguments = True
        elif not self.only_arguments and word.startswith("-"):
            if self.options.get(name, [""])[0]:
                self.values[name], self.waiting = (value, "") if equals else ("", name)
        elif word in self.command.get("verbs", {}):
            self.command = self.command["verbs"][word]
            self.options = dict(self.command["options"])
        else:
            self._arguments += 1

    def next_argument(self) -> str | None:
        """The kind of the next argument; None when the verb takes no more."""
        kinds: list[list[Any]] = self.command["arguments"]
        at = len(kinds) - 1 if kinds and kinds[-1][1] else self._arguments
        return str(kinds[min(self._arguments, at)][0]) if at < len(kinds) else None


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
