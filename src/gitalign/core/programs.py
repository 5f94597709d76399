"""Programs of the operator that settle conflicts: what is run, on which files, within which bounds. Pure values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from gitalign.core.policy import AutoResolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command that may settle conflicts.

    Attributes:
        command: words; never a shell.
        paths: patterns, as in .gitignore, of files it is for; empty for all.
        timeout_s: deadline of one call in seconds.
        network: it may use the network.
        pass_environment: names of variables it may see.
        name: that its proposals are reported under.
        most_per_run: how often it is asked in one run; None for no bound.
    """

    command: tuple[str, ...]
    paths: tuple[str, ...] = ()
    timeout_s: float = 30.0
    network: bool = False
    pass_environment: tuple[str, ...] = ()
    name: str = ""
    most_per_run: int | None = None

    def digest(self) -> str:
        """Changes with anything that can change what it answers. Part of the hash of plans: its keys stay as they are."""
        content = {
            "command": self.command,
            "most_per_run": self.most_per_run,
            "name": self.name,
            "network": self.network,
            "pass_environment": self.pass_environment,
            "paths": self.paths,
            "timeout_s": self.timeout_s,
        }
        text = json.dumps(content)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """All of them; None for those that are not configured."""

    driver: Program | None = None
    external: Program | None = None
    regenerate: tuple[Program, ...] = ()
    """Of each file the first whose paths match."""

    def all(self) -> tuple[Program, ...]:
        """Every one that is configured."""
        return (*filter(None, (self.driver, self.external)), *self.regenerate)

    def digest(self, resolvers: Iterable[AutoResolver]) -> str:
        """One digest of the programs that some rungs have; empty when none has any."""
        behind = {
            AutoResolver.DRIVER: (self.driver,),
            AutoResolver.EXTERNAL: (self.external,),
            AutoResolver.REGENERATE: self.regenerate,
        }
        named = [(resolver, program) for resolver in sorted(set(resolvers)) for program in behind.get(resolver, ())]
        parts = [f"{resolver} {program.digest()}" for resolver, program in named if program is not None]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest() if parts else ""
