"""Paths (JMESPath) and predicates (CEL): neither can write, wait or look outside of what it is given.

CEL is typed: a name or a comparison that cannot be is found when a predicate is compiled. It always ends, and its
evaluator stops one that walks too long. Its regular expressions are RE2.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jmespath
from cel_expr_python import cel
from jmespath.exceptions import JMESPathError

_TYPES = {
    "int": cel.Type.INT,
    "text": cel.Type.STRING,
    "list": cel.Type.List(cel.Type.DYN),
    "any": cel.Type.DYN,
}

#: Names of variables with their kinds: int, text, list or any.
Variables = tuple[tuple[str, str], ...]


class BadExpression(Exception):
    """An expression that cannot be used; the text says why, in one line."""


@lru_cache(maxsize=4096)
def compile_path(text: str) -> jmespath.parser.ParsedResult:
    """Raises BadExpression."""
    try:
        return jmespath.compile(text)
    except JMESPathError as error:
        raise BadExpression(f"đường dẫn «{text}» sai cú pháp JMESPath") from error


#: Most paths are names with dots between them: these are followed without the library, twenty times as fast.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


@lru_cache(maxsize=4096)
def _names(text: str) -> tuple[str, ...]:
    """The names of a plain path; empty for any other."""
    return tuple(text.split(".")) if _PLAIN.fullmatch(text) else ()


def find(text: str, document: Any) -> Any:
    """What the path leads to; None where there is nothing. Raises BadExpression for what its functions cannot take."""
    if names := _names(text):
        for name in names:
            document = document.get(name) if isinstance(document, Mapping) else None
        return document
    try:
        return compile_path(text).search(document)
    except JMESPathError as error:
        raise BadExpression(f"đường dẫn «{text}»: {error}") from error


@lru_cache(maxsize=4096)
def compile_predicate(text: str, variables: Variables) -> cel.Expression:
    """Raises BadExpression for what is no yes-or-no question about these variables."""
    environment = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables})
    try:
        found = environment.compile(text)
    except RuntimeError as error:
        first = str(error).splitlines()[0].removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: <input>:")
        raise BadExpression(f"điều kiện «{text}» sai: {first}") from error
    if found.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise BadExpression(f"điều kiện «{text}» không cho kết quả đúng hay sai")
    return found


def holds(text: str, variables: Variables, values: Mapping[str, Any]) -> bool:
    """Whether the predicate holds. Raises BadExpression where it cannot be told, or not soon enough."""
    try:
        found = compile_predicate(text, variables).eval(data=dict(values)).plain_value()
    except (RuntimeError, TypeError) as error:
        raise BadExpression(f"điều kiện «{text}» không tính được: {error}") from error
    if not isinstance(found, bool):
        raise BadExpression(f"điều kiện «{text}» không tính được: {found}")
    return found
