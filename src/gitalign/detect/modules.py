"""Which Python modules a tree holds, and which of them an import means. Nothing is imported."""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from gitalign.detect.python import Import

_SOURCES = (".py", ".pyi", ".pyx", ".so", ".pyd")
_STANDARD = sys.stdlib_module_names | {
    "__future__",
    "__main__",
    "_typeshed",
    "distutils",
    "imp",
    "asyncore",
    "asynchat",
}


class ModuleIndex:
    """Modules and packages of a tree by path without ending.

    Args:
        below: the index of another tree; this one then holds the difference.
    """

    def __init__(self, below: ModuleIndex | None = None) -> None:
        self._below = below
        self._stems: Counter[str] = Counter()
        self._folders: Counter[str] = Counter()
        self._roots: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, paths: Iterable[str], *, times: int = 1) -> ModuleIndex:
        """Add the modules among some paths; `times=-1` takes them away."""
        for path in paths:
            for at, place in enumerate(self.places_of(path)):
                root, _, part = place.rpartition("/")
                if not at:
                    self._stems[place] += times
                self._roots[part][root] += times
                if root:
                    self._folders[root] += times
        return self

    @staticmethod
    def places_of(path: str) -> Iterator[str]:
        """The path of a module without its ending, then the packages around it; nothing for other files."""
        if path.endswith(_SOURCES):
            folder, _, name = path.rpartition("/")
            place = f"{folder}/{name.partition('.')[0]}" if folder else name.partition(".")[0]
            while place:
                yield place
                place = place.rpartition("/")[0]

    def holds(self, stem: str) -> bool:
        """True when a module or a package (with or without `__init__`) has this path."""
        return self._count(stem) > 0

    def is_local(self, top: str) -> bool:
        """True when some module or package of the tree has this name, at whatever depth."""
        return next(self.roots(top), None) is not None

    def roots(self, top: str) -> Iterator[str]:
        """Folders in which a module or package of this name lies."""
        here = self._roots.get(top, Counter())
        below = dict(self._below.root_counts(top)) if self._below else {}
        return (root for root in sorted({*here, *below}) if here[root] + below.get(root, 0) > 0)

    def root_counts(self, top: str) -> Counter[str]:
        """How many files stand for a name in each folder."""
        counts = Counter(self._roots.get(top, Counter()))
        if self._below:
            counts.update(self._below.root_counts(top))
        return counts

    def resolve(self, one: Import, importer: str) -> list[str]:
        """Paths without ending that an import may mean; none when it means nothing here.

        Args:
            one: the import.
            importer: path of the file it stands in.
        """
        if one.level:
            folder = importer.rpartition("/")[0]
            for _ in range(one.level - 1):
                folder = folder.rpartition("/")[0]
            stem = "/".join(part for part in (folder, one.module.replace(".", "/")) if part)
            return [stem] if (stem and self.holds(stem)) or not one.module else []
        parts = one.module.split(".")
        places = ("/".join(filter(None, (root, *parts))) for root in self.roots(parts[0]))
        return [place for place in places if self.holds(place)]

    def may_be_made(self, one: Import, importer: str) -> bool:
        """True for modules that are written or made up when a program is built or run.

        Version files are generated; and what lies below a single file, instead of a package, only that file can offer.
        """
        parts = one.module.split(".")
        if _GENERATED.search(parts[-1]):
            return True
        return any(
            self.resolve(Import(".".join(parts[:end]), one.level, (), one.line, False), importer)
            and not any(self._is_folder("/".join(filter(None, (root, *parts[:end])))) for root in self.roots(parts[0]))
            for end in range(1, len(parts))
        )

    def _is_folder(self, place: str) -> bool:
        below = self._below._is_folder(place) if self._below else False
        return below or self._folders[place] > 0

    def _count(self, stem: str) -> int:
        below = self._below._count(stem) if self._below else 0
        return self._stems[stem] + self._folders[stem] + below


def is_standard(module: str) -> bool:
    """True for modules of the standard library."""
    return module.partition(".")[0] in _STANDARD


# Distributions whose modules are named otherwise than they are. What is missing here is at worst an `info`.
_NAMED_OTHERWISE = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google": "google-cloud",
    "googleapiclient": "google-api-python-client",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "usb": "pyusb",
    "win32api": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_GENERATED = re.compile(r"^_?version$|_pb2(_grpc)?$|^_?build_info$")
_REQUIREMENT = re.compile(r"""(?:^|["'\[,])\s*([A-Za-z0-9][A-Za-z0-9._-]*)""", re.MULTILINE)
DECLARATIONS = re.compile(
    r"(^|/)(pyproject\.toml|setup\.(py|cfg)|Pipfile|environment\.ya?ml|requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|uv\.lock|poetry\.lock)$"
)
"""Files in which a repository says what it depends on."""


def declared(texts: Iterable[str]) -> frozenset[str]:
    """Names in declarations, normalised. Generous: any word that could name a distribution counts as declared."""
    return frozenset(_normal(match[1]) for words in texts for match in _REQUIREMENT.finditer(words))


def is_declared(module: str, names: frozenset[str]) -> bool:
    """True when a declared distribution may hold the module."""
    top = module.partition(".")[0]
    wanted = {_normal(top), _normal(_NAMED_OTHERWISE.get(top, top)), _normal(f"python-{top}"), _normal(f"py{top}")}
    return bool(wanted & names) or any(name.startswith(f"{_normal(top)}-") for name in names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower().rstrip("-")
