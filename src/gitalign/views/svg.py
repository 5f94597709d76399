"""Elements of drawings as text: names and values are escaped, what a repository calls something is never markup.

Colours come from classes (`assets/drawings.css`), so that a strict policy without inline styles holds, and light and dark follow
the page.
"""

from __future__ import annotations

from html import escape

from gitalign.core.names import display


def words(text: str) -> str:
    """A name or sentence as content of an element: control characters are visible, what UTF-8 cannot hold is replaced."""
    return escape(display(text).encode("utf-8", "replace").decode("utf-8"))


def element(tag: str, *content: str, **attributes: object) -> str:
    """An element.

    Args:
        tag: its name.
        content: markup, made by the functions of this module.
        attributes: by name; `class_` stands for `class`, an underscore within a name for a hyphen. None is left out.
    """
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{words(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{said}>{''.join(content)}</{tag}>" if content else f"<{tag}{said}/>"


def drawing(width: float, height: float, *content: str, title: str, class_: str = "", is_shrunk: bool = True) -> str:
    """A drawing. One with links is a group to people who do not see it, so that the links can be reached.

    Args:
        width, height: of it.
        content: made by `element`.
        title: what it shows, for people who do not see it.
        class_: of it.
        is_shrunk: it takes the size of its place; otherwise the place has to scroll.
    """
    size = {} if is_shrunk else {"width": width, "height": height}
    return element(
        "svg",
        *(content or ("",)),
        class_=f"drawing {class_}".strip(),
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        role="group" if any("<a " in part for part in content) else "img",
        aria_label=title,
        **size,
    )


def _value(value: object) -> str:
    """Numbers with at most two decimals: drawings of hundreds of branches stay small."""
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
