"""Drawings as text: names are never markup, every drawing says what it shows, and numbers stay short."""

from __future__ import annotations

import xml.etree.ElementTree as xml
from datetime import UTC, datetime, timedelta

from gitalign.views.badge import badge
from gitalign.views.clash_drawing import MOST_NAMED, by_clashes, clash_drawing
from gitalign.views.graph_drawing import Node, graph_drawing
from gitalign.views.health_chart import Reading, health_chart, trend_of
from gitalign.views.lane_drawing import Bar, Lane, duration_words, lane_drawing

NOW = datetime(2026, 11, 28, tzinfo=UTC)
MARKUP = '<img src=x onerror="a">&\x1b\udce9'


def parsed(drawing: str) -> xml.Element:
    """It is well-formed, has a name, and nothing in it acts."""
    root = xml.fromstring(drawing)
    assert root.attrib["aria-label"]
    for one in root.iter():
        assert one.tag in ("svg", "g", "a", "rect", "path", "text", "title")
        assert not {name for name in one.attrib if name.startswith("on") or name == "style"}
    return root


def test_a_number_of_two_weeks() -> None:
    def at(days: float, value: int) -> Reading:
        return Reading(at=NOW - timedelta(days=days), value=value)

    readings = [at(20, 4), at(9, 6), at(3, 2)]
    assert trend_of(readings, now=NOW).words == "4 fewer than a week ago (6)"
    assert trend_of(readings[:1], now=NOW).words == "as a week ago"
    assert trend_of(readings[2:], now=NOW).words == "not known a week ago"
    assert trend_of([], now=NOW).words == "not known yet"
    root = parsed(health_chart(readings, now=NOW, title="Conflicts"))
    assert root.attrib["aria-label"] == "Conflicts: 2, 4 fewer than a week ago (6)"
    line, before = (
        next(one for one in root.iter() if one.get("class") == name).get("d") for name in ("line", "before")
    )
    assert line == "M30.0 10.0H184.3V52.7H300.0", "held from a week ago, then a step"
    assert before == "M30.0 31.3H222.9V10.0H300.0"
    young = parsed(health_chart([at(1, 3)], now=NOW, title="Conflicts"))
    assert not [one for one in young.iter() if one.get("class") == "before"], "what is not known is not drawn"


def test_the_clash_map_of_few_and_of_many() -> None:
    pairs = [("b", MARKUP), ("b", "c")]
    names = by_clashes(pairs)
    assert names[0] == "b"
    root = parsed(clash_drawing(names, pairs, href=lambda name: f"/{len(name)}", pair_href=lambda one, other: "/pair"))
    assert sum(one.get("class") == "cell" for one in root.iter()) == 4
    assert root.attrib["role"] == "group", "its links can be reached"
    many = [(f"branch-{number}", "hub") for number in range(MOST_NAMED)]
    overview = clash_drawing(by_clashes(many), many)
    assert "branch-7" not in overview
    assert (
        parsed(overview).attrib["aria-label"]
        == f"Clash map: {MOST_NAMED + 1} branches, {MOST_NAMED} pairs of them clash"
    )


def test_lanes_share_one_axis() -> None:
    lanes = [
        Lane(name=MARKUP, bars=[Bar(start_s=0, end_s=50, name=MARKUP, state="aligned")]),
        Lane(name="two", bars=[Bar(start_s=50, end_s=100, name="b", state="failed")], href="/two"),
    ]
    root = parsed(lane_drawing(lanes, title="Workers"))
    first, second = [one for one in root.iter() if (one.get("class") or "").startswith("bar-")]
    assert float(first.get("x", 0)) + float(first.get("width", 0)) == float(second.get("x", 0))
    assert [one.text for one in root if one.get("class") == "middle"] == ["0 s", "30 s", "1 min", "1 min 30 s"]
    parsed(lane_drawing([], title="Nobody worked"))
    words = [duration_words(seconds) for seconds in (0.012, 5, 59.6, 125, 3_600, 7_440)]
    assert words == ["0.012 s", "5 s", "1 min", "2 min 5 s", "1 h", "2 h 4 min"]


def test_arrows_lead_from_a_task_to_those_that_wait() -> None:
    nodes = [
        Node(name="api", column=0, state="completed"),
        Node(name=MARKUP, column=0, state="running"),
        Node(name="docs", column=1, state="pending", needs=("api", MARKUP, "gone"), soft=("api",)),
    ]
    root = parsed(graph_drawing(nodes, title="Tasks"))
    assert [one.get("class") for one in root.iter() if (one.get("class") or "").startswith("arrow")] == [
        "arrow soft",
        "arrow",
    ]
    assert "pending" in "".join(root.itertext()), "never by colour alone"


def test_a_badge_says_in_words_what_its_colour_says() -> None:
    root = xml.fromstring(badge("branches", MARKUP, state="bad"))
    assert root.attrib["aria-label"].startswith("branches: <img")
    assert not [one for one in root.iter() if one.tag.endswith("}img")]
