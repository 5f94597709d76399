"""What pages show, made of documents: lists with filters, and what differs between two plans."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gitalign.core.jobs import ServiceEvent
from gitalign.documents import plans
from gitalign.documents.models.service import BranchRowDocument
from gitalign.service.pages.conflict_page import sides_of
from gitalign.service.pages.listing import ROWS, Filters, listing
from gitalign.service.pages.live import progress_of
from gitalign.service.pages.plan_diff import plan_diff
from tests.service.many import events_of
from tests.views.many import AS_OF, report_of


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


def heard(branches: int, *, most: int | None = None) -> list[ServiceEvent]:
    said = events_of(branches)[:most]
    return [ServiceEvent(seq=seq, job="j", kind=kind, at=AS_OF, document=text) for seq, (kind, text) in enumerate(said)]


def test_how_far_a_run_is() -> None:
    events = heard(40, most=42)  # the beginning, and twenty branches
    progress = progress_of(events, now=AS_OF + timedelta(seconds=10))
    assert (progress.phase, progress.done, progress.total) == ("aligning branches", 20, 40)
    assert progress.left == "about 10 s left"
    assert progress.doing == []
    assert progress.lanes.count("<rect") == 20
    (busy,) = progress_of(heard(40, most=43), now=AS_OF).doing
    assert busy[0] == 0
    assert progress_of(events, now=AS_OF + timedelta(seconds=1)).left == "", "too early to tell"
    nothing = progress_of([], now=AS_OF)
    assert (nothing.phase, nothing.total, nothing.lanes) == ("", 0, "")


def test_the_three_sides_of_each_stretch() -> None:
    def line(kind: str, text: str, hunk: int) -> dict[str, Any]:
        return {"kind": kind, "text": text, "hunk": hunk}

    file = {
        "hunks": 3,
        "lines": [
            *(line("merged", f"m{number}", 0) for number in range(5)),
            line("ours", "o1", 1), line("base", "b1", 1), line("theirs", "t1", 1), line("theirs", "t2", 1),
            line("gap", "12", 0), line("merged", "near", 0),
            line("theirs", "t3", 2),
        ],
    }  # fmt: skip
    first, second = sides_of(file)
    assert (first.before, first.ours, first.base, first.theirs) == (["m2", "m3", "m4"], ["o1"], ["b1"], ["t1", "t2"])
    assert (second.before, second.ours, second.base, second.theirs) == (["near"], [], [], ["t3"])
