"""A service that knows a repository by its address."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitalign.core.addresses import AddressRules, parsed_address
from gitalign.core.jobs import Job, JobKind
from gitalign.facade import FencePolicy
from gitalign.service.credentials import BASIC, Credential, Sealer, new_key
from gitalign.service.working.remote_access import RemoteSettings
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.repositories import Repositories
from tests.service.asking import REPOSITORY, ask, ended
from tests.service.git_server import PASSWORD, USER, GitServer

KEY = new_key()


@dataclass
class Mirrored:
    """The service, its database, the folder of mirrors, and the git server."""

    database: ServiceDatabase
    folder: Path
    server: GitServer
    url: str
    rules: AddressRules
    most_bytes: int = 1024**3

    @property
    def place(self) -> Path:
        """The mirror."""
        return Path(Repositories(self.database).get(REPOSITORY).path)

    def add(self, name: str = REPOSITORY, *, credential: Credential | None = None, url: str = "") -> None:
        """Register the repository, with its credential."""
        url = url or self.url
        added = Repositories(self.database).add_address(name, url, folder=self.folder, actor="me")
        given = credential or Credential(kind=BASIC, username=USER, secret=PASSWORD)
        sealed = Sealer((KEY,)).seal(given, repository=added.id, address=parsed_address(url))
        Credentials(self.database).put(name, kind=given.kind, sealed=sealed, actor="me")

    def settings(self, **more: Any) -> WorkSettings:
        fetch_s = more.pop("fetch_s", 60.0)
        fence = more.pop("fence", FencePolicy.PREFERRED)
        remotes = RemoteSettings(
            folder=self.folder, rules=self.rules, keys=(KEY,), fetch_s=fetch_s, most_bytes=self.most_bytes, fence=fence
        )
        return WorkSettings(remotes=remotes, **more)

    def done(self, kind: JobKind, **params: Any) -> tuple[Job, Any]:
        """Write a job and carry it out here; the job as it ended, and its document."""
        job = ask(self.database, kind, **params)
        assert Workers(self.database, self.settings()).work_once()
        return ended(self.database, job)

    def there(self, name: str = "remote.git") -> dict[str, str]:
        """Ref -> id on the server."""
        words = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
        said = subprocess.run(words, cwd=self.server.root / name, capture_output=True, text=True, check=True).stdout
        return dict(line.split() for line in said.splitlines())

    def branches(self) -> dict[str, str]:
        """Branch -> id on the server."""
        there = self.there().items()
        return {ref.removeprefix("refs/heads/"): oid for ref, oid in there if ref.startswith("refs/heads/")}
