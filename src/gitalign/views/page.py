"""A page in one file: markup, style, script and data put together.

Nothing of a repository reaches the markup: names, paths and subjects are data, written by the script as text. The policy in the
head forbids every request, and every script but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files

_SCRIPTS = {"batch": ("batch.js",), "forecast": ("map.js", "forecast.js"), "report": ("report.js",)}
_SHARED = ("page.js", "steps.js")
_STYLES = ("page.css", "drawings.css")
_LONE = re.compile("[\ud800-\udfff]")
"""What UTF-8 cannot hold."""
_IN_A_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def page(name: str, *, title: str, data: object, drawn: str = "") -> str:
    """The page `name` of this package's assets.

    Args:
        name: `batch`, `forecast` or `report`.
        title: shown in the browser's tab.
        data: what JSON can say; the script finds it in the element `data`.
        drawn: markup by the functions of `svg.py`; it can be seen without scripts.
    """
    assets = files("gitalign.views") / "assets"
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    written = _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", written)
    for character, escape in _IN_A_SCRIPT.items():
        written = written.replace(character, escape)
    script = "".join((assets / one).read_text(encoding="utf-8") for one in (*_SHARED, *_SCRIPTS[name]))
    script = f'\n"use strict";\n{script}'
    parts = {
        "title": html.escape(title.encode("utf-8", "replace").decode("utf-8")),
        "style": "".join((assets / one).read_text(encoding="utf-8") for one in _STYLES),
        "body": (assets / "page.html").read_text(encoding="utf-8"),
        "drawn": drawn,
        "data": written,
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    }
    frame = (assets / "frame.html").read_text(encoding="utf-8")
    made: list[str] = []
    # In one pass, so that nothing inside a part is taken for a place of its own.
    for piece in frame.split("{{"):
        key, closes, rest = piece.partition("}}")
        made.append(parts[key] + rest if closes else piece)
    return "".join(made)
