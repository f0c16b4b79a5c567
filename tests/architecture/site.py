"""What the site is made of: handlers with their guards, tables with their registration, templates with their users."""

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, meta

from tests.architecture.source import Module, Source, children, constant, functions, meaning

_VERBS = {f"litestar.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "route")}
_MARKS = {f"backend.tenants.guards.{name}" for name in ("requires", "scoped", "public")}


def handlers(source: Source) -> Iterator[tuple[Module, str, ast.Call]]:
    """Every handler: its module, its name and its decorator."""
    for module in source.values():
        for function in functions(module):
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and meaning(module, decorator.func) in _VERBS:
                    yield module, function.name, decorator


def unguarded(source: Source) -> Iterator[str]:
    """Handlers that do not say who may call them, or say it twice."""
    for module, name, decorator in handlers(source):
        marks = [mark for mark in _guards(decorator) if _is_mark(source, module, mark)]
        if len(marks) != 1:
            yield f"{module.name}.{name} carries {len(marks)} of requires(...) and public() in place of one"


def _guards(decorator: ast.Call) -> list[ast.expr]:
    lists = [keyword.value for keyword in decorator.keywords if keyword.arg == "guards"]
    return [guard for found in lists if isinstance(found, ast.List) for guard in found.elts]


def _is_mark(source: Source, module: Module, guard: ast.expr) -> bool:
    made = guard if isinstance(guard, ast.Call) else constant(source, meaning(module, guard))
    return isinstance(made, ast.Call) and meaning(module, made.func) in _MARKS


def unrouted(source: Source) -> Iterator[str]:
    """Handlers that neither the site nor the operator's console lists: nobody can call them."""
    listed = set()
    for entry in ("backend.app", "backend.console"):
        routes = constant(source, f"{entry}.ROUTES")
        assert isinstance(routes, ast.List)
        listed |= {meaning(source[entry], element) for element in routes.elts}
    found = (f"{module.name}.{name}" for module, name, _ in handlers(source))
    yield from (handler for handler in found if handler not in listed)


_TABLES = ("backend.core.database.Base", "backend.core.database.TenantTable")


def unknown_tables(source: Source) -> Iterator[str]:
    """Modules with tables that `backend.tables` does not import: no migration, no drift check would see them."""
    imported = {found.target for found in source["backend.tables"].imports}
    for module in source.values():
        if children(module, *_TABLES) and module.name not in imported | {"backend.core.database"}:
            yield module.name


_READER = Environment(extensions=["jinja2.ext.i18n"])
#: Folders of templates that no handler names: they are included, or compiled by typst.
_PARTS = {"layouts", "components", "documents"}


def named_templates(source: Source) -> dict[str, str]:
    """Templates that the product names: template → the module that does."""
    return {
        node.value: module.name
        for module in source.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".html")
    }


def unused_templates(source: Source, folder: Path) -> set[str]:
    """Templates that neither a handler nor a used template names."""
    used, ahead = set[str](), list(named_templates(source))
    while ahead:
        name = ahead.pop()
        if name not in used and (folder / name).is_file():
            used.add(name)
            ahead += _named_in((folder / name).read_text(encoding="utf-8"))
    every = {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
    return {name for name in every - used if name.partition("/")[0] not in _PARTS}


def _named_in(text: str) -> Iterator[str]:
    yield from (name for name in meta.find_referenced_templates(_READER.parse(text)) if name)
