"""Work trees of a run that was killed while its checks ran are found without the configuration that named their place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitalign import facade
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace


@pytest.mark.parametrize("next_verb", ["resume", "run --yes --quiet"])
def test_the_next_command_removes_them_without_the_configuration(tmp_path: Path, next_verb: str) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in ("a", "b"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    place = tmp_path / "trees"
    config = tmp_path / "config.yaml"
    config.write_text(
        f"validation:\n  directory: {place}\n  confinement: none\n  checks: [{{name: c, command: ['true']}}]\n"
    )
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from gitalign import facade\n"
        "from gitalign.core.plan import Permit\n"
        "def listen(event):\n"
        "    if event.kind.value == 'branch_validated': os.kill(os.getpid(), signal.SIGKILL)\n"
        "request = facade.Request(repo=sys.argv[1], config_file=Path(sys.argv[2]))\n"
        "facade.run(request, permit=Permit(plan_id='*'), listeners=[listen])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(work.path), str(config)], check=False, env=os.environ, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    assert list(place.rglob("tree"))
    after = call(*next_verb.split(), cwd=work.path)
    assert after.returncode == 0, after.stderr
    assert not list(place.rglob("tree"))
    assert facade.runs(facade.Request(repo=work.path))[0].moved == 2
