"""A worker of a mirrored world in a process of its own, which stops itself (SIGSTOP) at a checkpoint.

`warm.begin("tests.service.late:main", DATABASE, FOLDER, HOST, CHECKPOINT)`; the checkpoint may be empty. The keys come from the
environment.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gitalign.core.addresses import AddressRules
from gitalign.service.working.remote_access import RemoteSettings
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.database import open_service_database


def main() -> None:
    database, folder, host, name = sys.argv[1:]
    rules = AddressRules(schemes=("http",), hosts=(host,), allows_private=True)
    keys = (os.environ["TEST_CREDENTIAL_KEY"],)

    def stop(reached: str) -> None:
        if reached == name:
            os.kill(os.getpid(), signal.SIGSTOP)

    settings = WorkSettings(remotes=RemoteSettings(folder=Path(folder), rules=rules, keys=keys))
    Workers(open_service_database(file=Path(database)), settings, checkpoint=stop).work_once()
