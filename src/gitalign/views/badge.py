"""A badge: two words side by side as a drawing of its own, for pages of others."""

from __future__ import annotations

from gitalign.views.svg import element, words

_COLOURS = {"good": "#116329", "bad": "#a40e26", "unknown": "#57606a"}
_HEIGHT, _PAD, _PER_CHARACTER = 20, 6, 6.6


def badge(label: str, value: str, *, state: str) -> str:
    """A badge. It says in words what its colour says.

    Args:
        label: at its left.
        value: at its right.
        state: `good`, `bad` or `unknown`.
    """
    left, right = (round(len(text) * _PER_CHARACTER + 2 * _PAD) for text in (label, value))
    text = {"y": 14, "fill": "#ffffff", "font_family": "Verdana, DejaVu Sans, sans-serif", "font_size": 11}
    return element(
        "svg",
        element("title", words(f"{label}: {value}")),
        element("rect", width=left + right, height=_HEIGHT, rx=3, fill="#24292f"),
        element("path", d=f"M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z", fill=_COLOURS[state]),
        element("text", words(label), x=_PAD, textLength=left - 2 * _PAD, **text),
        element("text", words(value), x=left + _PAD, textLength=right - 2 * _PAD, **text),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=_HEIGHT,
        role="img",
        aria_label=f"{label}: {value}",
    )
