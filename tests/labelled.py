"""A repository in which every branch's home is known: three targets that diverged and keep taking from one another."""

from __future__ import annotations

import random
from pathlib import Path

from tests.git.workspace import Workspace

TARGETS = ("main", "scientific", "orchestration-tools")
_NEUTRAL = (
    "login",
    "email-import",
    "maintenance-container",
    "html-escape",
    "cache",
    "domain-names",
    "retries",
    "mainframe",
)
_FOLDERS = {"main": "app", "scientific": "lab", "orchestration-tools": "ops"}


class Labelled:
    """Builds the repository; `home` says where each branch was cut from.

    Some branches take in their target again, some stand on other branches, some names lie, some work was picked elsewhere.
    """

    def __init__(self, place: Path, seed: int, *, branches: int = 24) -> None:
        self.work = Workspace(place)
        self.home: dict[str, str] = {}
        self._random = random.Random(seed)
        self._count = 0
        self._edit("shared")
        for _ in range(2):
            self._edit("shared", "app")
        for name in TARGETS[1:]:
            self.work.git("branch", name, "main")
        for _ in range(3):
            for name in TARGETS:
                self._on(name, _FOLDERS[name])
        for number in range(branches):
            self._branch(number)
            if self._random.random() < 0.5:
                target = self._random.choice(TARGETS)
                self._on(target, self._random.choice(["shared", _FOLDERS[target]]))
            if self._random.random() < 0.2:
                self._exchange()
        self.work.switch("main")

    def _branch(self, number: int) -> None:
        target = self._random.choice(TARGETS)
        start = target
        siblings = [name for name, home in self.home.items() if home == target]
        if siblings and self._random.random() < 0.2:
            start = self._random.choice(siblings)
        word = self._random.choice(_NEUTRAL)
        if self._random.random() < 0.25:
            word += "-" + self._random.choice(TARGETS if self._random.random() < 0.2 else (target,))
        name = f"feature/{word}-{number}"
        self.work.switch(name, start)
        for _ in range(self._random.randint(1, 4)):
            self._edit(self._random.choice(["shared", _FOLDERS[target], "new"]))
            if self._random.random() < 0.2:
                self.work.git("merge", "-q", "--no-edit", "-X", "ours", target)
        self.home[name] = target
        if self._random.random() < 0.15:
            self.work.switch(self._random.choice([one for one in TARGETS if one != target]))
            self.work.git("cherry-pick", "--allow-empty", "-X", "theirs", name, check=False)
            if self.work.git("status", "--porcelain"):
                self.work.git("cherry-pick", "--abort")

    def _exchange(self) -> None:
        """One target takes in another."""
        one, other = self._random.sample(TARGETS, 2)
        self.work.switch(one)
        self.work.git("merge", "-q", "--no-ff", "--no-edit", "-X", "ours", other)

    def _on(self, target: str, *folders: str) -> None:
        self.work.switch(target)
        self._edit(*folders)

    def _edit(self, *folders: str) -> None:
        self._count += 1
        folder = self._random.choice(folders)
        name = f"{folder}/{self._random.randint(0, 5)}" if folder != "new" else f"new/{self._count}"
        place = self.work.path / name
        old = place.read_bytes() if place.exists() else b""
        self.work.commit(f"change {self._count}", {name: old + b"line %d\n" % self._count})
