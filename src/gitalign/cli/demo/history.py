"""What the sample repository holds: a small shop in Python, its branches, and who has them. No effects here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from gitalign.git.command import raw

_AUTHORS = (b"Ada Sample <ada@example.org>", b"Bo Sample <bo@example.org>", b"Chen Sample <chen@example.org>")
_START = 1_750_000_000
_MODULES = {
    "shop/prices.py": ("Prices, in cents.", ("net", "tax", "gross", "discount", "rounded")),
    "shop/basket.py": ("What a customer wants to buy.", ("add", "remove", "count", "total", "clear")),
    "shop/mail.py": ("Mail to customers.", ("greeting", "subject", "body", "signature", "footer")),
    "shop/login.py": ("Who the customer is.", ("form", "check", "session", "logout", "remember")),
    "shop/stock.py": ("What is in the warehouse.", ("available", "reserve", "release", "order")),
    "shop/clients.py": ("Customers and their addresses.", ("find", "rename", "merge", "forget")),
    "shop/export.py": ("Lists for the accountant.", ("daily", "monthly", "yearly")),
    "science/model.py": ("How much will be sold.", ("fit", "predict", "score", "explain")),
    "tools/runner.py": ("Jobs at night.", ("start", "stop", "retry", "report")),
}
_SHOP = tuple(path for path in _MODULES if path.startswith("shop/"))
FEATURE_PREFIXES = ("feature", "science", "tools")


def code(path: str, bodies: Mapping[str, str] | None = None, *, title_of: str | None = None) -> str:
    """Valid Python: the module with other bodies for some of its functions, or with more functions.

    Args:
        path: of the module; an unknown one holds the given functions alone.
        bodies: function -> its one statement.
        title_of: the module whose text is taken, when `path` is its new name.
    """
    title, names = _MODULES.get(title_of or path, ("A part of the shop.", ()))
    wanted = {name: f"return value + {at}" for at, name in enumerate(names)} | dict(bodies or {})
    functions = [
        f'\n\ndef {name}(value: int) -> int:\n    """{name.title()}."""\n    {body}\n' for name, body in wanted.items()
    ]
    return f'"""{title}"""\n' + "".join(functions)


@dataclass(slots=True)
class Stream:
    """A fast-import stream under construction (`git help fast-import`)."""

    data: bytearray = field(default_factory=bytearray)
    mark: int = 0
    clock: int = _START
    branches: dict[str, int] = field(default_factory=dict)

    def commit(
        self, branch: str, message: str, files: Mapping[str, str | None], *, parent: int | None, also: int | None = None
    ) -> int:
        """Write a commit and return its mark; None deletes a file."""
        self.mark += 1
        self.clock += 3600
        words = raw(message + "\n")
        self.data += b"commit refs/heads/%b\nmark :%d\n" % (raw(branch), self.mark)
        who = _AUTHORS[crc32(raw(branch)) % len(_AUTHORS)]
        for role in (b"author", b"committer"):
            self.data += b"%b %b %d +0000\n" % (role, who, self.clock)
        self.data += b"data %d\n%b\n" % (len(words), words)
        if parent is not None:
            self.data += b"from :%d\n" % parent
        if also is not None:
            self.data += b"merge :%d\n" % also
        for path, content in files.items():
            if content is None:
                self.data += b"D %b\n" % raw(path)
            else:
                body = raw(content)
                self.data += b"M 100644 inline %b\ndata %d\n%b\n" % (raw(path), len(body), body)
        self.branches[branch] = self.mark
        return self.mark

    def change(self, branch: str, message: str, path: str, parent: int, **bodies: str) -> int:
        """A commit that gives functions of one module other bodies."""
        return self.commit(branch, message, {path: code(path, bodies)}, parent=parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A history and who has which of its branches.

    Attributes:
        stream: for `git fast-import`.
        only_remote: branches that no one has fetched into a branch of this clone.
        only_local: branches that were never pushed.
        checked_out: the branch someone is working on.
    """

    stream: bytes
    branches: tuple[str, ...]
    only_remote: frozenset[str]
    only_local: frozenset[str]
    checked_out: str


def sample(count: int) -> Sample:
    """The history.

    Args:
        count: about how many branches, targets included.
    """
    stream = Stream()
    base = stream.commit("main", "feat: the shop", {path: code(path) for path in _SHOP}, parent=None)
    science = _target(stream, "scientific", "science/model.py", base, predict="return value * 2")
    tools = _target(stream, "orchestration-tools", "tools/runner.py", base, retry="return value * 3")
    cards = {"card": "return value - 5"}
    stream.commit("merged/by-merge", "feat: gift cards", {"shop/cards.py": code("shop/cards.py", cards)}, parent=base)
    _main(stream, base)
    _stopping(stream, base)
    _aligning(stream, base)
    remote = _of_colleagues(stream, base)
    _more(stream, (base, science, tools), max(0, count - len(stream.branches)))
    stream.change("wip/notes", "chore: an idea", "shop/stock.py", base, order="return value * 7")
    return Sample(
        stream=bytes(stream.data),
        branches=tuple(stream.branches),
        only_remote=frozenset(remote),
        only_local=frozenset({"wip/notes"}),
        checked_out="wip/notes",
    )


def _target(stream: Stream, name: str, path: str, base: int, **newer: str) -> int:
    """Another primary branch with two commits of its own; the first is where its branches start."""
    start = stream.commit(name, f"feat: start of {name}", {path: code(path)}, parent=base)
    stream.change(name, f"feat: {name}, improved", path, start, **newer)
    return start


def _main(stream: Stream, base: int) -> None:
    cards = {"shop/cards.py": code("shop/cards.py", {"card": "return value - 5"})}
    tip = stream.commit(
        "main", "Merge branch 'merged/by-merge'", cards, parent=base, also=stream.branches["merged/by-merge"]
    )
    tip = stream.change("main", "feat: tax is 20 %", "shop/prices.py", tip, tax="return value * 20 // 100")
    tip = stream.change(
        "main", "feat: mail greets by name", "shop/mail.py", tip, greeting='return len("Dear customer")'
    )
    coupons = {"shop/coupons.py": code("shop/coupons.py", {"coupon": "return value - 3", "expired": "return value"})}
    tip = stream.commit("main", "feat: coupons (#41)", coupons, parent=tip)
    moved = {"shop/clients.py": None, "shop/customers.py": code("shop/customers.py", title_of="shop/clients.py")}
    tip = stream.commit("main", "refactor: clients are called customers", moved, parent=tip)
    tip = stream.commit("main", "chore: the accountant has lists of her own", {"shop/export.py": None}, parent=tip)
    for number in range(1, 16):
        stream.commit(
            "main", f"docs: week {number}", {"CHANGES.md": f"week {number}\n"}, parent=stream.branches["main"]
        )


def _stopping(stream: Stream, base: int) -> None:
    """Four branches that stop at one and the same clash, and two that stop alone."""
    for name, path, function in (
        ("tax/reduced-rate", "shop/basket.py", "total"),
        ("tax/by-country", "shop/login.py", "remember"),
        ("tax/on-invoices", "shop/mail.py", "footer"),
        ("tax/rounded", "shop/stock.py", "order"),
    ):
        first = stream.change(name, "feat: tax is 7 %", "shop/prices.py", base, tax="return value * 7 // 100")
        both = {function: "return value * 7"}
        stream.commit(name, f"feat: {name.replace('/', ' ')}", {path: code(path, both)}, parent=first)
    greeting = {"greeting": 'return len("Hello")'}
    stream.commit("fix/greeting", "fix: mail says hello", {"shop/mail.py": code("shop/mail.py", greeting)}, parent=base)
    stream.change(
        "export/quarterly", "feat: a list for each quarter", "shop/export.py", base, monthly="return value * 3"
    )


def _aligning(stream: Stream, base: int) -> None:
    bottom = stream.commit(
        "stack/1-cart", "feat: a cart", {"shop/cart.py": code("", {"cart": "return value"})}, parent=base
    )
    middle = stream.commit(
        "stack/2-saved",
        "feat: a saved cart",
        {"shop/cart.py": code("", {"cart": "return value", "saved": "return value"})},
        parent=bottom,
    )
    stream.commit("stack/3-page", "feat: its page", {"shop/page.py": code("", {"page": "return value"})}, parent=middle)
    # A squash merge: both commits are in main as one.
    first = stream.commit(
        "merged/by-squash", "feat: coupons", {"shop/coupons.py": code("", {"coupon": "return value - 3"})}, parent=base
    )
    whole = {"shop/coupons.py": code("", {"coupon": "return value - 3", "expired": "return value"})}
    stream.commit("merged/by-squash", "feat: coupons expire", whole, parent=first)
    stream.change("rename/follows", "fix: find customers by name", "shop/clients.py", base, find="return value * 4")
    friend = stream.change("with-merges/friend", "feat: reserve", "shop/stock.py", base, reserve="return value * 5")
    own = stream.change("with-merges/own", "feat: clear", "shop/basket.py", base, clear="return 0 * value")
    files = {"shop/stock.py": code("shop/stock.py", {"reserve": "return value * 5"})}
    stream.commit("with-merges/own", "Merge branch 'with-merges/friend'", files, parent=own, also=friend)
    # Each aligns alone; not all of them with one another.
    stream.change("login/form", "feat: a form to log in", "shop/login.py", base, form="return value * 2")
    stream.change("login/button", "feat: a button to log in", "shop/login.py", base, form="return value * 3")
    stream.change("login/by-mail", "feat: log in by mail", "shop/login.py", base, form="return value * 4")
    stream.commit("release/1.0", "chore: release 1.0", {"VERSION": "1.0\n"}, parent=base)
    stream.commit(
        "grün/日本語", "feat: names in any script", {"shop/names.py": code("", {"name": "return value"})}, parent=base
    )


def _of_colleagues(stream: Stream, base: int) -> Iterable[str]:
    stream.change("colleague/wish-list", "feat: a wish list", "shop/basket.py", base, add="return value * 6")
    stream.change("colleague/newsletter", "feat: a newsletter", "shop/mail.py", base, subject="return value * 6")
    stream.change("colleague/tax-free", "feat: no tax", "shop/prices.py", base, tax="return 0 * value")
    stream.commit("dependabot/pip/rich-15", "build: rich 15", {"requirements.txt": "rich==15\n"}, parent=base)
    return ("colleague/wish-list", "colleague/newsletter", "colleague/tax-free", "dependabot/pip/rich-15")


def _more(stream: Stream, starts: tuple[int, ...], count: int) -> None:
    for number in range(count):
        prefix, tip = FEATURE_PREFIXES[number % 3], starts[number % 3]
        for part in range(1 + number % 3):
            name = f"{prefix}/part-{number + 1:02d}"
            files = {f"shop/part_{number + 1}_{part + 1}.py": code("", {"part": f"return value + {part}"})}
            tip = stream.commit(name, f"feat: part {number + 1}, step {part + 1}", files, parent=tip)
