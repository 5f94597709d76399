"""The text of documents, against the standard library."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitalign.documents.formats import pieces
from tests.needs import examples

_KEYS = st.text(max_size=5) | st.integers() | st.booleans() | st.none()
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@examples(60)
@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4), st.sampled_from([None, 1, 2, 4]))
def test_the_text_is_what_json_dumps_writes(document: dict[str, Any], indent: int | None) -> None:
    """Names whose bytes are not UTF-8, empty members, numbers: to the last blank."""
    document["\udcff odd"] = ["\udcff", {}, []]
    colons = None if indent is not None else (",", ":")
    assert "".join(pieces(document, indent=indent)) == json.dumps(document, indent=indent, separators=colons)
    listed = {key: iter([value]) for key, value in document.items()}
    whole = {key: [value] for key, value in document.items()}
    assert "".join(pieces(listed, indent=indent)) == json.dumps(whole, indent=indent, separators=colons)
