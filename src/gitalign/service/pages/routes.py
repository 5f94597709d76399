"""All pages, and the files that they use."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from gitalign.service.pages import (
    batch_page,
    branch_page,
    clash_page,
    conflict_page,
    credential_page,
    job_page,
    plan_page,
    repository_page,
    resolution_page,
    schedule_page,
    signing_in,
    start_page,
    wall_page,
)


def register(app: FastAPI) -> None:
    """Add the pages, and the files that they use."""
    pages = (
        batch_page,
        branch_page,
        clash_page,
        conflict_page,
        credential_page,
        job_page,
        plan_page,
        repository_page,
        resolution_page,
        schedule_page,
        signing_in,
        start_page,
        wall_page,
    )
    for module in pages:
        app.include_router(module.router)
    app.mount("/static/views", StaticFiles(packages=[("gitalign.views", "assets")]), name="views")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
