"""Options that the verbs of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign.cli.parameters import option
from gitalign.errors import PluginError

if TYPE_CHECKING:
    from gitalign.service.settings import ServerSettings
    from gitalign.store.service.database import ServiceDatabase, Tables


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Which service."""

    server_config: Annotated[
        Path | None,
        option(
            "--config",
            help="Settings of the service (YAML).",
            shown_default="$GITALIGN_SERVER_CONFIG, else none",
            metavar="FILE",
        ),
    ] = None

    def settings(self) -> ServerSettings:
        """The settings of the service.

        Raises:
            ConfigError
        """
        import os

        from gitalign.service.settings import read_settings, settings_of_environment

        if self.server_config is not None:
            return read_settings(self.server_config)
        return settings_of_environment(os.environ)

    @contextmanager
    def database(self, tables: Tables | None = None) -> Iterator[ServiceDatabase]:
        """Its database, while inside.

        Args:
            tables: what to do where they are not the newest ones; None as the settings say.

        Raises:
            ConfigError, StoreError, PluginError
        """
        with closing(self.settings().open_database(tables)) as opened:
            yield opened


def require_service() -> None:
    """Refuse where the libraries of the service are not installed.

    Raises:
        PluginError
    """
    try:
        import gitalign.service.serving  # noqa: F401
    except ImportError as error:
        raise PluginError(
            f"the service needs {error.name}, which is not installed", hint="pip install 'git-align[service]'"
        ) from error
