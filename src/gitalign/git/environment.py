"""What a git process inherits. There are two environments, and no third one.

**For deciding and merging** (`deciding_environment`): refs, history, merges, work trees. A result must not depend on who runs
it, so only what git needs to start is inherited (PATH, HOME, agents), and everything that could change a result is set.
Hooks, fsmonitor and pagers never run. `git -c`, locale, time zone and `GIT_*` of the operator do not count.

**For the operator's own matters** (`operator_environment`): which repository is meant, who the operator is, how commits are
signed, how a remote is reached. What counts here is what counts for git itself: the whole environment (tokens, agents,
`GIT_SSH_COMMAND`, `GIT_ASKPASS`, proxies), `git -c`, and every configuration file, as the work tree that one stands in
reads it. Set are only: no prompt on the terminal, no hooks, no housekeeping, output in English, UTC.

Which setting counts where, also of a repository's own configuration: docs/environment.md.

Sources: `git help git` (environment variables), `git help config` (GIT_CONFIG_COUNT, since 2.31), git's environment.c
(`local_repo_env`) and config.c (GIT_CONFIG_PARAMETERS is read after GIT_CONFIG_COUNT, so it has the last word).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

_KEPT_VARIABLES = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GNUPGHOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
    "https_proxy", "http_proxy", "no_proxy", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "GIT_EXEC_PATH", "LD_LIBRARY_PATH",
)  # fmt: skip

_IDENTITY_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL")

SAFE_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "keep"),
    ("core.pager", "cat"),
    ("core.askPass", ""),
    ("color.ui", "false"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("advice.detachedHead", "false"),
    ("core.quotePath", "false"),
    # Every id that git is given would be looked up as a name of a ref, too, a dozen files each, for a warning.
    ("core.warnAmbiguousRefs", "false"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("protocol.ext.allow", "never"),
)

_OPERATOR_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("color.ui", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
)

LOCATION_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)
"""Which repository git means, and where its parts are. Read once, when the repository is opened."""

# Besides places: what would change the answer of a question, or the bytes of a commit.
_DROPPED_VARIABLES = (
    *LOCATION_VARIABLES,
    "GIT_CONFIG",
    "GIT_PREFIX",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_DATE",
)

_ALWAYS = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
}


def deciding_environment(
    *,
    extra: Mapping[str, str] | None = None,
    config: Sequence[tuple[str, str]] = (),
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment in which refs, history and merges are looked at and made.

    Args:
        extra: variables set on top.
        config: configuration set on top of `SAFE_CONFIG`.
        source: where inherited variables come from; the process environment by default.
    """
    inherited = os.environ if source is None else source
    env = {name: inherited[name] for name in (*_KEPT_VARIABLES, *_IDENTITY_VARIABLES) if name in inherited}
    env.update(_ALWAYS, GIT_ASKPASS="true", SSH_ASKPASS="true", GIT_NO_LAZY_FETCH="1")
    pairs = (*SAFE_CONFIG, *config)
    env["GIT_CONFIG_COUNT"] = str(len(pairs))
    for index, (key, value) in enumerate(pairs):
        env[f"GIT_CONFIG_KEY_{index}"] = key
        env[f"GIT_CONFIG_VALUE_{index}"] = value
    env.update(extra or {})
    return env


def operator_environment(
    *,
    extra: Mapping[str, str] | None = None,
    config: Sequence[tuple[str, str]] = (),
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment in which git looks after the operator's own matters: nearly all of the operator's.

    Nothing waits for a person at the terminal: git does not ask there, and processes have no terminal of their own.

    Args:
        extra: variables set on top; the repository's place belongs here.
        config: configuration that wins over the operator's.
        source: the operator's environment; that of the process by default.
    """
    env = {
        name: value
        for name, value in (os.environ if source is None else source).items()
        if name not in _DROPPED_VARIABLES
    }
    env.update(_ALWAYS)
    said = [env["GIT_CONFIG_PARAMETERS"]] if env.get("GIT_CONFIG_PARAMETERS") else []
    said += [_quoted(f"{key}={value}") for key, value in (*_OPERATOR_CONFIG, *config)]
    env["GIT_CONFIG_PARAMETERS"] = " ".join(said)
    env.update(extra or {})
    return env


def _quoted(word: str) -> str:
    """As git's `sq_quote` does (quote.c)."""
    return "'" + word.replace("'", "'\\''").replace("!", "'\\!'") + "'"
