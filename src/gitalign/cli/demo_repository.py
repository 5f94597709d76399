"""The sample repository: one of every kind of branch that people meet, made in one stream by `git fast-import`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from gitalign import child
from gitalign.git.command import Git, failure_of, raw
from gitalign.git.environment import deciding_environment

_AUTHORS = (b"Ada Sample <ada@example.org>", b"Bo Sample <bo@example.org>", b"Chen Sample <chen@example.org>")
_START = 1_750_000_000
_LINES = 40


@dataclass(slots=True)
class _Stream:
    """A fast-import stream under construction (`git help fast-import`)."""

    data: bytearray = field(default_factory=bytearray)
    mark: int = 0
    clock: int = _START

    def commit(
        self,
        branch: str,
        message: str,
        files: Mapping[str, str | None],
        *,
        parent: int | None = None,
        also: tuple[int, ...] = (),
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
        for other in also:
            self.data += b"merge :%d\n" % other
        for path, content in files.items():
            if content is None:
                self.data += b"D %b\n" % raw(path)
            else:
                body = raw(content)
                self.data += b"M 100644 inline %b\ndata %d\n%b\n" % (raw(path), len(body), body)
        return self.mark

    def branch(self, name: str, at: int) -> None:
        """Make a branch at a commit."""
        self.data += b"reset refs/heads/%b\nfrom :%d\n\n" % (raw(name), at)


def _text(name: str, changes: Mapping[int, str] | None = None) -> str:
    lines = [f"{name} line {number}" for number in range(_LINES)]
    for number, words in (changes or {}).items():
        lines[number] = words
    return "\n".join(lines) + "\n"


def build(place: Path, *, branches: int) -> None:
    """Make the sample repository.

    Args:
        place: an empty or missing folder.
        branches: about how many branches.

    Raises:
        GitError
    """
    place.mkdir(parents=True, exist_ok=True)
    _git(["init", "--quiet", "--initial-branch=main", str(place)], cwd=place)
    git = Git(git_dir=str(place / ".git"), work_tree=str(place))
    for key, value in (("user.name", "Sample Operator"), ("user.email", "operator@example.org")):
        git.run("config", key, value)
    stream = _Stream()
    _write_history(stream, branches)
    git.run("fast-import", "--quiet", stdin=bytes(stream.data))
    git.run("symbolic-ref", "refs/heads/alias/of-main", "refs/heads/main")
    git.run("checkout", "--quiet", "main")
    for branch, folder in (("worktree/clean", "clean"), ("worktree/dirty", "dirty")):
        git.run("worktree", "add", "--quiet", str(place.parent / f"{place.name}-{folder}"), branch)
    (place.parent / f"{place.name}-dirty" / "src" / "module_1.py").write_text("work in progress\n", encoding="utf-8")


def _git(words: list[str], *, cwd: Path) -> None:
    done = child.run(["git", *words], env=deciding_environment(), cwd=cwd, timeout_s=60)
    if done.returncode:
        raise failure_of(done.argv, done.returncode, done.stderr)


def _write_history(stream: _Stream, branches: int) -> None:
    files: dict[str, str | None] = {f"src/module_{number}.py": _text(f"module {number}") for number in range(12)}
    files["README.md"] = "# Sample\n"
    files["CHANGES"] = "first\n"
    root = stream.commit("main", "chore: first commit", files)
    base = stream.commit("main", "feat: ready for branches", {"src/core.py": _text("core")}, parent=root)
    science = stream.commit(
        "scientific", "feat: start of the scientific line", {"science/model.py": _text("model")}, parent=base
    )
    tools = stream.commit(
        "orchestration-tools", "feat: start of the tools line", {"tools/run.sh": "echo run\n"}, parent=base
    )
    merged = stream.commit(
        "merged/by-merge", "feat: something that was merged", {"src/merged.py": _text("merged")}, parent=base
    )
    main = stream.commit(
        "main", "Merge branch 'merged/by-merge'", {"src/merged.py": _text("merged")}, parent=base, also=(merged,)
    )
    main = stream.commit(
        "main",
        "fix: module 0, line 5",
        {"src/module_0.py": _text("module 0", {5: "fixed on main"}), "CHANGES": "first\nfixed\n"},
        parent=main,
    )
    main = stream.commit("main", "feat: picked from a branch", {"src/picked.py": _text("picked")}, parent=main)
    main = stream.commit(
        "main",
        "refactor: module 1 gets a new name",
        {"src/module_1.py": None, "src/renamed.py": _text("module 1")},
        parent=main,
    )
    main = stream.commit("main", "chore: module 2 is gone", {"src/module_2.py": None}, parent=main)
    for number in range(20):
        main = stream.commit("main", f"docs: change {number}", {"CHANGES": f"first\nand {number}\n"}, parent=main)
    science = stream.commit(
        "scientific", "feat: better model", {"science/model.py": _text("model", {3: "better"})}, parent=science
    )
    tools = stream.commit(
        "orchestration-tools", "feat: better runner", {"tools/run.sh": "echo run faster\n"}, parent=tools
    )
    _special(stream, root=root, base=base, main=main, science=science)
    _clashing(stream, main)
    _plain(
        stream,
        {"main": base, "scientific": science - 1, "orchestration-tools": tools - 1},
        science=science,
        tools=tools,
        count=max(0, branches - 40),
    )


def _special(stream: _Stream, *, root: int, base: int, main: int, science: int) -> None:
    stream.commit(
        "conflict/content",
        "fix: module 0, line 5, another way",
        {"src/module_0.py": _text("module 0", {5: "fixed on the branch"})},
        parent=base,
    )
    stream.commit(
        "conflict/modify-delete",
        "fix: module 2",
        {"src/module_2.py": _text("module 2", {1: "still wanted"})},
        parent=base,
    )
    stream.commit("conflict/add-add", "feat: picked, but different", {"src/picked.py": _text("other")}, parent=base)
    step = stream.commit("conflict/second-commit", "feat: fine", {"src/fine.py": _text("fine")}, parent=base)
    stream.commit(
        "conflict/second-commit",
        "fix: module 0 once more",
        {"src/module_0.py": _text("module 0", {5: "third way"})},
        parent=step,
    )
    stream.commit(
        "rename/follows",
        "fix: module 1 under its old name",
        {"src/module_1.py": _text("module 1", {20: "edited on the branch"})},
        parent=base,
    )
    stream.commit(
        "merged/by-cherry-pick", "feat: picked from a branch", {"src/picked.py": _text("picked")}, parent=base
    )
    step = stream.commit(
        "merged/in-part", "feat: picked from a branch", {"src/picked.py": _text("picked")}, parent=base
    )
    stream.commit("merged/in-part", "feat: and one that was not", {"src/extra.py": _text("extra")}, parent=step)
    step = stream.commit("empty/from-the-start", "chore: trigger the build", {}, parent=base)
    stream.commit("empty/from-the-start", "feat: with content", {"src/content.py": _text("content")}, parent=step)
    step = stream.commit(
        "empty/on-the-way",
        "fix: module 0, line 5",
        {"src/module_0.py": _text("module 0", {5: "fixed on main"})},
        parent=base,
    )
    stream.commit("empty/on-the-way", "feat: something more", {"src/more.py": _text("more")}, parent=step)
    bottom = stream.commit("stack/1-bottom", "feat: bottom of the stack", {"src/stack.py": _text("stack")}, parent=base)
    middle = stream.commit(
        "stack/2-middle", "feat: middle of the stack", {"src/stack.py": _text("stack", {10: "middle"})}, parent=bottom
    )
    top = stream.commit(
        "stack/3-top",
        "feat: top of the stack",
        {"src/stack.py": _text("stack", {10: "middle", 30: "top"})},
        parent=middle,
    )
    stream.branch("stack/3-top-again", top)
    side = stream.commit(
        "with-merges/of-a-friend", "feat: a friend's part", {"src/friend.py": _text("friend")}, parent=base
    )
    own = stream.commit("with-merges/own", "feat: own part", {"src/own.py": _text("own")}, parent=base)
    stream.commit(
        "with-merges/own",
        "Merge branch 'with-merges/of-a-friend'",
        {"src/friend.py": _text("friend")},
        parent=own,
        also=(side,),
    )
    stream.branch(
        "up-to-date",
        stream.commit("up-to-date", "feat: on the newest main", {"src/newest.py": _text("newest")}, parent=main),
    )
    stream.branch("old/behind", root)
    stream.commit("protected/wanted", "feat: any", {"src/any.py": _text("any")}, parent=base)
    stream.commit("release/1.0", "chore: release 1.0", {"VERSION": "1.0\n"}, parent=base)
    stream.branch("backup-old-pre-align", base)
    stream.commit("unrelated/orphan", "docs: a page of its own", {"index.html": "<h1>page</h1>\n"})
    stream.commit("grün/日本語-名", "feat: names in any script", {"src/names.py": _text("names")}, parent=base)
    stream.commit("-starts-with-a-dash", "feat: an odd name", {"src/dash.py": _text("dash")}, parent=base)
    stream.commit("worktree/clean", "feat: checked out and clean", {"src/clean.py": _text("clean")}, parent=base)
    stream.commit(
        "worktree/dirty", "feat: checked out with work in progress", {"src/dirty.py": _text("dirty")}, parent=base
    )
    stream.commit("scientific-plot", "feat: a plot", {"science/plot.py": _text("plot")}, parent=science - 1)
    stream.commit("binary/asset", "feat: an asset", {"asset.bin": "\x00\x01\x02 not text\n"}, parent=base)


def _clashing(stream: _Stream, main: int) -> None:
    """Branches that align, each alone, but not all with one another."""
    for name, message, files in (
        (
            "team/log-in-form",
            "feat: a form to log in",
            {"src/module_6.py": {8: "form"}, "src/module_7.py": {3: "form"}},
        ),
        ("team/log-in-button", "feat: a button to log in", {"src/module_6.py": {8: "button"}}),
        (
            "team/log-in-by-mail",
            "feat: log in by mail",
            {"src/module_6.py": {8: "mail"}, "src/module_8.py": {3: "mail"}},
        ),
        ("team/session", "feat: sessions", {"src/module_7.py": {3: "session"}, "src/module_6.py": {30: "session"}}),
        ("team/mail-queue", "feat: a queue for mail", {"src/module_8.py": {3: "queue"}, "src/queue.py": {}}),
        ("team/queue", "feat: a queue", {"src/queue.py": {1: "any"}}),
    ):
        changed = {path: _text(Path(path).stem.replace("_", " "), lines) for path, lines in files.items()}
        stream.commit(name, message, changed, parent=main)


def _plain(stream: _Stream, bases: Mapping[str, int], *, science: int, tools: int, count: int) -> None:
    starts = (("main", bases["main"]), ("scientific", science), ("orchestration-tools", tools))
    for number in range(count):
        target, start = starts[number % 3]
        tip = start
        name = f"feature/{target}-{number:03d}"
        for part in range(1 + number % 4):
            tip = stream.commit(
                name,
                f"feat: part {part + 1} of feature {number}",
                {f"src/feature_{number}.py": _text(f"feature {number}", {part: f"part {part}"})},
                parent=tip,
            )
