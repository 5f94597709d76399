"""The page holds what the forecast says, as data alone, the same bytes every time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.views.forecast import forecast_page
from tests.git.workspace import Workspace
from tests.runs import request
from tests.views.clashing import HOSTILE, HOSTILE_PATH, clashing


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_names_reach_the_page_as_data_alone(tmp_path: Path) -> None:
    page = forecast_page(clashing(tmp_path / "repo"), name=f"re{HOSTILE}po")
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert "<title>re&lt;/script&gt;" in page
    data = data_of(page)
    assert HOSTILE_PATH in data["paths"]
    assert data["name"] == f"re{HOSTILE}po"


def test_nothing_is_asked_of_anybody(tmp_path: Path) -> None:
    page = forecast_page(clashing(tmp_path / "repo"), name="repo")
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)


def test_the_page_says_what_the_forecast_says(tmp_path: Path) -> None:
    found = clashing(tmp_path / "repo")
    page = forecast_page(found, name="repo")
    assert page == forecast_page(found, name="repo")
    data = data_of(page)
    named = [one["name"] for one in data["branches"]]
    told = {(named[one["one"]], named[one["other"]]) for one in data["clashes"]}
    assert told == {(clash.one, clash.other) for clash in found.clashes}
    assert len(told) == 4
    (contest,) = data["contests"]
    assert [named[at] for at in contest["stopping"]] == ["stops", "stops-too"]
    by_name = {one["name"]: one["prospect"] for one in data["branches"]}
    assert by_name == {one.branch: one.prospect.value for one in found.branches}
    assert {data["kinds"][kind] for one in data["clashes"] for kind, _ in one["conflicts"]} == {"CONFLICT (contents)"}


def test_a_repository_without_branches_has_a_page(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    data = data_of(forecast_page(facade.forecast(request(work.path), pairs=True), name="repo"))
    assert data["branches"] == []
    assert data["clashes"] == []
