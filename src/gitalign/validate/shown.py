"""What a confined command is shown of the machine: what it needs to run, and nothing else.

A list of what is hidden is never complete (`~/.pgpass`, `/etc/shadow`, the next tool's token file), so this one says what
is there: system programs and libraries, a few files in /etc, and the folders of tools on PATH. Home folders, `/root`,
`/var`, `/srv`, `/run` and the repository are not there at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "default/locale", "fonts",
    "gai.conf", "group", "host.conf", "hostname", "hosts", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias",
    "locale.conf", "localtime", "login.defs", "lsb-release", "magic", "magic.mime", "mime.types", "networks", "nsswitch.conf",
    "os-release", "passwd", "perl", "pki/ca-trust", "pki/java", "pki/tls/cert.pem", "pki/tls/certs", "pki/tls/openssl.cnf",
    "protocols", "python3", "redhat-release", "resolv.conf", "rpc", "services", "shells", "ssl/cert.pem", "ssl/certs",
    "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
_OF_A_TOOL = ("lib", "lib32", "lib64", "libexec", "include", "pyvenv.cfg")
_LONGEST_PATH = 1024
_MOST_STEPS = 8
_MOST_LINKS = 10_000
_OURS = Path(__file__).parents[1]
"""The package: the probe of the start-up check is in it."""


def system_words() -> list[str]:
    """Words for bubblewrap that show the system, read-only (`man bwrap`)."""
    words: list[str] = []
    for place in map(Path, _SYSTEM):
        if place.is_symlink():  # /bin, where it is a name of /usr/bin
            words += ["--symlink", os.readlink(place), str(place)]
        elif place.exists():
            words += ["--ro-bind", str(place), str(place)]
    for name in _ETC:
        place = Path("/etc", name)
        if place.exists():
            words += ["--ro-bind", os.path.realpath(place), str(place)]
    return words


def tool_paths(command: Sequence[str], more: Sequence[Path], *, environ: Mapping[str, str] | None = None) -> list[Path]:
    """Files and folders beside the system that a command needs, outermost first.

    Args:
        command: its absolute paths are shown, and what its program stands on.
        more: what the operator wants to be shown.
        environ: whose `PATH` and `LD_LIBRARY_PATH` count; None for those of this process.
    """
    source = os.environ if environ is None else environ
    wanted: dict[Path, None] = dict.fromkeys([Path(sys.prefix), Path(sys.base_prefix), _OURS, *more])
    for word in command:
        if os.path.isabs(word) and "\0" not in word and len(word) < _LONGEST_PATH:
            wanted.update(dict.fromkeys(_of_program(Path(word))))
            wanted[Path(word)] = None
    wanted.update(dict.fromkeys(_on_path(source.get("PATH", ""))))
    wanted.update(
        dict.fromkeys(Path(entry) for entry in source.get("LD_LIBRARY_PATH", "").split(":") if os.path.isabs(entry))
    )
    covered = {str(place) for place in _system()}
    homes = _homes()
    shown: list[Path] = []
    for place in sorted({os.path.normpath(one) for one in wanted}, key=lambda one: one.count("/")):
        if covered.isdisjoint(_with_parents(place)) and not _says_too_much(place, homes) and os.path.exists(place):
            covered.add(place)
            shown.append(Path(place))
    return shown


def _with_parents(place: str) -> Iterator[str]:
    """An absolute path, then every folder that it is in, but for the root."""
    while len(place) > 1:
        yield place
        place = place[: place.rindex("/")]


def is_in(place: Path, folder: Path) -> bool:
    """Whether a place is a folder, or in it."""
    return place.is_relative_to(folder)


def _system() -> Iterator[Path]:
    places = (*map(Path, _SYSTEM), *(Path("/etc", name) for name in _ETC))
    return (place for place in places if place.exists())


def _homes() -> frozenset[str]:
    """Home folders, and all that they are in."""
    return frozenset(part for home in (str(Path.home()), "/root") for part in _with_parents(home))


def _says_too_much(place: str, homes: frozenset[str]) -> bool:
    """A home folder, or one that has it inside: a tool is never all of that."""
    return place in homes or place in ("/", "/home", "/etc", "/var")


@lru_cache(maxsize=8)
def _on_path(path: str) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    links = 0
    for entry in dict.fromkeys(path.split(os.pathsep)):
        if not os.path.isabs(entry) or not os.path.isdir(entry):
            continue
        found.update(dict.fromkeys(_of_folder(Path(entry))))
        with os.scandir(entry) as files:
            for file in files:
                if file.is_symlink() and links < _MOST_LINKS:
                    links += 1
                    found.update(dict.fromkeys(_of_program(Path(file.path))))
    return tuple(found)


def _of_program(program: Path) -> Iterator[Path]:
    """What a program stands on: what its links lead to, step by step, and its interpreter."""
    for _ in range(_MOST_STEPS):
        if program.parent.name in ("bin", "sbin", "shims"):
            yield from _of_folder(program.parent)
        else:
            yield program
        real = program.parent.resolve() / program.name
        if real != program:
            yield from _of_folder(real.parent) if real.parent.name in ("bin", "sbin", "shims") else (real,)
        if real.is_symlink():
            program = Path(os.path.normpath(real.parent / os.readlink(real)))
        elif (interpreter := _interpreter(real)) is not None:
            program = interpreter
        else:
            return


def _interpreter(program: Path) -> Path | None:
    try:
        with program.open("rb") as file:
            first = file.readline(_LONGEST_PATH) if file.read(2) == b"#!" else b""
    except OSError:
        return None
    words = os.fsdecode(first).split()
    return Path(words[0]) if words and os.path.isabs(words[0]) else None


def _of_folder(folder: Path) -> Iterator[Path]:
    """A folder of programs with what belongs to it; of a prefix such as `~/.local` not all the rest."""
    yield folder
    prefix = folder.parent
    if folder.name == "shims":  # of pyenv, rbenv, asdf: they start what lies beside them
        yield prefix
    elif folder.name in ("bin", "sbin") and not _says_too_much(str(prefix), _homes()):
        yield from (prefix / name for name in _OF_A_TOOL if (prefix / name).exists())
        if prefix.name != ".local" and (prefix / "share").exists():  # ~/.local/share holds keyrings
            yield prefix / "share"
        yield from _base_of(prefix)


def _base_of(prefix: Path) -> Iterator[Path]:
    """Where the interpreter of a virtual environment lives (PEP 405, `home`)."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home" and os.path.isabs(value.strip()):
            home = Path(value.strip())
            yield from _of_folder(home)
            yield from _of_folder(home.resolve())
