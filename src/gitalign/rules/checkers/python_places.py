"""Places in a Python file that a house rule is about, read from its syntax tree alone. Nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitalign.core.rule_checks import PythonLook

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Place:
    """A definition, handler, call or value that was looked at.

    Attributes:
        first, last: lines that make it the branch's when the branch touched one of them; last < first for none.
        line: where to point.
        fault: what is wrong with it; None when it is in order.
        key: what names it in every version of the file; empty when only its lines can tell.
    """

    first: int
    last: int
    line: int
    fault: str | None
    key: str = ""


MODULE = "module"
"""Key of the place of a module as a whole, which is the branch's where the branch made the file."""


def places(look: PythonLook, tree: ast.Module) -> list[Place]:
    """What a look sees in a file, in order of line."""
    return sorted(_LOOKS[look](tree), key=lambda place: (place.line, place.fault or ""))


def _bare_except(tree: ast.Module) -> Iterator[Place]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield Place(node.lineno, node.lineno, node.lineno, "catches everything: name the errors that are expected")


def _empty_except(tree: ast.Module) -> Iterator[Place]:
    for scope, node in _scoped(tree):
        if isinstance(node, ast.ExceptHandler):
            fault = "swallows an error without a word" if all(map(_does_nothing, node.body)) else None
            caught = "" if node.type is None else ast.unparse(node.type)
            last = node.end_lineno or node.lineno
            yield Place(node.lineno, last, node.lineno, fault, f"{scope} except {caught}")


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _return_annotations(tree: ast.Module) -> Iterator[Place]:
    for scope, node in _scoped(tree):
        if isinstance(node, Function) and node.name != "__init__":
            fault = None if node.returns is not None else f"{node.name}() does not say what it returns"
            yield _definition(node, fault, scope)


def _docstrings(tree: ast.Module) -> Iterator[Place]:
    if tree.body:
        fault = None if ast.get_docstring(tree) else "the module has no docstring"
        yield Place(1, 0, 1, fault, MODULE)
    yield from _documented(tree, "")


def _documented(parent: ast.Module | ast.ClassDef, scope: str) -> Iterator[Place]:
    """Public classes and functions of a module or class; what stands inside functions is no one else's business."""
    for node in _definitions(parent.body):
        name = f"{scope}.{node.name}"
        if node.name.startswith("_") or _is_spared(node):
            continue
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        fault = None if ast.get_docstring(node) else f"{kind} {node.name} has no docstring"
        yield _definition(node, fault, name)
        if isinstance(node, ast.ClassDef):
            yield from _documented(node, name)


def _definitions(body: Sequence[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | Function):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With):
            for part in ("body", "orelse", "finalbody"):
                yield from _definitions(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _definitions(handler.body)


def _is_spared(node: ast.ClassDef | Function) -> bool:
    """Overloads, overrides, setters: the definition they belong to has the words."""
    names = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in node.decorator_list}
    return bool(names & {"overload", "override", "setter", "deleter"})


def _definition(node: ast.ClassDef | Function, fault: str | None, scope: str) -> Place:
    """A definition is touched where its head is: decorators, name, parameters, up to the body."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    last = max(node.lineno, node.body[0].lineno - 1)
    return Place(first, last, node.lineno, fault, scope)


_SHELLS = frozenset({"run", "call", "check_call", "check_output", "Popen"})
_DANGEROUS = {
    "builtins.eval": "eval() runs text as code",
    "builtins.exec": "exec() runs text as code",
    "os.system": "os.system() hands text to a shell",
    "os.popen": "os.popen() hands text to a shell",
}

_STARS: Mapping[str, Iterable[str]] = {"os": ("system", "popen"), "subprocess": _SHELLS}
"""What `from module import *` brings of interest."""


def _dangerous_calls(tree: ast.Module) -> Iterator[Place]:
    names = _imported(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        faults = [fault for called in sorted(_called(node.func, names)) if (fault := _danger(called, node)) is not None]
        if faults:
            yield Place(node.lineno, node.end_lineno or node.lineno, node.lineno, faults[0])


def _danger(called: str, node: ast.Call) -> str | None:
    module, _, function = called.rpartition(".")
    if module == "subprocess" and function in _SHELLS and _asks_for_a_shell(node):
        return f"subprocess.{function}(shell=True) hands text to a shell"
    return _DANGEROUS.get(called)


def _imported(tree: ast.Module) -> Mapping[str, set[str]]:
    """Local names and all they may stand for; one that the module itself binds is no builtin any more.

    Which import holds where is not followed: a name that is dangerous anywhere in the file is taken for it everywhere.
    """
    names = {"eval": {"builtins.eval"}, "exec": {"builtins.exec"}}
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.pop(name, None)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    names.pop(alias.asname or alias.name, None)
    for found in ast.walk(tree):
        if isinstance(found, ast.Import):
            for alias in found.names:
                local = alias.asname or alias.name.partition(".")[0]
                names.setdefault(local, set()).add(alias.name if alias.asname else local)
        elif isinstance(found, ast.ImportFrom):
            module = "." * found.level + (found.module or "")
            for alias in found.names:
                taken = _STARS.get(module, ()) if alias.name == "*" else (alias.name,)
                for name in taken:
                    names.setdefault(alias.asname or name, set()).add(f"{module}.{name}")
    return names


def _called(function: ast.expr, names: Mapping[str, set[str]]) -> set[str]:
    if isinstance(function, ast.Name):
        return names.get(function.id, set())
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return {f"{one}.{function.attr}" for one in names.get(function.value.id, {function.value.id})}
    return set()


def _asks_for_a_shell(call: ast.Call) -> bool:
    return any(
        one.arg == "shell" and not (isinstance(one.value, ast.Constant) and not one.value.value)
        for one in call.keywords
    )


_SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:password|passwd|pwd|passphrase|secret|api_?key|apikey|auth_?token|access_?token|token|secret_?key"
    r"|private_?key|access_?key|credentials?|pass)$"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_SHAPE = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40}|glpat-[A-Za-z0-9_-]{20}|xox[abprs]-[A-Za-z0-9-]{10}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:|[x*.\-_ ]+|none|null|true|false|tests?|testing|test[_-]?\d*|dummy\w*|example\w*|changeme|change-me|your[_-].*|todo.*|<.*>|\$?\{.*\}|%\(.*|\*+)$"
)
_SEPARATORS = re.compile("[-_]")
_SHORTEST_SECRET = 6


def _hard_coded_secrets(tree: ast.Module) -> Iterator[Place]:
    told: set[int] = set()
    for name, value in _named_values(tree):
        if _SECRET_NAME.search(_HUMP.sub("_", name)) and _is_secret(name, value.value):
            told.add(id(value))
            yield _value(value, f"{name} is written into the code")
    for node in ast.walk(tree):
        is_told = id(node) in told
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not is_told:
            if _SECRET_SHAPE.search(node.value) is None:
                continue
            yield _value(node, "a text that looks like a key is written into the code")


def _named_values(tree: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """Constants and the names they are given: by assignment, as argument, as default, in a mapping."""
    for node in ast.walk(tree):
        pairs: list[tuple[str, ast.expr | None]] = []
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs = [pair for target in targets for pair in _unpacked(target, value)]
            case ast.AnnAssign(target=target, value=value):
                pairs = [(_name(target), value)]
            case ast.NamedExpr(target=target, value=value):
                pairs = [(_name(target), value)]
            case ast.Call(args=arguments, keywords=keywords):
                pairs = [(keyword.arg or "", keyword.value) for keyword in keywords]
                # `environ.get("PASSWORD", "…")`: what is taken where nothing is set.
                pairs += [
                    (_name(arguments[0]), value) for value in arguments[1:2] if isinstance(arguments[0], ast.Constant)
                ]
            case ast.Dict(keys=keys, values=values):
                pairs = [(_name(key), value) for key, value in zip(keys, values, strict=True)]
            case ast.arguments(args=arguments, posonlyargs=first, kwonlyargs=last):
                positional = [*first, *arguments]
                offset = len(positional) - len(node.defaults)
                pairs = [(positional[offset + at].arg, value) for at, value in enumerate(node.defaults)]
                pairs += [(one.arg, value) for one, value in zip(last, node.kw_defaults, strict=True)]
            case _:
                continue
        for name, found in pairs:
            for constant in _alternatives(found):
                yield name, constant


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Names and what each gets, also in `a, b = 1, 2`."""
    sides = (target, value)
    if all(isinstance(side, ast.Tuple | ast.List) for side in sides):
        targets, values = (getattr(side, "elts", []) for side in sides)
        if len(targets) == len(values):
            for one, other in zip(targets, values, strict=True):
                yield from _unpacked(one, other)
        return
    yield _name(target), value


def _alternatives(node: ast.expr | None) -> Iterator[ast.Constant]:
    """Constants an expression may come to: itself, either branch of a condition, any part of an `or`."""
    match node:
        case ast.Constant():
            yield node
        case ast.IfExp(body=body, orelse=orelse):
            yield from _alternatives(body)
            yield from _alternatives(orelse)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _alternatives(value)
        case _:
            return


def _name(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))) | ast.Constant(value=str(name)):
            return name
        case _:
            return ""


def _is_secret(name: str, value: object) -> bool:
    """True for a text without blanks that is neither a placeholder nor the name itself, as names of fields are."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return (
        isinstance(value, str)
        and len(value) >= _SHORTEST_SECRET
        and " " not in value
        and not _PLACEHOLDER.match(value[:200])
        and _SEPARATORS.sub("", value.casefold()) != _SEPARATORS.sub("", name.casefold())
    )


def _value(node: ast.Constant, fault: str) -> Place:
    return Place(node.lineno, node.end_lineno or node.lineno, node.lineno, fault)


def _scoped(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node with the dotted name of what it stands in; definitions with their own."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        scope, node = waiting.pop()
        if isinstance(node, ast.ClassDef | Function):
            scope = f"{scope}.{node.name}"
        yield scope, node
        waiting += [(scope, child) for child in ast.iter_child_nodes(node)]


_LOOKS: Mapping[PythonLook, Callable[[ast.Module], Iterator[Place]]] = {
    PythonLook.BARE_EXCEPT: _bare_except,
    PythonLook.EMPTY_EXCEPT: _empty_except,
    PythonLook.RETURN_ANNOTATIONS: _return_annotations,
    PythonLook.DOCSTRINGS: _docstrings,
    PythonLook.DANGEROUS_CALLS: _dangerous_calls,
    PythonLook.HARD_CODED_SECRETS: _hard_coded_secrets,
}
