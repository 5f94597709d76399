"""The service: the same engine for a team, over HTTP. `uvicorn gitalign.service:create_app --factory`, or `…:app`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitalign.service.application import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from gitalign.service.application import create_app

        return create_app
    if name == "app":
        from gitalign.service.application import create_app

        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
