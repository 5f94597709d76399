"""What a check under bubblewrap sees of the machine: what it needs, and nothing else. Edge case 41."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gitalign.core.validation import Bounds, CheckResult, CheckStatus, CommandCheck, ValidationPlan
from gitalign.errors import ConfigError
from gitalign.validate import confine
from gitalign.validate.commands import Sandbox, run_command
from gitalign.validate.confine import confinement_for
from gitalign.validate.place import Place, visible_environment
from gitalign.validate.shown import tool_paths
from tests import needs


@pytest.fixture
def room(tmp_path: Path) -> Place:
    needs.bubblewrap(tmp_path)
    root = tmp_path / "slot"
    made = Place(root, root / "tree", root / "home", root / "tmp")
    for folder in (made.tree, made.home, made.scratch):
        folder.mkdir(parents=True)
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "operator"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    return place


def check(room: Place, script: str, **plan: object) -> CheckResult:
    made = ValidationPlan(confinement="require", **plan)  # type: ignore[arg-type]
    return run_command(
        CommandCheck(name="check", argv=("sh", "-c", script), timeout_s=30),
        room,
        Sandbox(
            confinement_for(made, room.root.parent / "repository.git"),
            Bounds(),
            visible_environment(made, (), source=os.environ),
        ),
        is_cancelled=lambda: False,
    )


def test_no_file_of_the_operator_is_there(room: Place, home: Path) -> None:
    """Whatever its name is; nor what root alone may read, and checks of root could."""
    for name in (".pgpass", ".config/a-tool-of-tomorrow/token", "notes.txt", "work/other-repository/secret.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("hunter2")
    beside = room.root.parent / "beside"
    beside.write_text("hunter2")
    seen = check(
        room,
        f"cat /etc/shadow /etc/gshadow; ls -A {home} /root /home /var /srv /etc/ssh; find / -name .pgpass; cat {beside}",
    )
    assert "hunter2" not in seen.output
    assert ":0:" not in seen.output
    assert ".pgpass" not in seen.output.replace("find", "")
    assert seen.output.count("No such file or directory") >= 5


def test_nothing_but_its_own_folders_can_be_written(room: Place) -> None:
    seen = check(
        room,
        "for at in / /etc /usr /run /var /opt /home /dev /proc/sys; do touch $at/made 2>/dev/null && echo $at; done; touch here /tmp/made /var/tmp/made ~/made",
    )
    assert (seen.status, seen.output.strip()) == (CheckStatus.PASSED, "")


def test_what_programs_need_of_the_system_is_there(room: Place) -> None:
    script = (
        "set -e; id -un; getent passwd root; getent hosts localhost; date; perl -e 'print 1'; awk 'BEGIN{print 2}'; "
        f"python3 -c 'import ssl; ssl.create_default_context(); import ctypes.util'; {sys.executable} -c 'import pydantic'; "
        "git init -q made; test -c /dev/null; test -e /proc/self/stat; nproc"
    )
    seen = check(room, script)
    assert seen.status is CheckStatus.PASSED, seen.output


def test_tools_of_the_home_folder_are_there_and_what_lies_beside_them_is_not(
    room: Place, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pipx, uv, cargo and pyenv install them: links, virtual environments, interpreters elsewhere, shims."""
    real = shutil.which("sh") or "/bin/sh"
    base = home / "pythons" / "3" / "bin"
    venv = home / ".local/share/pipx/venvs/tool"
    for folder in (base, venv / "bin", venv / "lib", home / ".local/bin", home / ".cargo/bin", home / ".pyenv/shims"):
        folder.mkdir(parents=True)
    (base / "interpreter").symlink_to(real)
    (base.parent / "lib").mkdir()
    (base.parent / "lib" / "module").write_text("")
    (venv / "pyvenv.cfg").write_text(f"home = {base}\n")
    (venv / "lib" / "module").write_text("")
    (venv / "bin" / "interpreter").symlink_to(base / "interpreter")
    _script(
        venv / "bin" / "piped",
        f"#!{venv}/bin/interpreter\ntest -e {venv}/lib/module && test -e {base.parent}/lib/module\n",
    )
    (home / ".local/bin/piped").symlink_to(venv / "bin" / "piped")
    _script(home / ".cargo/bin/rusty", "#!/bin/sh\n")
    _script(home / ".pyenv/shims/shimmed", f"#!/bin/sh\nexec {home}/.pyenv/libexec/real\n")
    (home / ".pyenv/libexec").mkdir()
    _script(home / ".pyenv/libexec/real", "#!/bin/sh\n")
    for name in (".local/share/keyrings/login", ".cargo/credentials.toml", "pythons/token", "lib/mine", "share/mine"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("hunter2")
    (home / "bin").mkdir()
    folders = [home / "bin", home / ".local/bin", home / ".cargo/bin", home / ".pyenv/shims"]
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, folders), os.environ["PATH"], str(home), "relative", "/"]))
    seen = check(room, "set -e; piped; rusty; shimmed")
    assert seen.status is CheckStatus.PASSED, seen.output
    seen = check(room, f"grep -r hunter2 {home}")
    assert "hunter2" not in seen.output


def _script(place: Path, text: str) -> None:
    place.write_text(text)
    place.chmod(0o755)


def test_the_operator_may_show_more(room: Place, home: Path) -> None:
    (home / "models").mkdir()
    (home / "models" / "weights").write_text("")
    (home / "models-not").mkdir()
    script = (
        "test -e ~operator/models/weights && ! touch ~operator/models/x 2>/dev/null && ! test -e ~operator/models-not"
    )
    seen = check(room, script.replace("~operator", str(home)), read_only_paths=("~/models", "/not/there"))
    assert seen.status is CheckStatus.PASSED, seen.output


@pytest.mark.parametrize("path", ["relative", "/", "~/", "//"])
def test_paths_to_show_are_absolute_and_not_everything(path: str) -> None:
    from gitalign.configuration.load import load_config

    with pytest.raises(ConfigError, match="read_only_paths"):
        load_config(file=None, git_dir=None, environ={}, overrides={"validation.read_only_paths": [path]})


def test_bubblewrap_is_found_where_the_operator_has_it(
    room: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks, and the trial before them, have another PATH."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(shutil.which("bwrap") or "", folder / "bwrap")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "defpath", "/nowhere")
    monkeypatch.setattr(confine, "_known", {})
    assert check(room, "true").status is CheckStatus.PASSED
    found = confinement_for(ValidationPlan(), tmp_path)
    assert (found.name, found.program) == ("bubblewrap", str(folder / "bwrap"))


def test_tools_are_those_of_the_environment_that_was_given(tmp_path: Path) -> None:
    """Two runs in one process can have different search paths."""
    for name in ("mine", "other"):
        (tmp_path / name / "bin").mkdir(parents=True)
        tool = tmp_path / name / "bin" / "tool"
        tool.write_text("#!/bin/sh\n")
        tool.chmod(0o755)
    shown = tool_paths(["tool"], (), environ={"PATH": str(tmp_path / "mine" / "bin")})
    assert tmp_path / "mine" / "bin" in shown
    assert not any(tmp_path / "other" in (place, *place.parents) for place in shown)
