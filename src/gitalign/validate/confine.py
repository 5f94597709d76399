"""Keeping commands away from what is not theirs: network, files outside their work tree, processes of others.

What the system offers is found out by trying it. Where it offers nothing, that is said, never passed over.
"""

from __future__ import annotations

import ast
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitalign import child
from gitalign.core.validation import Bounds, ValidationPlan
from gitalign.errors import UserError
from gitalign.validate.place import Place

_PROBE_S = 20.0
_LARGEST_FILE = "--fsize={}"
_SHARED_MEMORY_BYTES = 256 * 1024 * 1024
_SECRET_FOLDERS = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".config/git",
    ".docker",
    ".kube",
    ".password-store",
    ".local/share/keyrings",
)
_KERNEL = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi")
_MOST_STORES = 20
_LONGEST_PATH = 1024
_SOCKETS = (
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/dbus/system_bus_socket",
)
_SECRET_FILES = (
    ".netrc",
    ".git-credentials",
    ".gitconfig",
    ".npmrc",
    ".pypirc",
    ".config/hub",
    ".cargo/credentials.toml",
)
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
    """

    name: str
    network: bool
    words: str
    own_processes: bool
    repository: Path
    prefix: tuple[str, ...] = ()

    def has_failed(self, code: int | None, output: str) -> bool:
        """Whether it could not be set up, so that the command was not run at all."""
        return code == 1 and output.startswith(("bwrap: ", "unshare: ", "prlimit: ", "setpriv: "))

    def argv(self, command: Sequence[str], place: Place, bounds: Bounds) -> list[str]:
        """The command as it is to be started."""
        # The shell tells by its exit code (126, 127) that a command cannot be executed where it is to run.
        inner = ["/bin/sh", "-c", 'exec "$@"', "check", *command]
        if self.name == "bubblewrap":
            inner = [*_bubblewrap(place, command, network=self.network, hide=self.repository), *inner]
        elif self.prefix:
            inner = [*self.prefix, *inner]
        limits = shutil.which("prlimit")
        if limits is not None:
            inner = [limits, "--core=0", _LARGEST_FILE.format(bounds.disk_bytes), "--", *inner]
        return child.dies_with_parent(inner)


def confinement_for(plan: ValidationPlan, repository: Path) -> Confinement:
    """The strongest confinement this machine offers under a plan.

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
        return found
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
    if shutil.which("bwrap"):
        words = f"bubblewrap: {off}, files read-only outside the work tree, credentials in the home folder hidden"
        made.append(Confinement("bubblewrap", network, words, True, repository))
    unshare = shutil.which("unshare")
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


def _bubblewrap(place: Place, command: Sequence[str], *, network: bool, hide: Path) -> list[str]:
    """Words before the command. Later ones cover earlier ones (`man bwrap`)."""
    words = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"]
    if not network:
        words.append("--unshare-net")
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    words += ["--remount-ro", "/dev", "--proc", "/proc"]
    # For the kernel root is root also without capabilities: what it can be told by way of /proc must not be writable.
    words += [word for one in _KERNEL if Path(one).exists() for word in ("--ro-bind", one, one)]
    home = Path.home()
    for folder in _existing(home, _SECRET_FOLDERS):
        words += ["--size", "4096", "--tmpfs", str(folder)]
    for file in _existing(home, _SECRET_FILES):
        words += ["--ro-bind", "/dev/null", str(file)]
    # A socket in the file system is reached in spite of a network of one's own: those of daemons and key agents are covered.
    words += ["--bind", str(place.scratch), "/tmp"]
    covered = [Path("/tmp"), Path("/dev/shm")]
    if not network:  # otherwise names are looked up by way of /run
        words += ["--size", "4096", "--tmpfs", "/run"]
        covered.append(Path("/run"))
    else:
        words += [word for one in _SOCKETS if Path(one).exists() for word in ("--ro-bind", "/dev/null", one)]
    named = [Path(word) for word in command if os.path.isabs(word) and "\0" not in word and len(word) < _LONGEST_PATH]
    shown: list[Path] = []
    for needed in dict.fromkeys((*_tools(), *named)):
        is_there = any(needed == one or one in needed.parents for one in shown)
        if needed.exists() and not is_there and any(_is_in(needed, folder) for folder in covered):
            words += ["--ro-bind", str(needed.resolve()), str(needed)]
            shown.append(needed)
    # Of the repository nothing but objects is to be seen: configuration, remotes and logs tell more than a check needs.
    words += ["--size", "4096", "--tmpfs", str(hide)]
    for store in _object_stores(place.objects) if place.objects is not None else ():
        words += ["--ro-bind", str(store), str(store)]
    # Each by itself: a folder that something is mounted on cannot be moved away or replaced.
    for own in (place.tree, place.home, place.scratch):
        words += ["--bind", str(own), str(own)]
    return [*words, "--chdir", str(place.tree), "--"]


def _existing(home: Path, names: Sequence[str]) -> list[Path]:
    """What there is of them, by its real name: a link cannot be covered."""
    found: dict[Path, None] = {}
    for name in names:
        with suppress(OSError, RuntimeError):
            found[(home / name).resolve(strict=True)] = None
    return list(found)


def _object_stores(objects: Path) -> list[Path]:
    """An object directory and those it stands on (`git help gitrepository-layout`, info/alternates)."""
    found: dict[Path, None] = {}
    waiting = [objects]
    while waiting and len(found) < _MOST_STORES:
        with suppress(OSError, ValueError):
            store = waiting.pop().resolve(strict=True)
            if store in found:
                continue
            found[store] = None
            alternates = store / "info" / "alternates"
            lines = os.fsdecode(alternates.read_bytes()).splitlines() if alternates.is_file() else []
            for line in lines:
                path = ast.literal_eval(line) if line.startswith('"') else line
                if path and not line.startswith("#"):
                    waiting.append(store / path)
    for store in list(found):  # packs may lie elsewhere
        with suppress(OSError):
            found[(store / "pack").resolve(strict=True)] = None
    return list(found)


def _tools() -> list[Path]:
    """Folders that commands come from."""
    found = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry.startswith("/")]
    found = [path.parent if path.name == "bin" and len(path.parts) > 3 else path for path in found]
    return [*found, Path(sys.prefix), Path(sys.base_prefix)]


def _is_in(path: Path, folder: Path) -> bool:
    return folder in path.parents
