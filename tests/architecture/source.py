"""A source tree as the guard tests read it: modules, what they import, what they say. Nothing is executed."""

import ast
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Import:
    """One import of a module, wherever it stands: at the top, in a function, for type checking alone.

    `name` is what it is called in the module, `whole` the thing itself, `target` the module that it comes from.
    """

    target: str
    whole: str
    name: str
    line: int


@dataclass(frozen=True, eq=False)
class Module:
    """A file of the product. `name` is dotted; a package goes by its own name.

    `names` are those at its top: what they stand for, wherever it was imported from.
    """

    name: str
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]
    names: dict[str, str]

    @property
    def short(self) -> str:
        """The name without `backend.`."""
        return self.name.removeprefix("backend.")


Source = dict[str, Module]


@cache
def backend() -> Source:
    """All modules of `backend`, by name."""
    return read(PROJECT)


def read(project: Path) -> Source:
    """All modules of `backend` in a project folder, by name."""
    paths = sorted((project / "backend").rglob("*.py"))
    return parse({str(path.relative_to(project)): path.read_text(encoding="utf-8") for path in paths})


def parse(files: dict[str, str]) -> Source:
    """Modules from texts by path. Raises ValueError for an import that is not written from `backend` on."""
    names = {_name(path): text for path, text in files.items()}
    return {name: _module(name, text, names) for name, text in names.items()}


def plant(source: Source, path: str, text: str) -> Source:
    """The same tree with `text` at the end of one file, which may be new."""
    name = _name(path)
    before = source[name].text if name in source else ""
    return source | {name: _module(name, f"{before}\n{text}\n", {*source, name})}


def _name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _module(name: str, text: str, known: Container[str]) -> Module:
    tree = ast.parse(text, name)
    imports = tuple(_imports(name, tree, known))
    own = {defined: f"{name}.{defined}" for defined in _defined(tree)}
    return Module(name, text, tree, imports, own | {found.name: found.whole for found in imports})


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
    yield from (name for name, _ in constants(tree))


def _imports(name: str, tree: ast.Module, known: Container[str]) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                called = alias.asname or alias.name.partition(".")[0]
                yield Import(alias.name, alias.name if alias.asname else called, called, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                raise ValueError(f"{name}:{node.lineno}: an import is written in full, from backend on")
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = whole if whole in known else node.module
                yield Import(target, whole, alias.asname or alias.name, node.lineno)


def third_party(target: str) -> str | None:
    """The library that an import names; None for the standard library and for ourselves."""
    top = target.partition(".")[0]
    return None if top == "backend" or top in sys.stdlib_module_names else top


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (front := dotted(node.value)):
        return f"{front}.{node.attr}"
    return ""


def meaning(module: Module, node: ast.AST) -> str:
    """What a chain of names stands for: `schools.get` → `backend.tenants.schools.service.get`; empty for no chain."""
    first, dot, rest = dotted(node).partition(".")
    return module.names.get(first, first) + dot + rest


@cache
def mentions(module: Module) -> tuple[tuple[str, int], ...]:
    """Everything that a module names, with its line: (`backend.core.audit.Action.SIGN_IN`, 74)."""
    nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute | ast.Name))
    return tuple((found, node.lineno) for node in nodes if (found := meaning(module, node)))


@cache
def calls(module: Module) -> tuple[tuple[str, ast.Call], ...]:
    """Every call of something that has a name."""
    nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    return tuple((found, node) for node in nodes if (found := meaning(module, node.func)))


def constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module gives names to at its top: `A = 1` and `A, B = 1, 2`."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            for name, value in zip(_elements(node.targets[0]), _elements(node.value), strict=False):
                if isinstance(name, ast.Name):
                    yield name.id, value


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def constant(source: Source, whole: str) -> ast.expr | None:
    """The value behind `backend.a.b.NAME`, or None."""
    home, _, name = whole.rpartition(".")
    return dict(constants(source[home].tree)).get(name) if home in source else None


def text_of(source: Source, module: Module, node: ast.expr) -> str | None:
    """A text that is written here or stands behind a name."""
    found = node if isinstance(node, ast.Constant) else constant(source, meaning(module, node))
    return str(found.value) if isinstance(found, ast.Constant) else None


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions at the top of a module."""
    yield from (n for n in module.tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def children(module: Module, *bases: str) -> list[str]:
    """Names of the classes at the top of a module that derive directly from one of the classes `bases`."""
    return [
        node.name
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and {meaning(module, parent) for parent in node.bases} & set(bases)
    ]
