"""What code does, apart from how it is written: a cached result holds as long as the code that made it does the same."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any


def meaning(source: str) -> str:
    """Python source without comments, docstrings and layout, as text to compare.

    Raises  SyntaxError when it is not Python.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
    return ast.dump(tree)


@cache
def _module(name: str) -> str:
    return meaning(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))


def _compiled(code: CodeType) -> list[Any]:
    consts = [_compiled(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [code.co_code.hex(), code.co_names, code.co_varnames, consts]


def _written_here(cls: type) -> list[Any]:
    """What a class outside the package holds: the code of its methods, and its other attributes by their text."""
    found = []
    for name, value in sorted(vars(cls).items()):
        part = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(part, FunctionType):
            found.append([name, _compiled(part.__code__)])
        elif not name.startswith("_"):
            found.append([name, repr(value)])
    return found


def version(cls: type, modules: tuple[str, ...]) -> str:
    """A sha256 (hex) of what a class and the package's `modules` beside it do.

    Of the class and its bases, those in the package count with their whole module, others (a notebook's) with their methods,
    whose source need not be at hand.
    """
    package = __package__ + "."
    inside = {c.__module__.removeprefix(package) for c in cls.__mro__ if c.__module__.startswith(package)}
    outside = [c for c in cls.__mro__ if not c.__module__.startswith((package, "torch.", "builtins", "abc"))]
    parts = [[name, _module(name)] for name in sorted(inside | set(modules))] + [_written_here(c) for c in outside]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
