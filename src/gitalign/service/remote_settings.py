"""Settings of repositories that are registered by address (`repositories` in `server.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gitalign.configuration.section import Section
from gitalign.core.addresses import AddressRules
from gitalign.facade import FencePolicy
from gitalign.service.credentials import Sealer, keys_of
from gitalign.service.working.remote_access import RemoteSettings


class Committer(Section):
    """Who stands on commits that the service makes."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^<>\x00-\x1f\x7f]+$")] = "git-align"
    email: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^<>\x00-\x20\x7f]+$")] = "git-align@localhost"


class ByAddress(Section):
    """Repositories that are registered by address.

    Attributes:
        folder: holds their mirrors; None for one in the state folder of the user.
        hosts: that may be named; see `AddressRules`. None may without any.
        schemes: of addresses.
        private_addresses: machines that are not on the public internet may be named, too.
        key_file: of keys that encrypt credentials, newest first; None for the environment variable `GITALIGN_CREDENTIAL_KEYS`.
        committer: name and e-mail address on commits that are made in them.
        fetch_seconds: a remote may take so long to send.
        most_mebibytes: largest repository.
    """

    folder: Path | None = None
    hosts: tuple[str, ...] = ()
    schemes: tuple[Literal["https", "http", "ssh"], ...] = ("https", "ssh")
    private_addresses: bool = False
    key_file: Path | None = None
    committer: Committer = Field(default_factory=Committer)
    fetch_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    most_mebibytes: Annotated[int, Field(ge=1, le=1024**2)] = 20 * 1024

    @property
    def rules(self) -> AddressRules:
        """Which addresses are allowed."""
        return AddressRules(schemes=self.schemes, hosts=self.hosts, allows_private=self.private_addresses)

    def place(self, environ: Mapping[str, str]) -> Path:
        """The folder of mirrors."""
        return (self.folder or default_database(environ).with_name("repositories")).absolute()

    def settings(self, environ: Mapping[str, str], *, fence: FencePolicy) -> RemoteSettings:
        """As workers take it.

        Raises:
            ConfigError: the keys cannot be read.
        """
        keys = keys_of(self.key_file, environ)
        Sealer(keys)
        return RemoteSettings(
            folder=self.place(environ),
            rules=self.rules,
            keys=keys,
            committer=(self.committer.name, self.committer.email),
            fetch_s=self.fetch_seconds,
            most_bytes=self.most_mebibytes * 1024**2,
            fence=fence,
        )


def default_database(environ: Mapping[str, str]) -> Path:
    """The file of the database where none is named."""
    state = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "/var/lib")) / ".local" / "state")
    return Path(state) / "git-align" / "service.db"
