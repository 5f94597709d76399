"""Everything that is made from the command's own help: man pages, and the words that shells complete.

    python -m gitalign.cli.reference

writes `man/*.1`, `completions/*` and `src/gitalign/cli/words.json` of a checkout again; all of them are part of a release. Pages
and words are made from the help texts of the verbs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gitalign.cli.completion_scripts import SCRIPTS, Shell
from gitalign.cli.lazy_group import verbs_of
from gitalign.cli.main import app

EXIT_CODES = (
    ("0", "All branches are aligned or unchanged."),
    ("1", "Finished; some branches need attention, or you answered no."),
    ("2", "Usage or input: options, configuration, branch list, plan, missing confirmation."),
    ("3", "Environment: git, disk, remote, journal, plug-in."),
    ("70", "A bug of git-align; the message names a log file."),
    ("130", "Interrupted."),
)
_ENVIRONMENT = (
    ("GIT_PAGER, PAGER", "The pager for verbs that only show, chosen as git chooses it."),
    ("GIT_EDITOR, VISUAL, EDITOR", "The editor that resolve opens."),
    ("NO_COLOR", "No colours."),
    ("GITALIGN_*", "Settings, as the configuration file has them."),
)
_KINDS = {"RUN": "run", "BRANCH": "branch", "GLOB": "branch", "FILE": "file", "DIR": "dir"}
_KINDS_BY_NAME = {"target": "target", "remote": "remote", "branch": "branch", "branches": "branch", "run_id": "run"}


def command_tree() -> Any:
    """The command with its verbs."""
    return app


def man_pages() -> dict[str, str]:
    """Every page by the name of its file: one for the command, one for each verb."""
    return {f"{'-'.join(path)}.1": _page(path, command) for path, command in _commands((), command_tree())}


def words() -> dict[str, Any]:
    """Verbs, options and arguments, with what each takes, for completion."""
    return _words_of(command_tree())


def _commands(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    here = path or ("git-align",)
    yield here, command
    for name, verb in verbs_of(command).items():
        if not verb.hidden:
            yield from _commands((*here, name), verb)


# ---- man pages ------------------------------------------------------------------------------------------------------


def _page(path: tuple[str, ...], command: Any) -> str:
    context = command.make_context(" ".join(path), [], resilient_parsing=True)
    name = "-".join(path)
    summary, _, rest = (command.help or "").strip().partition("\n\n")
    verbs = {verb: one for verb, one in verbs_of(command).items() if not one.hidden}
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{name.upper()}" "1" "" "git-align" "git-align manual"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(' '.join(summary.split()).rstrip('.'))}",
        ".SH SYNOPSIS",
        f"\\fBgit align{_text(''.join(f' {word}' for word in path[1:]))}\\fR {_text(usage)}",
        ".SH DESCRIPTION",
        _text(" ".join(summary.split())),
    ]
    for paragraph in filter(None, rest.split("\n\n")):
        lines += [".PP", _text(" ".join(paragraph.split()))]
    arguments = [one for one in command.params if one.param_type_name == "argument" and getattr(one, "help", None)]
    if arguments:
        lines += [".SH ARGUMENTS", *_entries((one.metavar or one.name.upper(), one.help) for one in arguments)]
    records = [record for one in command.params if (record := one.get_help_record(context)) and one not in arguments]
    if all("--help" not in term for term, _ in records):
        records.append(("-h, --help", "Show help."))
    lines += [".SH OPTIONS", *_entries(records)]
    if verbs:
        lines += [".SH VERBS"]
        lines += _entries((f"{name}-{verb}(1)", (one.help or "").split("\n\n")[0]) for verb, one in verbs.items())
    if len(path) == 1:
        lines += [".SH ENVIRONMENT", *_entries(_ENVIRONMENT)]
    lines += [".SH EXIT STATUS", *_entries(EXIT_CODES)]
    others = [f"{'-'.join(path[:-1])}(1)"] if len(path) > 1 else ["git(1)", "git-rebase(1)"]
    lines += [".SH SEE ALSO", _text(", ".join(others))]
    return "\n".join(lines) + "\n"


def _entries(pairs: Any) -> Iterator[str]:
    for term, words_of_it in pairs:
        yield ".TP"
        yield f"\\fB{_text(' '.join(term.split()))}\\fR"
        yield _text(" ".join((words_of_it or "").split()))


def _text(words_of_it: str) -> str:
    """Plain text for roff: no letter of it is taken for a request (`man 7 groff`)."""
    safe = (
        words_of_it.replace("\\", "\\(rs")
        .replace("-", "\\-")
        .replace("`", "\\(ga")
        .replace("'", "\\(aq")
        .replace("…", "...")
    )
    return f"\\&{safe}" if safe.startswith(".") else safe


# ---- completion -----------------------------------------------------------------------------------------------------


def _words_of(command: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"options": {"--help": ["", "Show help."]}, "arguments": []}
    for one in command.params:
        if one.param_type_name == "argument":
            made["arguments"].append([_kind(one), one.nargs == -1])
            continue
        help_text = " ".join((one.help or "").split())
        for name in (*one.opts, *one.secondary_opts):
            made["options"][name] = ["" if one.is_flag else _kind(one), help_text]
    verbs = {name: verb for name, verb in verbs_of(command).items() if not verb.hidden}
    if verbs:
        made["verbs"] = {
            name: {"help": (verb.help or "").split("\n")[0], **_words_of(verb)} for name, verb in verbs.items()
        }
    return made


def _kind(one: Any) -> str:
    """What a value is: `branch`, `run`, `target`, `remote`, `file`, `dir`, `a|b|c` for a choice, `any` for what cannot be guessed."""
    metavar = (one.metavar or "").strip("[].…")
    if one.name in _KINDS_BY_NAME:
        return _KINDS_BY_NAME[one.name]
    if metavar in _KINDS:
        return _KINDS[metavar]
    if isinstance(one.type, click.Choice):
        return "|".join(map(str, one.type.choices))
    if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", metavar):
        return metavar
    return "dir" if one.name == "repo" else "file" if isinstance(one.type, click.Path) else "any"


def main() -> None:
    """Write all of it into the checkout that this file is in."""
    root = Path(__file__).resolve().parents[3]
    folder = root / "man"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.1"):
        old.unlink()
    for name, page in man_pages().items():
        (folder / name).write_text(page, encoding="utf-8")
    Path(__file__).with_name("words.json").write_text(words_text(), encoding="utf-8")
    for name, script in completion_scripts().items():
        place = root / "completions" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(script, encoding="utf-8")


def completion_scripts() -> dict[str, str]:
    """What `git-align completion` prints, by the names under which shells look for it."""
    return {
        "git-align": SCRIPTS[Shell.BASH],
        "_git-align": SCRIPTS[Shell.ZSH],
        "git-align.fish": SCRIPTS[Shell.FISH],
    }


def words_text() -> str:
    """`words` as they are kept."""
    return json.dumps(words(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
