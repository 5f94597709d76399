"""The page holds what the forecast says, as data alone, the same bytes every time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.events import Event, EventKind
from gitalign.views.forecast import forecast_page
from gitalign.views.forecast_markdown import forecast_markdown
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request
from tests.views.clashing import AS_OF, HOSTILE, HOSTILE_PATH, clashing


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_names_reach_the_page_as_data_alone(tmp_path: Path) -> None:
    page = forecast_page(clashing(tmp_path / "repo"), name=f"re{HOSTILE}po", as_of=AS_OF)
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert "<title>re&lt;/script&gt;" in page
    data = data_of(page)
    assert HOSTILE_PATH in data["paths"]
    assert data["name"] == f"re{HOSTILE}po"


def test_nothing_is_asked_of_anybody(tmp_path: Path) -> None:
    page = forecast_page(clashing(tmp_path / "repo"), name="repo", as_of=AS_OF)
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)


def test_the_page_says_what_the_forecast_says(tmp_path: Path) -> None:
    found = clashing(tmp_path / "repo")
    page = forecast_page(found, name="repo", as_of=AS_OF)
    assert page == forecast_page(found, name="repo", as_of=AS_OF)
    data = data_of(page)
    named = [one["name"] for one in data["branches"]]
    told = {(named[one["one"]], named[one["other"]]) for one in data["clashes"]}
    assert told == {(clash.one, clash.other) for clash in found.forecast.clashes}
    assert len(told) == 4
    (contest,) = data["contests"]
    assert [named[at] for at in data["sets"][contest[1]]] == ["stops", "stops-too"]
    by_name = {one["name"]: one["prospect"] for one in data["branches"]}
    assert by_name == {one.branch: one.prospect.value for one in found.forecast.branches}
    assert {data["kinds"][kind] for one in data["clashes"] for kind, _ in one["conflicts"]} == {"CONFLICT (contents)"}


def test_a_repository_without_branches_has_a_page(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    data = data_of(forecast_page(facade.outlook(request(work.path), pairs=True), name="repo", as_of=AS_OF))
    assert data["branches"] == []
    assert data["clashes"] == []


@pytest.mark.parametrize(
    ("address", "hosts", "web"),
    [
        ("https://ada:hunter2@github.com/team/shop.git", {}, "https://github.com/team/shop"),
        (
            "ssh://hunter2@git.example.org:22/shop/x.git",
            {"git.example.org": "gitlab"},
            "https://git.example.org/shop/x",
        ),
        ("https://hunter2@elsewhere.example.org/team/shop.git", {}, None),
    ],
)
def test_links_to_the_hosting_service(tmp_path: Path, address: str, hosts: dict[str, str], web: str | None) -> None:
    """Only what the service has gets a link, and of the address nothing but the place of its pages is told."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in ("same", "behind", "here"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    work.git("remote", "add", "origin", address)
    for name, commit in (("main", "main"), ("same", "same"), ("behind", "behind~1")):
        work.git("update-ref", f"refs/remotes/origin/{name}", commit)
    found = facade.outlook(request(work.path, pages__hosts=hosts), pairs=True)
    page = forecast_page(found, name="repo", as_of=AS_OF)
    summary = forecast_markdown(found, name="repo", as_of=AS_OF)
    assert "hunter2" not in page + summary
    data = data_of(page)
    hosted = {one["name"]: one["hosted"] for one in data["branches"]}
    if web is None:
        assert (data["links"], set(hosted.values())) == ({}, {0})
        return
    assert all(one.startswith(web) for one in data["links"].values())
    assert hosted == {"same": 2, "behind": 1, "here": 0}
    assert data["targets"][0]["hosted"] == 2


def test_it_opens_with_what_to_do_first(tmp_path: Path) -> None:
    found = clashing(tmp_path / "repo")
    steps = data_of(forecast_page(found, name="repo", as_of=AS_OF))["steps"]
    assert steps["stopped"] == 2
    assert steps["alone"] == 2  # each changed the line in its own way
    text = forecast_markdown(found, name="repo", as_of=AS_OF)
    assert text.index("## What to do first") < text.index("## Targets") < text.index("## Branches that stop")
    assert "**2 branches** stop, each on its own: <code>git align conflicts</code>" in text


def test_one_clash_of_many_branches_is_named_with_its_lines_and_owners(tmp_path: Path) -> None:
    """Three branches stop at the same lines, one of them elsewhere, too; a fourth is merged."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n2\n3\n", "g": b"1\n"})
    work.git("branch", "done")
    for name, content in (("a", {}), ("b", {}), ("c", {"g": b"c\n"})):
        work.switch(name, "main")
        work.commit(name, {"f": b"1\nzwei\n3\n", **content, name: b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"1\ndeux\n3\n", "g": b"g\n"})
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)

    found = facade.outlook(request(work.path), listeners=[listen])
    # It is not to be taken for a hang.
    seen = [(one.data["done"], one.data["of"]) for one in events if one.kind is EventKind.CONFLICT_SEEN]
    assert sorted(seen) == [(1, 3), (2, 3), (3, 3)]
    data = data_of(forecast_page(found, name="repo", as_of=AS_OF))
    (clash,) = data["steps"]["clashes"]
    assert (clash["branches"], clash["freed"], clash["example"]) == (["a", "b", "c"], 2, [["deux"], ["zwei"]])
    assert clash["command"] == "git align resolve a"
    assert (data["steps"]["merged"], data["steps"]["alone"]) == (["done"], 1)
    by_name = {one["name"]: one for one in data["branches"]}
    ((path, target, branch),), left = by_name["a"]["hunks"]
    assert (data["paths"][path], left) == ("f", 0)
    assert [data["texts"][side[2]] for side in (target, branch)] == [["deux"], ["zwei"]]
    assert [data["branches"][at]["name"] for at in data["sets"][by_name["a"]["mates"]]] == ["a", "b"]
    # Taken from memory, it is the same.
    assert facade.outlook(request(work.path)).stopped == found.stopped


def test_the_verb_writes_every_form_at_once(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("stops", "main")
    work.commit("stops", {"f": b"2\n"})
    work.switch("main")
    work.commit("on", {"f": b"3\n"})
    forms = {"--html": "f.html", "--markdown": "f.md", "--sarif": "f.sarif"}
    places = [word for option, name in forms.items() for word in (option, str(tmp_path / name))]
    done = warm.run("forecast", *places, cwd=work.path)
    assert (done.returncode, done.stdout.count("written: ")) == (1, 3), done.stderr
    assert data_of((tmp_path / "f.html").read_text())["name"] == "repo"
    assert (tmp_path / "f.md").read_text().startswith("# Forecast of repo\n")
    (one,) = json.loads((tmp_path / "f.sarif").read_text())["runs"]
    assert [(result["ruleId"], result["level"]) for result in one["results"]] == [("merge_conflict", "warning")]
    # A place that cannot be written is found out before the work.
    refused = warm.run("forecast", "--markdown", str(tmp_path / "no" / "such" / "place"), cwd=work.path)
    assert refused.returncode in (2, 3)
    assert "Nothing was moved" not in refused.stdout


def test_what_it_calls_merged_is_what_prune_deletes(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    base = work.commit("base", {"f": b"1\n"})
    work.switch("merged", "main")
    work.commit("merged", {"a": b"1\n"})
    work.switch("picked", base)
    picked = work.commit("picked", {"b": b"1\n"})
    work.switch("own", base)
    work.commit("own", {"c": b"1\n"})
    work.switch("main")
    work.git("merge", "-q", "--no-ff", "-m", "merge", "merged")
    work.git("cherry-pick", picked)
    steps = data_of(forecast_page(facade.outlook(request(work.path)), name="repo", as_of=AS_OF))["steps"]
    assert (steps["merged"], steps["squashed"]) == (["merged"], ["picked"])
    for command, left in (("to_delete", ["main", "own", "picked"]), ("to_delete_squashed", ["main", "own"])):
        done = warm.run(*steps[command].split()[2:], "--yes", cwd=work.path)
        assert done.returncode == 0, done.stderr
        assert work.git("branch", "--format=%(refname:short)").split() == left
