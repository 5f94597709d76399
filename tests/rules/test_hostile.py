"""Packs and contents made to hang, to grow, or to slip through."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.rules import Band, Verdict
from gitalign.errors import RulePackError
from gitalign.rules.globs import matches
from gitalign.rules.lines import added_lines
from gitalign.rules.load import load_packs, parse_pack
from gitalign.rules.searcher import CannotTell, Searcher
from tests.rules.house import branch_with, check, pack_of, result, told, write_pack

GOOD: dict[str, Any] = pack_of({"pattern": {"forbidden": "x"}})


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(RulePackError) as caught:
        parse_pack(text, origin="pack.yaml")
    return caught.value.faults


def test_a_catastrophic_pattern_makes_its_rule_unknown_and_no_other(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"m.txt": b"a" * 60 + b"!\n", "n.txt": b"a" * 60 + b"!\n"})
    pack = pack_of(
        {"pattern": {"forbidden": "^(a+)+$"}},
        {"pattern": {"forbidden": "!"}},
        {"commit_message": {"subject": "^(t|t)*(t|t)*p"}},
    )
    started = time.monotonic()
    found = check(work, pack)
    assert time.monotonic() - started < 30
    assert [one.verdict for one in found.results[:2]] == [Verdict.UNKNOWN, Verdict.FAILED]
    assert "took too long" in result(found).details
    assert result(found).is_critical


def test_the_time_of_a_branch_is_bounded(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"m.txt": b"a" * 60 + b"!\n"})
    checks = [{"pattern": {"forbidden": f"^(a+)+{letter}$"}} for letter in "bcdefg"]
    pack = write_pack(tmp_path / "pack.yaml", pack_of(*checks, {"path": {"forbidden": ["nothing"]}}))
    request = facade.Request(repo=work.path, overrides={"orchestration.error_detection_timeout_seconds": 2})
    started = time.monotonic()
    (found,) = facade.check_rules(request, packs=(str(pack),))
    assert time.monotonic() - started < 20
    assert {one.verdict for one in found.results[:-1]} == {Verdict.UNKNOWN}


def test_a_search_that_was_stopped_starts_again() -> None:
    searcher = Searcher()
    try:
        with pytest.raises(CannotTell, match="too long"):
            searcher.lines("^(a+)+$", ["a" * 60 + "!"], ignore_case=False, deadline=time.monotonic() + 1.1)
        assert searcher.lines("b", ["a", "b"], ignore_case=False, deadline=time.monotonic() + 20) == [1]
        for _ in range(2):
            with pytest.raises(CannotTell, match="too long"):
                searcher.lines("^(a+)+$", ["a" * 60 + "!"], ignore_case=False, deadline=time.monotonic() + 1.1)
        with pytest.raises(CannotTell, match="not looked for any more"):
            searcher.lines("^(a+)+$", ["a"], ignore_case=False, deadline=time.monotonic() + 20)
    finally:
        searcher.close()


PYTHON = [{"python": look} for look in ("empty_except", "docstrings", "dangerous_calls")]
AST = [{"ast_pattern": {"language": "python", "forbidden": "eval($A)"}}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"def f(:\n", "Python"),
        (b"x = 1\n\0eval(x)\n", "binary"),
        (b"x = '\xff'\n", "ython"),
        (b"x = 1\n" + b"# long\n" * 200_000, "longer than"),
        (b"(" * 5_000 + b")" * 5_000, "ython"),
        (b"x = " + b"-" * 100_000 + b"1\n", ""),
        (b"try:\n    f()\nexcept 0x" + b"f" * 5_000 + b":\n    pass\n", "ValueError"),
    ],
    ids=["syntax", "NUL", "UTF-8", "long", "nested", "deep", "digits"],
)
def test_what_cannot_be_judged_is_unknown(tmp_path: Path, content: bytes, reason: str) -> None:
    work = branch_with(tmp_path, {}, {"m.py": content, "fine.py": b"'''m'''\nx = 1\n"})
    found = check(work, pack_of(*PYTHON, paths=["*.py"]))
    assert {one.verdict for one in found.results} == {Verdict.UNKNOWN}
    assert all(("m.py", None) in told(one) or "RecursionError" in one.details for one in found.results)
    assert all(reason in one.details or "RecursionError" in one.details for one in found.results)
    assert found.band is Band.UNKNOWN
    assert len(found.critical) == len(PYTHON)


@pytest.mark.parametrize("content", [b"def f(:\n", b"x = 1\n\0eval(x)\n", b"x = '\xff'\n", b"# long\n" * 200_000])
def test_code_that_cannot_be_parsed_is_unknown_to_patterns_of_code(tmp_path: Path, content: bytes) -> None:
    work = branch_with(tmp_path, {}, {"m.py": content})
    assert result(check(work, pack_of(*AST, paths=["*.py"]))).verdict is Verdict.UNKNOWN


def test_what_is_bad_already_stays_bad_with_a_file_unread(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a.py": b"eval(x)\n", "b.py": b"def f(:\n"})
    found = result(check(work, pack_of({"python": "dangerous_calls"})))
    assert (found.verdict, found.score) == (Verdict.FAILED, 0.0)
    lenient = result(check(work, pack_of({"python": "dangerous_calls"}, threshold=0.5)))
    assert (lenient.verdict, lenient.score) == (Verdict.UNKNOWN, None)


def test_a_rule_without_a_checker_is_unknown(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a": b"1\n"})
    found = check(work, pack_of({}))
    assert (result(found).verdict, result(found).is_compliant, found.band) == (Verdict.UNKNOWN, False, Band.UNKNOWN)


def test_without_the_extra_a_code_pattern_is_unknown_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = branch_with(tmp_path, {}, {"a.py": b"x = 1\n"})
    monkeypatch.setattr(Searcher, "_ask", lambda self, asked, deadline: {"missing": True})
    found = result(check(work, pack_of(*AST)))
    assert found.verdict is Verdict.UNKNOWN
    assert "pip install 'git-align[rules]'" in found.details


def test_binary_files_are_nobodys_text_unless_they_are_named(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a.png": b"\0x\n", "b.txt": b"fine\n"})
    assert result(check(work, GOOD)).verdict is Verdict.PASSED
    named = pack_of({"pattern": {"forbidden": "x"}}, paths=["*.png"])
    assert result(check(work, named)).verdict is Verdict.UNKNOWN


def test_odd_names_and_kinds_of_files(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"line\nbreak.py": b"eval(x)\n", "caf\udce9.py": b"eval(x)\n"})
    work.switch("topic")
    (work.path / "link.py").symlink_to("kept")
    work.commit("link")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{work.tip('main')},sub")
    work.git("commit", "-q", "-m", "submodule")
    found = check(
        work,
        pack_of(
            {"python": "dangerous_calls"}, {"required_files": {"files": ["line*"]}}, {"size": {"most_file_bytes": 1}}
        ),
    )
    assert sorted(told(result(found))) == [("caf\udce9.py", 1), ("line\nbreak.py", 1)]
    assert result(found, 1).verdict is Verdict.UNKNOWN  # such a name cannot be asked for, so nobody can tell its size
    assert result(found, 2).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"severty": "must"}, "pack.yaml: unknown key requirements[rule-0].severty; did you mean severity?"),
        ({"severity": "most"}, "requirements[rule-0].severity is 'most'"),
        ({"severity": "most"}, "did you mean must?"),
        ({"check": {"patern": {"forbidden": "x"}}}, "unknown key requirements[rule-0].check.patern; did you mean pattern?"),
        ({"check": {"pattern": {"forbidden": "("}}}, "is no regular expression"),
        ({"check": {"pattern": {"forbidden": "x", "multiline": True}}}, "unknown key requirements[rule-0].check.pattern.multiline"),
        ({"check": {"pattern": {"ignore_case": True}}}, "asks for nothing"),
        ({"check": {"path": {}}}, "asks for nothing"),
        ({"check": {"path": {"forbidden": ["a"]}, "python": "docstrings"}}, "give exactly one of"),
        ({"check": {"python": "bare_excepts"}}, "did you mean bare_except?"),
        ({"check": {"ast_pattern": {"language": "pyton", "forbidden": "x"}}}, "did you mean python?"),
        ({"check": {"pattern": {"forbidden": "x" * 1001}}}, "at most 1000 characters"),
        ({"threshold": 0}, "greater than 0"),
        ({"threshold": "1"}, "valid number"),
        ({"id": "No Id"}, "pattern"),
        ({"paths": "*.py"}, "valid list"),
    ],
)  # fmt: skip
def test_faults_of_a_pack_are_told_with_their_place(change: dict[str, Any], fault: str) -> None:
    pack = {**GOOD, "requirements": [{**GOOD["requirements"][0], **change}]}
    assert any(fault in one for one in faults(yaml.safe_dump(pack))), faults(yaml.safe_dump(pack))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    bad = {
        "format": 2,
        "name": "X Y",
        "requirements": [{"id": "a", "name": ""}, {"id": "a", "name": "b", "severity": "must"}],
    }
    assert len(faults(yaml.safe_dump(bad))) == 5
    write_pack(tmp_path / "a.yaml", bad)
    with pytest.raises(RulePackError) as caught:
        load_packs(["a.yaml", "pythn", "nowhere.yaml"], folder=tmp_path)
    assert len(caught.value.faults) == 7
    assert "did you mean python?" in " ".join(caught.value.faults)


def test_yaml_that_grows_or_does_more_than_hold_values(tmp_path: Path) -> None:
    rows = [f"x{number}: &x{number} [{', '.join([f'*x{number - 1}'] * 10)}]" for number in range(1, 9)]
    merged = [f"x{number}: &x{number} {{<<: [{', '.join([f'*x{number - 1}'] * 10)}]}}" for number in range(1, 9)]
    for text in (
        "\n".join(["x0: &x0 [1]", *rows]),
        "\n".join(["x0: &x0 {a: 1}", *merged]),
        "a: &a [*a]",
        "a: !!python/object/apply:os.system ['true']",
        "a: 1\na: 2",
        "[" * 5_000,
        "a: 1\n---\nb: 2",
        "\0",
    ):
        assert "is not valid YAML" in faults(text)[0]
    for text in ("", "- a", "text"):
        assert "must hold keys" in faults(text)[0]
    place = tmp_path / "pack.yaml"
    place.write_bytes(b"#" * 300_000)
    with pytest.raises(RulePackError, match="larger than"):
        load_packs([str(place)], folder=tmp_path)
    place.write_bytes(b"\xff\xfe")
    with pytest.raises(RulePackError, match="not UTF-8"):
        load_packs([str(place)], folder=tmp_path)
    with pytest.raises(RulePackError, match="is a directory"):
        load_packs(["/dev/zero", str(tmp_path)], folder=tmp_path)


def test_two_packs_of_one_name(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        write_pack(tmp_path / name, GOOD)
    with pytest.raises(RulePackError, match="already exists"):
        load_packs(["a.yaml", "b.yaml"], folder=tmp_path)
    assert [pack.name for pack in load_packs(["a.yaml", "python", "a.yaml"], folder=tmp_path)] == ["house", "python"]


@pytest.mark.parametrize(
    ("path", "pattern", "is_match"),
    [
        ("a/b/c.py", "*.py", True),
        ("a/b/c.py", "a/*.py", False),
        ("a/b/c.py", "a/**/*.py", True),
        ("a/c.py", "a/**/*.py", True),
        ("a/b/c.py", "**/b/**", True),
        ("b", "**/b/**", True),
        ("a/b", "/a/b", True),
        ("x/a/b", "/a/b", False),
        ("A.py", "a.py", False),
        ("a.py", "?.p[xy]", True),
        ("/".join("ab" * 40), "/".join(["**", "a"] * 30) + "/c", False),
    ],
)
def test_globs(path: str, pattern: str, is_match: bool) -> None:
    assert matches(path, pattern) is is_match


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_line_ends_hide_nothing(tmp_path: Path, end: bytes) -> None:
    work = branch_with(
        tmp_path, {"m.py": end.join([b"x = 1", b""])}, {"m.py": end.join([b"x = 1", b"", b"eval(x)", b""])}
    )
    found = check(work, pack_of({"python": "dangerous_calls"}, {"pattern": {"forbidden": "eval"}}, *AST))
    assert [told(one) for one in found.results] == [[("m.py", 3)]] * 3


@given(
    st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=12),
    st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=12),
)
def test_what_is_not_new_stood_there_in_that_order(old: list[bytes], new: list[bytes]) -> None:
    added = added_lines(b"\n".join([*old, b""]), b"\n".join([*new, b""]))
    rest = iter(old)
    assert all(line in rest for number, line in enumerate(new, 1) if number not in added)
    assert added <= set(range(1, len(new) + 1))
    if old == new:
        assert not added


def test_versions_too_different_to_compare_are_compared_roughly() -> None:
    old = b"".join(b"old %d\n" % number for number in range(3_000)) + b"same\n" + b"end\n"
    new = b"".join(b"new %d\n" % number for number in range(3_000)) + b"same\n" + b"other end\n"
    started = time.monotonic()
    added = added_lines(old, new)
    assert time.monotonic() - started < 2
    assert 3_001 not in added
    assert len(added) == 3_001


def test_a_file_that_was_too_long_is_not_called_new(tmp_path: Path) -> None:
    old = b"eval(x)\n" + b"# long\n" * 200_000
    work = branch_with(tmp_path, {"m.py": old}, {"m.py": b"eval(x)\n"})
    found = check(work, pack_of({"python": "dangerous_calls"}, {"size": {"most_lines": 1}}))
    assert [one.verdict for one in found.results] == [Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_history_that_is_cut_off_or_missing_is_unknown(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a.py": b"x = 1\n"})
    oid, tree = work.tip("topic:a.py"), work.tip("topic^{tree}")
    (work.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    found = result(check(work, pack_of({"python": "dangerous_calls"})))
    assert (found.verdict, "cannot be read" in found.details) == (Verdict.UNKNOWN, True)
    (work.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    found = result(check(work, pack_of({"python": "dangerous_calls"})))
    assert (found.verdict, found.is_critical) == (Verdict.UNKNOWN, True)
    work = branch_with(tmp_path / "deep", {}, {"a.py": b"x = 1\n"})
    work.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{work.path}", str(tmp_path / "shallow"))
    pack = write_pack(tmp_path / "pack.yaml", pack_of({"python": "dangerous_calls"}))
    shallow = facade.Request(repo=tmp_path / "shallow")
    (judged,) = facade.check_rules(shallow, branches=("origin/topic",), packs=(str(pack),), target="main")
    assert "history is cut off" in result(judged).details


def test_branches_that_never_met_are_compared_with_the_target_as_it_is(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"a": b"1\n"})
    work.git("checkout", "-q", "--orphan", "alone")
    work.commit("alone", {"m.py": b"eval(x)\n"})
    found = check(work, pack_of({"python": "dangerous_calls"}), "alone", target="main")
    assert told(result(found)) == [("m.py", 1)]
