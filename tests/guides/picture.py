"""README's picture: branches before and after a run, drawn from a real repository and a real run.

    python -m tests.guides.picture      # writes docs/images/align.svg

Nothing in it depends on the machine, the time, or the version of git; a test compares it with what a run gives today.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests import warm
from tests.git.workspace import Workspace

PLACE = Path(__file__).resolve().parents[2] / "docs" / "images" / "align.svg"
BRANCHES = ("login-form", "newsletter", "search", "search-filters", "tax-rounding", "wish-list")
_STEP, _LANE, _LEFT, _TOP, _PANEL, _LABEL = 26, 34, 24, 92, 500, 330
_COLOURS = {"main": "#1f6feb", "aligned": "#1a7f37", "conflicted": "#bf3989", "behind": "#9a6700"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A branch: at which commit of main it starts, how many commits it has, how it ended."""

    name: str
    start: int
    own: int
    colour: str


def make(folder: Path) -> str:
    """Build the repository, align it, and draw both states."""
    work = Workspace(folder / "shop")
    prices = {"prices.py": b"TAX = 19\n\n\ndef tax(net: int) -> int:\n    return net * TAX // 100\n"}
    work.commit("feat: the shop", prices)
    for number, name in enumerate(BRANCHES):
        if number % 2 == 0 and number:
            work.switch("main")
            for part in range(2):
                work.commit(f"feat: week {number}, {part}", {f"week_{number}_{part}.py": b"DONE = True\n"})
        if name == "search-filters":
            work.switch(name, "search")
        else:
            work.switch(name, "main")
        for part in range(1 + number % 2):
            work.commit(f"feat: {name} {part}", {f"{name.replace('-', '_')}_{part}.py": b"DONE = True\n"})
        if name == "tax-rounding":
            work.commit("feat: round", {"prices.py": prices["prices.py"].replace(b"19", b"19.0")})
    work.switch("main")
    work.commit("feat: tax is 20 %", {"prices.py": prices["prices.py"].replace(b"19", b"20")})
    before = _measured(work, dict.fromkeys(BRANCHES, "behind"))
    main = int(work.git("rev-list", "--count", "main"))
    done = warm.run("run", "--yes", "--json", cwd=work.path)
    assert done.returncode == 1, done.stderr  # one of them conflicts
    report = json.loads(done.stdout)
    verdicts = {one["branch"]: one["verdict"] for one in report["branches"]}
    after = _measured(work, verdicts)
    stopped = next(one for one in report["branches"] if one["verdict"] == "conflicted")
    path = stopped["outcome"]["conflicts"][0]["paths"][0]
    aligned = sum(verdict == "aligned" for verdict in verdicts.values())
    return _svg(main, before, after, f"{aligned} of {len(BRANCHES)} aligned; {stopped['branch']} waits for you: {path}")


def _measured(work: Workspace, colours: dict[str, str]) -> list[Drawn]:
    drawn = []
    for name in BRANCHES:
        base = work.git("merge-base", "main", name)
        start = int(work.git("rev-list", "--count", base))
        drawn.append(Drawn(name, start, int(work.git("rev-list", "--count", f"main..{name}")), colours[name]))
    return drawn


def _svg(main: int, before: list[Drawn], after: list[Drawn], words: str) -> str:
    width, height = 2 * _PANEL, _TOP + _LANE * (len(before) + 1) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif">',
        f"<title>Before: branches start at old commits of main. After git align run: {escape(words)}.</title>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff" stroke="#d0d7de"/>',
        *_panel(0, "before", main, before),
        f'<text x="{_PANEL - 6}" y="50" font-size="30" text-anchor="middle" fill="#57606a">→</text>',
        *_panel(_PANEL, "git align run", main, after),
        f'<text x="{_PANEL + _LEFT}" y="{height - 16}" font-size="15" fill="#24292f">{escape(words)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _panel(left: int, title: str, main: int, branches: list[Drawn]) -> list[str]:
    lines = [f'<text x="{left + _LEFT}" y="46" font-size="20" font-weight="bold" fill="#24292f">{title}</text>']
    lines += _line(left, 0, 1, main, "main", _COLOURS["main"])
    for lane, branch in enumerate(branches, start=1):
        colour = _COLOURS[branch.colour]
        start = left + _LEFT + _STEP * branch.start
        first, y = start + _STEP + _STEP // 2, _TOP + _LANE * lane
        lines.append(
            f'<path d="M{start} {_TOP} C{start} {y} {start} {y} {first} {y}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        # Half a step aside, so that no line crosses a commit of another branch.
        lines += _line(left + _STEP // 2, lane, branch.start + 1, branch.own, branch.name, colour)
    return lines


def _line(left: int, lane: int, first: int, count: int, name: str, colour: str) -> list[str]:
    y = _TOP + _LANE * lane
    places = [left + _LEFT + _STEP * (first + at) for at in range(count)]
    lines = [f'<path d="M{places[0]} {y} H{places[-1]}" stroke="{colour}" stroke-width="2"/>']
    lines += [f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}"/>' for x in places]
    lines.append(
        f'<text x="{left // _PANEL * _PANEL + _LABEL}" y="{y + 5}" font-size="16" fill="{colour}">{escape(name)}</text>'
    )
    return lines


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        PLACE.write_text(make(Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
