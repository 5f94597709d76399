"""Remotes whose fetch replaces every ref of the repository, and with `--prune` deletes those of git-align."""

from __future__ import annotations

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.names import display, shell_word
from gitalign.git.command import text
from gitalign.git.repository import Repository

_OURS = "refs/gitalign/"
_KEPT = f"^{_OURS}*"


def mirrors(repository: Repository) -> list[Diagnosis]:
    """A diagnosis for each remote that a fetch with `--prune` makes the refs of git-align go away for; none is good news.

    Source: `git help fetch`, PRUNING (what a refspec of the remote writes to and the remote does not have is deleted) and
    `git help gitglossary`, refspec (a negative one leaves refs out). Tried with git 2.39: one for `refs/gitalign/*` keeps them.
    """
    done = repository.git.run("config", "--null", "--get-regexp", r"^remote\..*\.fetch$", accept=(0, 1))
    remotes: dict[str, list[str]] = {}
    for entry in filter(None, text(done.stdout).split("\0")):
        key, _, refspec = entry.partition("\n")
        remotes.setdefault(key.removeprefix("remote.").removesuffix(".fetch"), []).append(refspec)
    return [
        Diagnosis(
            check="mirror",
            ok=None,
            detail=f"a fetch from {display(name)} with --prune deletes {_OURS}*, which hold what undo needs",
            hint=f"git config --add {shell_word(f'remote.{name}.fetch')} {shell_word(_KEPT)}",
        )
        for name, refspecs in sorted(remotes.items())
        if _KEPT not in refspecs and any(_writes_to_ours(one) for one in refspecs)
    ]


def _writes_to_ours(refspec: str) -> bool:
    target = refspec.partition(":")[2]
    if target.endswith("*"):
        start = target[:-1]
        return bool(target) and (_OURS.startswith(start) or start.startswith(_OURS))
    return target.startswith(_OURS)
