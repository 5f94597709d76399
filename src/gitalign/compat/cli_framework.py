"""`CLIInstaller`, as the orchestrator's request names it: installs `.cli_framework` into the work tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitalign import facade
from gitalign.framework.contents import modules_of


@dataclass(frozen=True, slots=True)
class InstalledFramework:
    """What is installed.

    Attributes:
        mode: `minimal`, `full` or `custom`.
        modules: names.
        missing: paths of files that are not there, though the manifest names them.
    """

    mode: str
    modules: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def has_module(self, module: str) -> bool:
        """True when the module is installed, and its file is there."""
        return module in self.modules and not any(path.endswith(f"/{module}.py") for path in self.missing)


class CLIInstaller:
    """Installs the framework.

    Args:
        mode: `minimal`, `full` or `custom`.
        modules: of mode custom.
        repo_path: any path inside the repository.
        allow_dirty: also when files that git tracks have changes.

    Raises:
        UserError: an unknown mode or module.
    """

    def __init__(
        self,
        mode: str = "minimal",
        *,
        modules: Sequence[str] = (),
        repo_path: str | Path = ".",
        allow_dirty: bool = False,
    ) -> None:
        self.mode = mode
        self.modules = tuple(modules)
        self.required_modules = modules_of(facade.framework_mode(mode), self.modules)
        self._request = facade.Request(repo=repo_path)
        self._allow_dirty = allow_dirty

    def install(self) -> InstalledFramework:
        """Install, and look at what stands then.

        Raises:
            UserError, GitError, OutOfSpace
        """
        facade.framework_install(self._request, self.mode, self.modules, allow_dirty=self._allow_dirty)
        return self.installed()

    def installed(self) -> InstalledFramework:
        """What stands in the work tree now; nothing is installed where it has no modules.

        Raises:
            UserError, GitError
        """
        standing = facade.framework_status(self._request)
        if standing.manifest is None:
            return InstalledFramework(self.mode, ())
        return InstalledFramework(str(standing.manifest.mode), standing.manifest.modules, standing.missing)

    def uninstall(self, modules: Sequence[str] = ()) -> None:
        """Remove modules, or everything; as `git align framework uninstall`."""
        facade.framework_uninstall(self._request, modules, allow_dirty=self._allow_dirty)

    def rollback(self) -> None:
        """Put the work tree back to how it was before the newest installation."""
        facade.framework_rollback(self._request)
