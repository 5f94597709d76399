"""Credentials of repositories: encrypted with the operator's key before they reach the database, and given to git alone.

A sealed credential says which repository and which server it is for: one that is copied to another row of the database does
not open there.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gitalign.core.addresses import RemoteAddress
from gitalign.errors import ConfigError, UserError
from gitalign.input_file import Unreadable, read_bounded

KEYS_VARIABLE = "GITALIGN_CREDENTIAL_KEYS"
"""Keys where no file holds them. No child process inherits it."""
_LARGEST_KEYS = 64 * 1024
_LONGEST_SECRET = 20_000
BASIC, SSH = "basic", "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a git server asks for.

    Attributes:
        kind: `basic` (a name and a password or token, over https) or `ssh`.
        username: with `basic`.
        secret: the password, or the private key.
        known_hosts: with `ssh`: lines as in the file of that name, which must know the server.
    """

    kind: str
    username: str = ""
    secret: str
    known_hosts: str = ""

    def __repr__(self) -> str:
        """Without what it holds: it must not reach a log."""
        return f"Credential(kind={self.kind!r})"


def require_fitting(credential: Credential, address: RemoteAddress) -> None:
    """Refuse a credential that does not belong to an address of that scheme, or that git could not read.

    Raises:
        UserError
    """
    wanted = SSH if address.scheme == "ssh" else BASIC
    if credential.kind != wanted:
        raise _bad(f"an address with {address.scheme} needs a credential of the kind {wanted}")
    if not credential.secret.strip() or len(credential.secret) > _LONGEST_SECRET:
        raise _bad("the secret is empty or too long")
    if credential.kind == BASIC:
        if any(ord(one) < 0x20 or ord(one) == 0x7F for one in credential.username + credential.secret):
            raise _bad("a name or password must not hold control characters")
        if not credential.username:
            raise _bad("a name is needed; with a token, the name that the server documents for tokens")
        return
    if "PRIVATE KEY-----" not in credential.secret:
        raise _bad("this is not a private key as ssh-keygen writes it")
    if not any(line.strip() and not line.startswith("#") for line in credential.known_hosts.splitlines()):
        raise _bad(
            "known hosts are needed: `ssh-keyscan HOST` prints them; compare them with what the server's owner says"
        )


class Sealer:
    """Encrypts with the first of the operator's keys, and decrypts with any of them.

    Args:
        keys: of Fernet, newest first; none when the operator named none.

    Raises:
        ConfigError: one is not a key.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None
        except ValueError as error:
            raise ConfigError(
                "a key for credentials is not one", hint="git align repo new-key FILE makes one"
            ) from error

    def seal(self, credential: Credential, *, repository: str, address: RemoteAddress) -> str:
        """Encrypt a credential.

        Args:
            credential: what the server asks for.
            repository: id of the repository.
            address: of the repository.

        Raises:
            ConfigError: the operator named no key.
        """
        content = {
            "repository": repository,
            "origin": address.origin,
            "kind": credential.kind,
            "username": credential.username,
            "secret": credential.secret,
            "known_hosts": credential.known_hosts,
        }
        return self._required().encrypt(json.dumps(content).encode("ascii")).decode("ascii")

    def opened(self, sealed: str, *, repository: str, address: RemoteAddress) -> Credential:
        """Decrypt a credential; arguments as for `seal`.

        Raises:
            ConfigError: no key fits, or it is not for this repository and server.
        """
        try:
            content = json.loads(self._required().decrypt(sealed.encode("ascii")))
        except InvalidToken as error:
            raise _unreadable("no key of this service opens it") from error
        if (content["repository"], content["origin"]) != (repository, address.origin):
            raise _unreadable("it was given for another repository or server")
        return Credential(
            kind=content["kind"],
            username=content["username"],
            secret=content["secret"],
            known_hosts=content["known_hosts"],
        )

    @property
    def has_keys(self) -> bool:
        """True when the operator named any."""
        return self._fernet is not None

    def seal_text(self, text: str, *, of: str) -> str:
        """Encrypt another secret.

        Args:
            text: the secret.
            of: what it belongs to; it opens for that alone.

        Raises:
            ConfigError: the operator named no key.
        """
        return self._required().encrypt(json.dumps({"of": of, "text": text}).encode("ascii")).decode("ascii")

    def opened_text(self, sealed: str, *, of: str) -> str:
        """Decrypt what `seal_text` encrypted.

        Raises:
            ConfigError: no key fits, or it belongs to something else.
        """
        try:
            content = json.loads(self._required().decrypt(sealed.encode("ascii")))
        except InvalidToken as error:
            raise _unreadable("no key of this service opens it") from error
        if content.get("of") != of:
            raise _unreadable("it belongs to something else")
        return str(content["text"])

    def sealed_again(self, sealed: str) -> str:
        """The same credential, encrypted with the newest key.

        Raises:
            ConfigError: no key fits.
        """
        try:
            return self._required().rotate(sealed.encode("ascii")).decode("ascii")
        except InvalidToken as error:
            raise _unreadable("no key of this service opens it") from error

    def _required(self) -> MultiFernet:
        if self._fernet is None:
            raise ConfigError(
                "the service has no key to encrypt credentials with",
                hint="git align repo new-key FILE, then name the file in repositories.key_file",
                code="no_credential_key",
            )
        return self._fernet


def new_key() -> str:
    """A key for credentials."""
    return Fernet.generate_key().decode("ascii")


def keys_of(file: Path | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The operator's keys, newest first: a line each in a file, else in an environment variable, with blanks between.

    Raises:
        ConfigError: the file cannot be read, or others may read it.
    """
    if file is None:
        return tuple(environ.get(KEYS_VARIABLE, "").split())
    try:
        found = os.stat(file)
        text = read_bounded(file, most_bytes=_LARGEST_KEYS).decode("ascii")
    except (OSError, Unreadable, UnicodeDecodeError) as error:
        raise ConfigError(f"repositories.key_file {file} cannot be read", hint="git align repo new-key FILE") from error
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"repositories.key_file {file} may be read by others", hint=f"chmod 600 {file}")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _bad(message: str) -> UserError:
    return UserError(message, hint="git align repo credential --help", code="bad_credential")


def _unreadable(why: str) -> ConfigError:
    return ConfigError(
        f"the credential of this repository cannot be used: {why}",
        hint="add the key that was used before to the keys, or give the credential again: git align repo credential NAME",
        code="credential_unreadable",
    )
