"""Signing rewritten commits with the operator's own key, the way git does it.

git signs the bytes of the unsigned commit with the program `gpg.format` names (`git help config`, gpg.*) and puts the
answer into a header. Rewriting goes through raw bytes here, so the signature is asked for here as well; `git commit-tree
-S` would re-encode messages. Only the operator's configuration is read, never anything a branch brings. Verbs that only
look make commits that are thrown away, and do not sign them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from gitalign import child
from gitalign.core.commit import RawCommit, serialise, with_signature
from gitalign.errors import GitError
from gitalign.git.command import Git, said_in, text
from gitalign.git.repository import Repository
from gitalign.git.scratch import scratch_folder

_TIMEOUT_S = 60.0
_LITERAL = ("key::", "ssh-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """How the operator signs.

    Attributes:
        format: `openpgp`, `ssh` or `x509`.
        program: executable that signs.
        key: key id, key file or literal ssh key.
        object_format: names the header the signature goes into.
        git: the operator's; programs run in its environment and folder.
    """

    format: str
    program: str
    key: str
    object_format: str
    git: Git

    def sign(self, commit: RawCommit) -> RawCommit:
        """The commit with a signature.

        Raises:
            GitError: the program failed; the message is its own.
        """
        payload = serialise(commit)
        signature = self._ssh(payload) if self.format == "ssh" else self._gpg(payload)
        return with_signature(commit, signature, object_format=self.object_format)

    def _gpg(self, payload: bytes) -> bytes:
        # Programs for x509 (smimesign, gitsign) know no options but git's own.
        quiet = ["--batch", "--pinentry-mode=error"] if self.format == "openpgp" else []
        done = _run(self.git, [self.program, "--status-fd=2", *quiet, "-bsau", self.key], payload)
        if done.returncode != 0 or b"[GNUPG:] SIG_CREATED" not in done.stderr:
            raise self._failure(done)
        return done.stdout.replace(b"\r\n", b"\n")

    def _ssh(self, payload: bytes) -> bytes:
        with scratch_folder("sign") as folder:
            words = [self.program, "-Y", "sign", "-n", "git"]
            if self.key.startswith(_LITERAL):
                public = folder / "key.pub"
                public.write_text(self.key.removeprefix("key::") + "\n", encoding="utf-8")
                words += ["-f", str(public), "-U"]
            else:
                words += ["-f", str(Path(self.key).expanduser())]
            done = _run(self.git, words, payload)
        if done.returncode != 0 or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE"):
            raise self._failure(done)
        return done.stdout.replace(b"\r\n", b"\n")

    def _failure(self, done: child.Completed) -> GitError:
        said = said_in(done.stderr)[-500:]
        return GitError(
            f"{done.argv[0]} could not sign: {said or f'exit {done.returncode}'}",
            hint="make the signing key usable, or set commit.gpgsign to false",
            code="signing_failed",
        )


def configured_signer(repository: Repository, *, committer: bytes) -> Signer | None:
    """The signer that `commit.gpgsign` asks for, None when it does not.

    Args:
        repository: asked as the operator would ask from the work tree that it was opened from.
        committer: committer line; names the key when `user.signingKey` does not.

    Raises:
        GitError: the format is unknown, or no ssh key is named.

    Source: gpg-interface.c (get_signing_key, get_default_ssh_signing_key).
    """
    git = repository.operator
    if _get(git, "commit.gpgsign", kind="bool") != "true":
        return None
    chosen = _get(git, "gpg.format") or "openpgp"
    fallback = {"openpgp": "gpg", "x509": "gpgsm", "ssh": "ssh-keygen"}.get(chosen)
    if fallback is None:
        raise GitError(f"gpg.format is {chosen!r}; openpgp, x509 and ssh are known", code="signing_failed")
    program = (
        _get(git, f"gpg.{chosen}.program") or (_get(git, "gpg.program") if chosen == "openpgp" else "") or fallback
    )
    key = _get(git, "user.signingkey")
    if not key:
        key = _default_ssh_key(git) if chosen == "ssh" else text(committer.rsplit(b" ", 2)[0])
    return Signer(format=chosen, program=program, key=key, object_format=repository.object_format, git=git)


def _default_ssh_key(git: Git) -> str:
    """The first key that `gpg.ssh.defaultKeyCommand` prints (`git help config`)."""
    command = _get(git, "gpg.ssh.defaultKeyCommand")
    if not command:
        raise GitError(
            "gpg.format is ssh, and neither user.signingKey nor gpg.ssh.defaultKeyCommand is set",
            hint="git config --global user.signingKey ~/.ssh/id_ed25519.pub",
            code="signing_failed",
        )
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise GitError(f"gpg.ssh.defaultKeyCommand: {error}: {command}", code="signing_failed") from error
    done = _run(git, argv, b"")
    first = text(done.stdout).partition("\n")[0].strip()
    if done.returncode != 0 or not first.startswith(_LITERAL):
        said = said_in(done.stderr)[-500:] or first or f"exit {done.returncode}"
        raise GitError(
            f"gpg.ssh.defaultKeyCommand gives no key: {said}",
            hint="ssh-add -L shows the keys of the agent; user.signingKey names one",
            code="signing_failed",
        )
    return first


def _run(git: Git, argv: list[str], payload: bytes) -> child.Completed:
    env = {name: value for name, value in git.env().items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        return child.run(argv, env=env, cwd=git.folder, stdin=payload, timeout_s=_TIMEOUT_S, register=git.processes)
    except (OSError, IndexError) as error:
        raise GitError(
            f"cannot start {argv[0] if argv else 'an empty command'} to sign commits",
            hint="install it, or set commit.gpgsign to false",
            code="signing_failed",
        ) from error
    except child.ChildTimedOut as error:
        raise GitError(
            f"{argv[0]} did not sign within {_TIMEOUT_S:g} s",
            hint="unlock the key first (it may be asking for a passphrase)",
            code="signing_failed",
        ) from error


def _get(git: Git, name: str, *, kind: str | None = None) -> str:
    words = ["config", *([f"--type={kind}"] if kind else []), "--get", name]
    done = git.run(*words, accept=(0, 1))
    return text(done.stdout).rstrip("\n") if done.returncode == 0 else ""
