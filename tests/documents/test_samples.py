"""Documents that earlier releases wrote are read by this one."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitalign.documents import certificates, events, moves, plans, results, sessions
from gitalign.documents.formats import json_text, parsed
from tests.documents.strict import validate

SAMPLES = Path(__file__).parent / "samples"
RELEASES = sorted(path for path in SAMPLES.iterdir() if path.is_dir())
STORED: dict[str, Any] = {"events": events, "results": results, "publications": moves, "sessions": sessions}


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def sample(request: pytest.FixtureRequest) -> Path:
    place: Path = request.param
    return place


@pytest.fixture
def database(sample: Path) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(":memory:") as database:
        database.executescript(gzip.decompress((sample / "journal.sql.gz").read_bytes()).decode())
        yield database


def test_every_stored_body_is_read_and_says_the_same_when_written_again(database: sqlite3.Connection) -> None:
    for table, documents in STORED.items():
        bodies = [body for (body,) in database.execute(f"SELECT body FROM {table}")]
        assert bodies, table
        for body in bodies:
            value = documents.load(parsed(body))
            written = json_text(documents.dump(value))
            assert documents.load(parsed(written)) == value
            validate(json.loads(written))
            assert json.loads(body).items() <= json.loads(written).items()


def test_plans_keep_their_hash(sample: Path, database: sqlite3.Connection) -> None:
    stored = [plan for (plan,) in database.execute("SELECT plan FROM runs")]
    for said in (*stored, (sample / "plan.json").read_text()):
        plan = plans.read(said)  # refuses a plan whose contents have another hash
        assert plans.read(plans.text_of(plan)) == plan


def test_certificates_are_intact_and_a_changed_one_is_not(sample: Path) -> None:
    for place in sample.glob("runs/*/certificates.jsonl"):
        for line in place.read_text().splitlines():
            value = certificates.load(parsed(line))
            assert value.is_intact
            assert certificates.load(parsed(certificates.text_of(value))).is_intact
            assert not certificates.load({**parsed(line), "git_version": "1.2"}).is_intact
