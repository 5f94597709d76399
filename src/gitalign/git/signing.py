"""Signing rewritten commits with the operator's own key, the way git does it.

git signs the bytes of the unsigned commit with the program `gpg.format` names (`git help config`, gpg.*) and puts the
answer into a header. Rewriting goes through raw bytes here, so the signature is asked for here as well; `git commit-tree
-S` would re-encode messages. Only the operator's configuration is read, never anything a branch brings.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitalign import child
from gitalign.core.commit import RawCommit, serialise, with_signature
from gitalign.errors import GitError
from gitalign.git.command import Git, environment, text
from gitalign.git.scratch import scratch_folder

_SIGN_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """How the operator signs.

    Attributes:
        format: `openpgp`, `ssh` or `x509`.
        program: executable that signs.
        key: key id, key file or literal ssh key.
        object_format: names the header the signature goes into.
    """

    format: str
    program: str
    key: str
    object_format: str

    def sign(self, commit: RawCommit) -> RawCommit:
        """The commit with a signature.

        Raises:
            GitError: the program failed; the message is its own.
        """
        payload = serialise(commit)
        signature = self._ssh(payload) if self.format == "ssh" else self._gpg(payload)
        return with_signature(commit, signature, object_format=self.object_format)

    def _gpg(self, payload: bytes) -> bytes:
        done = self._run(
            [self.program, "--status-fd=2", "--batch", "--pinentry-mode=error", "-bsau", self.key], payload
        )
        if done.returncode != 0 or b"[GNUPG:] SIG_CREATED" not in done.stderr:
            raise self._failure(done)
        return done.stdout.replace(b"\r\n", b"\n")

    def _ssh(self, payload: bytes) -> bytes:
        with scratch_folder("sign") as folder:
            key = self.key.removeprefix("key::")
            words = [self.program, "-Y", "sign", "-n", "git"]
            if key.startswith(("ssh-", "ecdsa-", "sk-")):
                public = folder / "key.pub"
                public.write_text(key + "\n", encoding="utf-8")
                words += ["-f", str(public), "-U"]
            else:
                words += ["-f", str(Path(key).expanduser())]
            done = self._run(words, payload)
        if done.returncode != 0 or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE"):
            raise self._failure(done)
        return done.stdout.replace(b"\r\n", b"\n")

    def _run(self, argv: list[str], payload: bytes) -> child.Completed:
        env = environment()
        if "GPG_TTY" in os.environ:
            env["GPG_TTY"] = os.environ["GPG_TTY"]
        try:
            return child.run(argv, env=env, stdin=payload, timeout_s=_SIGN_TIMEOUT_S)
        except (FileNotFoundError, PermissionError) as error:
            raise GitError(
                f"cannot start {argv[0]} to sign commits",
                hint="install it, or set commit.gpgsign to false",
                code="signing_failed",
            ) from error
        except child.ChildTimedOut as error:
            raise GitError(
                f"{argv[0]} did not sign within {_SIGN_TIMEOUT_S:g} s",
                hint="unlock the key first (it may be asking for a passphrase)",
                code="signing_failed",
            ) from error

    def _failure(self, done: child.Completed) -> GitError:
        said = text(done.stderr).strip()[-500:]
        return GitError(
            f"{done.argv[0]} could not sign: {said or f'exit {done.returncode}'}",
            hint="make the signing key usable, or set commit.gpgsign to false",
            code="signing_failed",
        )


def configured_signer(git: Git, *, committer: bytes, object_format: str) -> Signer | None:
    """The signer that `commit.gpgsign` asks for, None when it does not.

    Args:
        git: sees the operator's and the repository's configuration.
        committer: committer line; names the key when `user.signingKey` does not.
    """
    if _get(git, "commit.gpgsign", kind="bool") != "true":
        return None
    chosen = _get(git, "gpg.format") or "openpgp"
    fallback = {"openpgp": "gpg", "x509": "gpgsm", "ssh": "ssh-keygen"}.get(chosen)
    if fallback is None:
        raise GitError(f"gpg.format is {chosen!r}; openpgp, x509 and ssh are known", code="signing_failed")
    program = (
        _get(git, f"gpg.{chosen}.program") or (_get(git, "gpg.program") if chosen == "openpgp" else "") or fallback
    )
    key = _get(git, "user.signingkey") or text(committer.rsplit(b" ", 2)[0])
    return Signer(format=chosen, program=program, key=key, object_format=object_format)


def _get(git: Git, name: str, *, kind: str | None = None) -> str:
    words = ["config", *([f"--type={kind}"] if kind else []), "--get", name]
    done = git.run(*words, accept=(0, 1))
    return text(done.stdout).rstrip("\n") if done.returncode == 0 else ""
