"""What documents point at is there, as GitHub shows them; `mkdocs build --strict` checks the same for the site."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def anchors(document: Path) -> frozenset[str]:
    """Anchors of headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", document.read_text()), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))
    return frozenset(found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", document.read_text()))
    wrong = []
    for link in _LINK.findall(text):
        if re.match(r"https?://|mailto:", link):
            continue
        place, _, anchor = link.partition("#")
        there = (document.parent / place).resolve() if place else document
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            wrong.append(link)
    assert not wrong


def test_every_decision_is_in_the_list() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    for path in sorted((ROOT / "docs/adr").glob("0*.md")):
        number, _, title = path.read_text().splitlines()[0].removeprefix("# ").partition(". ")
        line = f"- [{number}. {title}]({path.name})"
        assert line in index, f"add to docs/adr/README.md: {line}"


def test_every_picture_is_shown_somewhere() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    for path in sorted((ROOT / "docs/images").iterdir()):
        assert path.name in text, f"{path.name} is in no document"


@pytest.mark.parametrize(
    "document",
    [one for one in DOCUMENTS if one.name != "CHANGELOG.md"],
    ids=lambda path: path.name,
)
def test_words_are_plain(document: Path) -> None:
    """Words that a reader has to think about; what git-align itself prints is quoted as it is."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", document.read_text()))
    assert re.findall(r"\b(?:somebody|nobody|told|anew|whoever)\b", text, re.IGNORECASE) == []


@pytest.mark.parametrize(
    "document",
    [one for one in DOCUMENTS if one.name != "CHANGELOG.md" and one.parent.name != "adr"],
    ids=lambda path: path.name,
)
def test_one_thing_has_one_name(document: Path) -> None:
    """A conflict is resolved by a resolver, and a result is cached; keys that are called otherwise are quoted."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", document.read_text()))
    assert re.findall(r"\b(?:settl\w+|remembered|brought|rungs?|ladder)\b", text, re.IGNORECASE) == []
