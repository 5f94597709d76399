"""The application: `create_app` puts routes, middleware and error handlers together, and opens the database when it starts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import StatefulLifespan

from gitalign.release import VERSION
from gitalign.service.access import require_same_site
from gitalign.service.api import (
    accounts,
    asking,
    batches,
    branches,
    events,
    health,
    jobs,
    project_plans,
    project_work_trees,
    projects,
    repositories,
    runs,
    schedules,
    seeds,
    users,
    webhooks,
)
from gitalign.service.door import Door
from gitalign.service.metrics import ServiceMetrics
from gitalign.service.middleware import Guarded
from gitalign.service.pages import account_page, audit_page, openid_pages, people_page
from gitalign.service.pages import routes as pages
from gitalign.service.problems import configure_error_handlers
from gitalign.service.settings import ServerSettings, settings_of, settings_of_environment
from gitalign.service.shown_places import ShownPlaces
from gitalign.service.state import opened_service
from gitalign.store.service.figures import job_figures


def create_app(
    config: Mapping[str, Any] | ServerSettings | None = None, enable_context_control: bool = True
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        config: settings as in `server.yaml`; None for the file that `GITALIGN_SERVER_CONFIG` names, or the defaults.
        enable_context_control: every request has a context of its own (id, path) that its log lines carry.

    Raises:
        ConfigError: every fault of the settings at once.
    """
    if config is None:
        settings = settings_of_environment(os.environ)
    elif isinstance(config, ServerSettings):
        settings = config
    else:
        settings = settings_of(config, whole="config")
    app = FastAPI(
        title="git-align",
        description="Aligns all feature branches of git repositories with their primary branches.",
        version=VERSION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(require_same_site)],
        lifespan=_lifespan(settings),
    )
    app.state.metrics = ServiceMetrics()
    register_routes(app)
    configure_middleware(app, settings, enable_context_control=enable_context_control)
    configure_error_handlers(app)
    return app


def register_routes(app: FastAPI) -> None:
    """Add every route."""
    for module in (
        health,
        repositories,
        branches,
        runs,
        asking,
        webhooks,
        schedules,
        batches,
        jobs,
        events,
        project_plans,
        projects,
        project_work_trees,
        users,
        accounts,
    ):
        app.include_router(module.router)
    seeds.register(app)
    for module in (openid_pages, account_page, people_page, audit_page):
        app.include_router(module.router)
    pages.register(app)


def configure_middleware(app: FastAPI, settings: ServerSettings, *, enable_context_control: bool) -> None:
    """Add what every request goes through; the last one added is the outermost."""
    server = settings.server
    if server.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(server.origins),
            allow_credentials=False,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"],
            expose_headers=["ETag", "Location", "Retry-After", "X-Request-Id"],
        )
    app.state.places = ShownPlaces(settings.places(os.environ))
    app.add_middleware(Door, places=app.state.places)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=server.allowed_hosts(), www_redirect=False)
    app.add_middleware(
        Guarded,
        body_bytes=settings.limits.body_bytes,
        binds_context=enable_context_control,
        is_https=server.is_https,
        metrics=app.state.metrics,
    )


def _lifespan(settings: ServerSettings) -> StatefulLifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        service = await asyncio.to_thread(opened_service, settings)
        app.state.service = service
        app.state.traces = service.traces
        app.state.metrics.ask(lambda: job_figures(service.database), lambda: service.feed.readers)
        service.workers.start()
        feeding = asyncio.create_task(service.feed.run())
        try:
            yield {}
        finally:
            service.feed.end()
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
            await asyncio.to_thread(service.workers.drain)
            service.database.close()
            if service.traces is not None:
                await asyncio.to_thread(service.traces.close)

    return lifespan
