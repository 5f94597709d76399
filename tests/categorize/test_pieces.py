"""The pure pieces: words of names, kinds of paths, measures, clusters, documents."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.categorize.assign import WEIGHTS, Kinship, assign
from gitalign.categorize.clusters import Likeness, cluster
from gitalign.categorize.footprint import Distance, Interner, footprint
from gitalign.categorize.metrics import MEASURES, Facts, aggregates, measure
from gitalign.categorize.paths import PathKind, is_security, kind_of, risk_of
from gitalign.categorize.words import names_target, tokens
from gitalign.core.categories import Clustering
from gitalign.core.pair_conflicts import PathChange
from gitalign.git.history import Authorship
from gitalign.git.linecount import LineCount

DAY = 86_400
NOW = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("fix/main-menu", "main", True),
        ("feature/maintenance", "main", False),
        ("domain", "main", False),
        ("orchestration-tools-fix", "orchestration-tools", True),
        ("orchestration/tools", "orchestration-tools", True),
        ("Orchestration_Tools.v2", "orchestration-tools", True),
        ("tools-orchestration", "orchestration-tools", False),
        ("orchestration-of-tools", "orchestration-tools", False),
        ("feature/email-import", "ai", False),
        ("html-escape", "ml", False),
        ("science", "scientific", False),
    ],
)
def test_names_are_read_by_whole_words(name: str, target: str, said: bool) -> None:
    assert (names_target(name, target, {}) is not None) == said


def test_keywords_of_the_operator_count_as_the_name_does() -> None:
    assert names_target("fix/data-lake", "scientific", {"scientific": ("data lake", "data-lake")}) == "data-lake"
    assert names_target("fix/data-lakes", "scientific", {"scientific": ("data-lake",)}) is None


def test_tokens_split_on_separators_alone() -> None:
    assert tokens("Feature/AI_v2.1--x") == ("feature", "ai", "v2", "1", "x")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"docs/guide.py", PathKind.DOCS),
        (b"README.md", PathKind.DOCS),
        (b"src/test_x.py", PathKind.TEST),
        (b"tests/conftest.py", PathKind.TEST),
        (b"web/app.spec.ts", PathKind.TEST),
        (b"contest.py", PathKind.CODE),
        (b"requirements-dev.txt", PathKind.CONFIG),
        (b".github/workflows/ci.yml", PathKind.CONFIG),
        (b"src/app.py", PathKind.CODE),
        (b"caf\xe9.c", PathKind.CODE),
    ],
)
def test_kinds_of_paths(path: bytes, kind: PathKind) -> None:
    assert kind_of(path) is kind


def test_security_is_told_by_whole_words() -> None:
    assert is_security(b"src/auth/login.py")
    assert is_security(b"deploy/.env.local")
    assert not is_security(b"src/author.py")
    assert not is_security(b"docs/tokenizer.md")


def test_risk_of_files() -> None:
    assert [risk_of(path) for path in (b"config/x", b"tests/a.py", b"lib/x.py", b"docs/a.md")] == [0.8, 0.5, 0.2, 0.05]


def kinship(target: str, own: int | None, **more: object) -> Kinship:
    made = {
        "behind": 0,
        "first_parents": own,
        "on_line": own is not None,
        "picks": own or 0,
        "picked": 0,
        "paths": 0,
        "named": None,
        "hints": (),
        **more,
    }
    return Kinship(target=target, own_commits=own, **made)  # type: ignore[arg-type]


def test_weights_are_a_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    for measures in MEASURES.values():
        assert sum(one.weight for one in measures.values()) == pytest.approx(1)


def test_a_tie_is_said_to_be_one() -> None:
    found = assign([kinship("main", 3), kinship("next", 3)], decide_above=0.6)
    assert (found.target, found.confidence, found.needs_decision) == ("main", 0.5, True)
    assert "nothing tells main, next apart" in found.reason


def test_a_hint_settles_a_tie_and_is_named() -> None:
    found = assign([kinship("main", 3), kinship("next", 3, hints=("created from next",))], decide_above=0.55)
    assert (found.target, found.needs_decision) == ("next", False)
    assert "created from next" in found.reason


def test_history_outweighs_a_name() -> None:
    found = assign([kinship("main", 1), kinship("next", 60, named="next")], decide_above=0.6)
    assert (found.target, found.needs_decision) == ("main", False)


def test_unrelated_to_all_is_a_question() -> None:
    found = assign([kinship("main", None), kinship("next", None)], decide_above=0.6)
    assert (found.target, found.confidence, found.needs_decision) == (None, 0.0, True)
    named = assign([kinship("main", None), kinship("next", None, named="next")], decide_above=0.6)
    assert (named.target, named.confidence, named.needs_decision) == ("next", 0.0, True)


def test_no_target_at_all() -> None:
    assert assign([], decide_above=0.6).target is None


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 300)),
            st.booleans(),
            st.integers(0, 20),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_scores_and_confidence_are_shares(rows: list[tuple[int | None, bool, int, bool, bool]]) -> None:
    kinships = [
        kinship(f"t{at}", own, on_line=line, paths=paths, named="x" if named else None, hints=("h",) if hint else ())
        for at, (own, line, paths, named, hint) in enumerate(rows)
    ]
    found = assign(kinships, decide_above=0.6)
    assert 0 <= found.confidence <= 1
    assert all(0 <= one.score <= 1 for one in found.evidence)
    assert [one.score for one in found.evidence] == sorted((one.score for one in found.evidence), reverse=True)
    assert found.needs_decision or found.confidence >= 0.6
    assert len(found.evidence) == len(rows)


A, B = (b"100644", b"a" * 40), (b"100644", b"b" * 40)


def facts(**more: object) -> Facts:
    made = {
        "commits": [Authorship("x@example.org", NOW, NOW)],
        "own_commits": 1,
        "as_of": NOW,
        "behind": 0,
        "most_behind": 10,
        "lines": {b"src/a.py": LineCount(10, 0)},
        "footprint": footprint([PathChange(b"src/a.py", A, B)], Interner()),
        "distance": Distance(
            files=10, differing=1, either=10, folders=2, shared_folders=2, either_folders=2, apart_at_its_own=True
        ),
        **more,
    }
    return Facts(**made)  # type: ignore[arg-type]


def test_measures_by_hand() -> None:
    commits = [
        Authorship("x@example.org", NOW - 40 * DAY, NOW - 40 * DAY),
        Authorship("y@example.org", NOW - 30 * DAY, NOW - 30 * DAY),
    ]
    made = measure(facts(commits=commits, own_commits=2, behind=5))
    assert made.history["commit_recency"] == pytest.approx(math.exp(-1))
    assert made.history["commit_frequency"] == pytest.approx(2 / 10)
    assert made.history["authorship_diversity"] == 1.0
    assert made.history["merge_readiness"] == pytest.approx(0.5)
    assert made.history["stability_score"] == pytest.approx(1 - 5 / 500)
    assert made.structure == {
        "directory_similarity": 1.0,
        "file_additions": 1.0,
        "core_module_stability": 1.0,
        "namespace_isolation": 1.0,
    }
    assert made.diff is not None
    assert made.diff["integration_risk"] == pytest.approx(0.8)
    assert made.diff["change_concentration"] == pytest.approx(1 - 1 / 50)


def test_an_empty_diff_says_nothing() -> None:
    made = measure(facts(lines={}, footprint=footprint([], Interner())))
    assert made.diff is not None
    assert set(made.diff.values()) == {0.5}


def test_what_cannot_be_read_is_not_measured() -> None:
    made = measure(facts(lines=None, footprint=None, distance=None))
    assert (made.structure, made.diff) == (None, None)
    assert "combined" not in dict(aggregates(made))


def test_a_deleted_core_file_costs_half() -> None:
    changed = footprint([PathChange(b"src/a.py", A, None)], Interner())
    structure = measure(facts(footprint=changed)).structure
    assert structure is not None
    assert structure["core_module_stability"] == 0.5


COUNT = st.integers(0, 3000)


@given(st.dictionaries(st.binary(min_size=1, max_size=9), st.tuples(COUNT, COUNT), max_size=80), st.integers(-5, 400))
def test_measures_are_shares(files: dict[bytes, tuple[int, int]], days: int) -> None:
    changes = [PathChange(path, A, B) for path in files]
    made = measure(
        facts(
            lines={path: LineCount(*count) for path, count in files.items()},
            footprint=footprint(changes, Interner()),
            as_of=NOW + days * DAY,
        )
    )
    for group in (made.history, made.structure, made.diff):
        assert group is not None
        assert all(0 <= value <= 1 for value in group.values()), group
    assert all(0 <= value <= 1 for _, value in aggregates(made))


def likeness(path: bytes, lines: int) -> Likeness:
    changed = footprint([PathChange(path, A, B)], Interner())
    return Likeness(measure(facts(lines={path: LineCount(lines, 0)}, footprint=changed)), changed.paths)


def made(branches: dict[str, Likeness], cut: float = 0.5) -> Clustering:
    found = cluster(branches, cut=cut)
    assert isinstance(found, Clustering)
    return found


def test_likes_go_together() -> None:
    web = {f"web-{at}": likeness(b"web/ui/%d" % at, 10 + at) for at in range(5)}
    lab = {f"lab-{at}": likeness(b"lab/nb/%d" % at, 4000 + at) for at in range(5)}
    found = made({**web, **lab})
    assert [one.branches for one in found.clusters] == [tuple(sorted(lab)), tuple(sorted(web))]
    assert found.silhouette is not None
    assert found.silhouette > 0.8
    assert found.davies_bouldin is not None
    assert found.davies_bouldin < 0.3
    assert found.calinski_harabasz is not None
    assert len(found.merges) == 9
    assert found == made(dict(reversed([*web.items(), *lab.items()])))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_branches_do_not_crash(count: int) -> None:
    found = made({f"b{at}": likeness(b"a/b", 10) for at in range(count)})
    assert sum(len(one.branches) for one in found.clusters) == count
    assert len(found.clusters) == min(count, 1)
    assert (found.silhouette, found.davies_bouldin, found.calinski_harabasz) == (None, None, None)


def test_every_branch_alone_has_no_quality() -> None:
    found = made({f"b{at}": likeness(b"%d/x" % at, 10 ** (at + 1)) for at in range(4)}, cut=1e-6)
    assert len(found.clusters) == 4
    assert found.silhouette is None


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy.cluster.hierarchy", None)
    words = cluster({"a": likeness(b"a", 1), "b": likeness(b"b", 2)}, cut=0.5)
    assert isinstance(words, str)
    assert "git-align[cluster]" in words
