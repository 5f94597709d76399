"""The published contract is that of the routes, and starting the service follows what the original requests ask for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gitalign import service
from gitalign.errors import ConfigError
from gitalign.service.application import create_app
from gitalign.service.openapi import openapi_text
from gitalign.service.settings import read_settings

PUBLISHED = Path(__file__).parents[2] / "docs/schemas/openapi.json"


def test_the_published_contract_is_that_of_the_routes() -> None:
    said = "python -m gitalign.service.openapi docs/schemas/openapi.json"
    assert json.loads(openapi_text()) == json.loads(PUBLISHED.read_text()), said


def test_both_ways_to_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`uvicorn gitalign.service:create_app --factory` and `uvicorn gitalign.service:app`; nothing is opened before it starts."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert isinstance(service.create_app(config=None, enable_context_control=True), FastAPI)
    assert isinstance(service.app, FastAPI)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"server": {"host": "0.0.0.0"}}, "can be reached by other machines"),
        ({"server": {"host": "::"}}, "can be reached by other machines"),
        ({"server": {"port": 70_000}}, "server.port"),
        ({"server": {"prot": 1}}, "did you mean"),
        ({"server": {"origins": ["*"]}}, "not an origin"),
        ({"server": {"trusted_proxies": ["everyone"]}}, "server.trusted_proxies"),
        *(
            ({"server": {"names": [name]}}, "not a host name")
            for name in ("*", "*.example.org", "a b", "a:80", "a/b", "")
        ),
        ({"limits": {"streams": 0}}, "limits.streams"),
        ({"nothing": {}}, "unknown key nothing"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        create_app(settings)


def test_settings_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("server: {host: 0.0.0.0, trusted_proxies: [10.0.0.0/8]}\nwork: {workers: 3}\n")
    assert read_settings(file).work.workers == 3
    file.write_text("- a\n")
    with pytest.raises(ConfigError, match="must hold keys"):
        read_settings(file)
    file.write_text("a: b: c\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_settings(file)
    with pytest.raises(ConfigError, match="none"):
        read_settings(tmp_path / "none")


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("[::1]:8484", True),
        ("localhost", True),
        ("Align.example.ORG:80", True),
        ("elsewhere.org", False),
        ("::1", False),
    ],
)
def test_names_by_which_the_service_is_reached(host: str, answered: bool) -> None:
    app = create_app({"server": {"host": "::1", "names": ["align.Example.org"]}})

    async def status() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return (await client.get("/health", headers={"Host": host})).status_code

    assert asyncio.run(status()) == (200 if answered else 400)


def test_the_command_line_does_not_import_the_service() -> None:
    words = (
        "import sys, gitalign.cli.main, gitalign.facade; print([m for m in ('fastapi', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
