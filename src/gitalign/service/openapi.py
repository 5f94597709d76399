"""The published contract: `python -m gitalign.service.openapi FILE` (in the sources: docs/schemas/openapi.json)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gitalign.service.application import create_app
from gitalign.service.settings import ServerSettings


def openapi_text() -> str:
    """OpenAPI of the routes, without the release: it changes when they do."""
    contract = create_app(ServerSettings()).openapi()
    contract["info"]["version"] = "1"
    return json.dumps(contract, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs", "schemas", "openapi.json")
    place.write_text(openapi_text(), encoding="utf-8")
