"""Paths of the machine in what is shown to people who must not know them: replaced by names such as `<repository>`. Pure.

A path is looked for in every spelling in which a document may have it: as it is, escaped for JSON, HTML or addresses, with control
characters made visible, quoted for a shell.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote

from gitalign.core.names import display

MOST_PLACES = 2_000
"""Of one repository: work trees come and go, and old documents still name them."""
_STARTS_HERE = re.compile(
    rb"(?:^|[^\w.~-]|\\[nrtbf]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|%[0-9A-F]{2}|[0-9;\[]m)\Z", re.DOTALL
)
"""What stands before `/srv`, so that `src/srv` stays as it is: also the end of an escape in JSON, or of a colour."""
_ENDS_HERE = re.compile(rb"[^\w.-]|\Z", re.DOTALL)
_IN_ADDRESS = re.compile(rb"/api/(?:v1|projects)\Z")
_IN_LINK = re.compile(rb"(?:href|action|src|data-[a-z]+)=\"\Z")
_LONGEST_BEFORE = 16


class MachinePaths:
    """Replaces paths of the machine.

    A path is replaced wherever it stands, also in front of more (`/srv/shop-old` becomes `<repository>-old`). One of a single
    folder (`/srv`) is a whole path or the beginning of one: it would be found in too many others.

    Args:
        places: absolute path -> the name that is shown for it, such as `repository`. The longest path counts.
        pages: first parts of addresses of the service: links of a page that begin with one stay as they are.
    """

    def __init__(self, places: Mapping[str, str], *, pages: frozenset[str] = frozenset()) -> None:
        self._names: dict[bytes, str] = {}
        for path, name in places.items():
            if path.startswith("/") and path.strip("/"):
                for spelling in _spellings(path.rstrip("/")):
                    self._names.setdefault(spelling, name)
        ordered = sorted(self._names, key=lambda one: (-len(one), one))
        self._paths = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None
        self.longest = max(map(len, ordered), default=0)
        self._pages = tuple(f"/{page}".encode() for page in pages)

    def hidden(self, body: bytes, *, is_markup: bool = False) -> bytes:
        """The same without paths of the machine.

        Args:
            body: a document, a page, or a part of one that no path crosses.
            is_markup: HTML or XML, where names need escapes.
        """

        def shown(path: bytes) -> bytes:
            name = self._names[path]
            return (f"&lt;{name}&gt;" if is_markup else f"<{name}>").encode()

        return self._replaced(body, shown, is_markup=is_markup)

    def masked(self, body: bytes) -> bytes:
        """The same with stars in place of paths, byte for byte: whatever stands at an offset stays there."""
        return self._replaced(body, lambda path: b"*" * len(path), is_markup=False)

    def begun(self, body: bytes) -> int:
        """How many bytes at the end of a text may be the beginning of a path that is not there as a whole."""
        ends = (
            size for path in self._names for size in range(min(len(path) - 1, len(body)), 0, -1)
            if body.endswith(path[:size])
        )  # fmt: skip
        return max(ends, default=0)

    def _replaced(self, body: bytes, shown: Callable[[bytes], bytes], *, is_markup: bool) -> bytes:
        if self._paths is None:
            return body
        return self._paths.sub(
            lambda match: shown(match[0]) if self._is_path(match, is_markup=is_markup) else match[0], body
        )

    def _is_path(self, match: re.Match[bytes], *, is_markup: bool) -> bool:
        """Whether this is a path, and not a part of another one, or an address of the service."""
        text, start = match[0], match.start()
        before = match.string[max(0, start - _LONGEST_BEFORE) : start]
        if _IN_ADDRESS.search(before) or (is_markup and text.startswith(self._pages) and _IN_LINK.search(before)):
            return False
        if text.count(b"/") + text.count(b"%2F") > 1:
            return True
        return _STARTS_HERE.search(before) is not None and _ENDS_HERE.match(match.string, match.end()) is not None


@lru_cache(maxsize=8)
def machine_paths(places: tuple[tuple[str, str], ...], pages: frozenset[str] = frozenset()) -> MachinePaths:
    """See `MachinePaths`; kept for as long as the places are the same."""
    return MachinePaths(dict(places), pages=pages)


def _spellings(path: str) -> Iterator[bytes]:
    quoted = path.replace("'", "'\"'\"'")
    bent = path.replace("'", "'\\''")
    as_address = quote(path, safe="/", errors="surrogateescape")
    whole_address = quote(path, safe="", errors="surrogateescape")
    for text in dict.fromkeys((path, display(path), quoted, bent, repr(path)[1:-1], as_address, whole_address)):
        for escaped in (text, html.escape(text), str(_markup(text))):
            as_json = (json.dumps(escaped)[1:-1], json.dumps(escaped, ensure_ascii=False)[1:-1])
            twice = json.dumps(as_json[0])[1:-1]  # a document within a document
            for shown in (escaped, *as_json, *map(_in_script, as_json), twice):
                for errors in ("surrogateescape", "replace", "backslashreplace"):
                    yield shown.encode("utf-8", errors)


def _in_script(text: str) -> str:
    """JSON as a page holds it."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _markup(text: str) -> str:
    """Escaped as the templates do it."""
    return html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
