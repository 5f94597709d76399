"""Keeping commands away from what is not theirs: network, files outside their work tree, processes of others.

What the system offers is found out by trying it. Where it offers nothing, that is said, never passed over.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign import child
from gitalign.core.validation import Bounds, ValidationPlan
from gitalign.errors import UserError
from gitalign.git.alternates import object_stores
from gitalign.validate.place import Place
from gitalign.validate.shown import is_in, system_words, tool_paths

NEEDS_BUBBLEWRAP = "which needs bubblewrap: install it, and do not set confinement to none"
_PROBE_S = 20.0
_LARGEST_FILE = "--fsize={}"
_SHARED_MEMORY_BYTES = 256 * 1024 * 1024
_KERNEL = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi")
# Loopback is down in a new network namespace; a service that is tested needs it (`man 7 netdevice`, SIOCSIFFLAGS).
_LOOPBACK = (
    "import fcntl,os,socket,struct,sys\n"
    "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
    "fcntl.ioctl(s,0x8914,struct.pack('16sH14s',b'lo',0x41,b''))\n"
    "s.close()\n"
    "os.execvp(sys.argv[1],sys.argv[1:])\n"
)
# The first process of a namespace cannot be killed from inside (`man 7 pid_namespaces`): a command in its place that
# ended itself by a signal would seem to go on, or to end well.
_FIRST = ("/bin/sh", "-c", '"$@"; exit $?', "first")


@dataclass(frozen=True, slots=True)
class Confinement:
    """A way of confining commands that works on this machine.

    Attributes:
        name: `bubblewrap`, `namespaces` or `none`.
        network: commands can use the network.
        words: what it does, for the report.
        own_processes: everything a command starts ends with it.
        repository: git directory that is hidden, but for objects, where files can be.
        program: of bubblewrap.
        shown: further files and folders that bubblewrap lets commands read.
        environ: says which tools there are; None for the environment of this process.
    """

    name: str
    network: bool
    words: str
    own_processes: bool
    repository: Path
    prefix: tuple[str, ...] = ()
    program: str | None = None
    shown: tuple[Path, ...] = ()
    environ: Mapping[str, str] | None = None

    @property
    def hides_files(self) -> bool:
        """Whether a file that is not named cannot be read: elsewhere a path is enough to reach the repository."""
        return self.name == "bubblewrap"

    def has_failed(self, code: int | None, output: str) -> bool:
        """Whether it could not be set up, so that the command was not run at all."""
        return code == 1 and output.startswith(("bwrap: ", "unshare: ", "prlimit: ", "setpriv: "))

    def argv(self, command: Sequence[str], place: Place, bounds: Bounds) -> list[str]:
        """The command as it is to be started."""
        # The shell tells by its exit code (126, 127) that a command cannot be executed where it is to run.
        inner = ["/bin/sh", "-c", 'exec "$@"', "check", *command]
        if self.name == "bubblewrap":
            inner = [*_bubblewrap(self, place, command), *inner]
        elif self.prefix:
            inner = [*self.prefix, *inner]
        limits = _on_path("prlimit")
        if limits is not None:
            inner = [limits, "--core=0", _LARGEST_FILE.format(bounds.disk_bytes), "--", *inner]
        return child.dies_with_parent(inner)


def confinement_for(plan: ValidationPlan, repository: Path, *, environ: Mapping[str, str] | None = None) -> Confinement:
    """The strongest confinement this machine offers under a plan.

    Args:
        plan: what checks may do.
        repository: git directory that is hidden, but for objects, where files can be.
        environ: whose `PATH` names the tools that are shown; None for that of this process.

    Raises:
        UserError: the plan requires one and there is none.
    """
    if plan.confinement == "none":
        return Confinement(
            "none",
            True,
            "not confined, as configured: checks can use the network and every file of the operator",
            False,
            repository,
        )
    found = _available(plan.network, repository)
    if found is not None:
        shown = tuple(Path(path).expanduser() for path in plan.read_only_paths)
        return replace(found, shown=shown, environ=environ)
    why = "neither bubblewrap (bwrap) nor namespaces (unshare) work on this machine"
    if plan.confinement == "require":
        raise UserError(
            f"checks must be confined, but {why}",
            hint="install bubblewrap, or set validation.confinement to prefer",
        )
    return Confinement(
        "none",
        True,
        f"not confined: {why}; checks can use the network and every file of the operator",
        False,
        repository,
    )


_lock = threading.Lock()
_known: dict[tuple[bool, str], Confinement | None] = {}


def _available(network: bool, repository: Path) -> Confinement | None:
    with _lock:
        key = (network, str(repository))
        if key not in _known:
            _known[key] = next((one for one in candidates(network, repository) if works(one)), None)
        return _known[key]


def candidates(network: bool, repository: Path) -> list[Confinement]:
    """Every confinement that could work here, the strongest first."""
    off = "network as it is" if network else "network off"
    made: list[Confinement] = []
    bubblewrap = _on_path("bwrap")
    if bubblewrap is not None:
        words = f"bubblewrap: {off}; beside the work tree only system files and tools are there, read-only"
        made.append(Confinement("bubblewrap", network, words, True, repository, program=bubblewrap))
    unshare = _on_path("unshare")
    if unshare is not None:
        user = () if os.geteuid() == 0 else ("--user", "--map-current-user", "--keep-caps")
        net = () if network else ("--net",)
        up = () if network else (sys.executable, "-I", "-S", "-c", _LOOPBACK)
        contained = ("--pid", "--fork", "--kill-child", "--mount-proc")
        for ids in dict.fromkeys((user, ("--user", "--map-current-user", "--keep-caps"))):
            words = f"namespaces: {off}, processes contained; every file of the operator can be read and written"
            made.append(
                Confinement(
                    "namespaces",
                    network,
                    words,
                    True,
                    repository,
                    (unshare, *ids, *net, *contained, "--", *up, *_FIRST),
                )
            )
        if not network:
            for ids in dict.fromkeys((user, ("--user", "--map-current-user", "--keep-caps"))):
                words = "namespaces: network off; every file of the operator can be read and written"
                made.append(
                    Confinement("namespaces", network, words, False, repository, (unshare, *ids, *net, "--", *up))
                )
    return made


def _on_path(name: str) -> str | None:
    """A program by its whole name, from the operator's PATH: checks see another one."""
    found = shutil.which(name)
    return os.path.abspath(found) if found is not None else None


def works(one: Confinement) -> bool:
    """Whether a command can really be run so, in a folder like those of checks."""
    root = Path(os.environ.get("TMPDIR", "/tmp")) / f"git-align-probe-{secrets.token_hex(6)}"
    place = Place(root, root / "tree", root / "home", root / "tmp")
    try:
        for folder in (place.tree, place.home, place.scratch):
            folder.mkdir(parents=True)
        argv = one.argv(["/bin/sh", "-c", "echo made > made"], place, Bounds())
        done = child.run(argv, env={"PATH": os.defpath}, cwd=place.tree, timeout_s=_PROBE_S)
        return done.returncode == 0 and (place.tree / "made").exists()
    except (OSError, child.ChildTimedOut):
        return False
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _bubblewrap(one: Confinement, place: Place, command: Sequence[str]) -> list[str]:
    """Words before the command. Nothing is there that is not named here; later ones cover earlier ones (`man bwrap`)."""
    assert one.program is not None
    words = [one.program, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"]
    if not one.network:
        words.append("--unshare-net")
    words += system_words()
    words += ["--dev", "/dev", "--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    words += ["--remount-ro", "/dev", "--proc", "/proc"]
    # For the kernel root is root also without capabilities: what can be changed by way of /proc must not be writable.
    words += [word for part in _KERNEL if Path(part).exists() for word in ("--ro-bind", part, part)]
    words += ["--bind", str(place.scratch), "/tmp", "--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run"]
    for needed in tool_paths(command, one.shown, environ=one.environ):
        if not is_in(needed, one.repository):
            words += ["--ro-bind", str(needed), str(needed)]
    # Of the repository nothing but objects is there: configuration, remotes and logs tell more than a check needs.
    words += ["--size", "4096", "--tmpfs", str(one.repository)]
    for store in _with_packs(object_stores(place.objects)) if place.objects is not None else ():
        words += ["--ro-bind", str(store), str(store)]
    # Each by itself: a folder that something is mounted on cannot be moved away or replaced.
    for own in (place.tree, place.home, place.scratch, *([place.cache] if place.cache else [])):
        words += ["--bind", str(own), str(own)]
    if place.secrets is not None:
        words += ["--ro-bind", str(place.secrets), str(place.secrets)]
    return [*words, "--remount-ro", "/", "--chdir", str(place.tree), "--"]


def _with_packs(stores: Sequence[Path]) -> list[Path]:
    """Object stores, and where their packs lie when that is elsewhere."""
    found = dict.fromkeys(stores)
    for store in stores:
        with suppress(OSError):
            found[(store / "pack").resolve(strict=True)] = None
    return list(found)
