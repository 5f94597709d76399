"""The repository of the documents: a team's shop on a server, as `https://git.example.com/team/shop.git`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.git.workspace import IDENTITY, Workspace

ADDRESS = "https://git.example.com/team/shop.git"


def serve(folder: Path) -> dict[str, str]:
    """Make the server's repository; the variables under which git finds it at its address."""
    remote = folder / "server" / "team" / "shop.git"
    _build(folder / "history", remote)
    config = folder / "gitconfig"
    config.write_text(
        f'[url "{(folder / "server").as_uri()}/"]\n\tinsteadOf = https://git.example.com/\n'
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[protocol]\n\tfile = always\n[advice]\n\tdetachedHead = false\n"
    )
    return {"GIT_CONFIG_GLOBAL": str(config)}


def _build(place: Path, remote: Path) -> None:
    work = Workspace(place)
    prices = b"TAX = 19\n\n\ndef tax(net: int) -> int:\n    return net * TAX // 100\n"
    work.commit("feat: the shop", {"prices.py": prices, "pages.py": b"PAGES = 3\n", "CHANGES.md": b"# Changes\n"})
    for name, start, files in (
        ("login-form", "main", {"login.py": b"FORM = True\n"}),
        ("newsletter", "main", {"letters.py": b"LETTERS = []\n"}),
        ("search", "main", {"search.py": b"INDEX = {}\n"}),
        ("search-filters", "search", {"filters.py": b"FILTERS = []\n"}),
        ("tax-reduced", "main", {"prices.py": prices.replace(b"19", b"7")}),
        ("tax-rounding", "main", {"prices.py": prices.replace(b"19", b"7")}),
        ("dependabot/pip/rich-15", "main", {"requirements.txt": b"rich==15\n"}),
        ("release/1.0", "main", {"VERSION": b"1.0\n"}),
    ):
        work.switch(name, start)
        work.commit(f"feat: {name}", files)
    work.switch("tax-rounding")
    work.commit("feat: round prices", {"rounding.py": b"DIGITS = 2\n"})
    work.switch("main")
    work.commit("feat: tax is 20 %", {"prices.py": prices.replace(b"19", b"20")})
    work.commit("docs: changes", {"CHANGES.md": b"# Changes\n- tax is 20 %\n"})
    remote.parent.mkdir(parents=True)
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", str(place), str(remote)], check=True, env={**os.environ, **IDENTITY}
    )
