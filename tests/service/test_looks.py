"""What pages show, made of documents: lists with filters, and what differs between two plans."""

from __future__ import annotations

from typing import Any

from gitalign.documents import plans
from gitalign.documents.models.service import BranchRowDocument
from gitalign.service.pages.listing import ROWS, Filters, listing
from gitalign.service.pages.plan_diff import plan_diff
from tests.views.many import report_of


def row(name: str, **more: Any) -> BranchRowDocument:
    known: dict[str, Any] = {
        "branch": name, "target": "main", "state": "clean", "kind": "replay", "behind": 0, "own_commits": 1,
        "forecast": None, "verdict": None, "detail": "", "notes": [], "authors": [], "last_commit_at": None,
    }  # fmt: skip
    return known | more  # type: ignore[return-value]


def shown(rows: list[BranchRowDocument], **query: str) -> list[str]:
    return [one["branch"] for one in listing(rows, Filters.of(query), needing={"stops"}).rows]


def test_filters_narrow_and_order() -> None:
    rows = [
        row("api", behind=3, authors=["Ada"], last_commit_at=100),
        row("docs", target="next", behind=7, last_commit_at=300),
        row("stops", state="conflicted", own_commits=9),
    ]
    assert shown(rows) == ["api", "docs", "stops"]
    assert shown(rows, q="ADA") == ["api"]
    assert shown(rows, target="next") == ["docs"]
    assert shown(rows, state="conflicted") == shown(rows, show="attention") == ["stops"]
    assert shown(rows, sort="behind") == ["docs", "api", "stops"]
    assert shown(rows, sort="own")[0] == "stops"
    assert shown(rows, sort="new") == ["docs", "api", "stops"]
    assert shown(rows, sort="nonsense", page="-1", q="x" * 2_000) == ["api", "docs", "stops"]


def test_pages_of_a_list_and_their_addresses() -> None:
    rows = [row(f"b{number:03}") for number in range(ROWS + 1)]
    assert shown(rows, page="2") == shown(rows, page="99999") == [f"b{ROWS:03}"]
    filters = Filters.of({"q": "b&c", "page": "2"})
    assert filters.address(page=3) == "?q=b%26c&page=3"
    assert filters.address(target="main") == "?q=b%26c&target=main", "another filter begins at the first page"
    assert Filters.of({"q": "\udce9"}).address() == "?q=%E9", "a name that is not UTF-8 can be linked to"


def test_what_differs_between_two_plans() -> None:
    report, _ = report_of(6, findings=0)
    before, after = (plans.dump(report.plan) for _ in "ab")
    added = after["steps"].pop()
    after["steps"][0] = {**after["steps"][0], "seen": "f" * 40, "refusal": ("code", "is checked out")}
    after["targets"][1] = {**after["targets"][1], "oid": "e" * 40}
    diff = plan_diff(after, before)
    assert (diff.added, diff.removed, diff.same) == ([added["branch"]["name"]], [], 4)
    (change,) = diff.changed
    assert change.branch == before["steps"][0]["branch"]["name"]
    assert [what for what, _, _ in change.what] == ["tip", "refused"]
    assert diff.targets == [("next", "e" * 10, report.plan.targets[1].oid[:10])]
    assert plan_diff(before, before).changed == []
