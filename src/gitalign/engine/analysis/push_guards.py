"""What `git push` would run or send beside branches: where there is something, pushes of git-align are held back."""

from __future__ import annotations

from gitalign.core.diagnosis import Diagnosis
from gitalign.core.names import HEADS, display
from gitalign.errors import GitAlignError
from gitalign.git.push_rules import PushConfig
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository


def push_guards(repository: Repository) -> list[Diagnosis]:
    """A diagnosis where a `pre-push` hook, Git LFS, submodules, a signature or push options have a part in a push."""
    try:
        if not repository.operator.run("remote").stdout:
            return []
        commits = [tip.oid for tip in read_tips(repository, HEADS.rstrip("/")) if tip.object_type == "commit"]
        guards = PushConfig(repository).guards(commits)
    except GitAlignError as error:
        return [Diagnosis(check="push", ok=None, detail=f"cannot be judged: {error.message}", hint=error.hint)]
    if not guards:
        return []
    words = f"git push also runs or sends {', '.join(map(display, guards))}: branches to be pushed are held back"
    hint = "look at it, then let it run: git align push --push-hooks, or alignment.push_hooks: run"
    return [Diagnosis(check="push", ok=None, detail=words, hint=hint)]
