"""What a template may not contain (infra/decisions/0009), as one function on its text."""

import re
from collections.abc import Iterator

_COMMENTS = re.compile(r"\{#.*?#\}", re.S)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
_FORBIDDEN = {
    "inline script": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.I),
    "inline style": re.compile(r"<style\b", re.I),
    "style attribute": re.compile(r"<[a-z][^<>]*\sstyle\s*=", re.I),
    "event attribute": re.compile(r"<[a-z][^<>]*\son[a-z]+\s*=", re.I),
    "hx-on": re.compile(r"\bhx-on\b", re.I),
    "evaluated value": re.compile(r"(?:js|javascript):", re.I),
    "trigger filter": re.compile(r"hx-trigger\s*=\s*[\"'][^\"']*\["),
    "foreign address": re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", re.I),
}
_QUOTED = re.compile(r"\"[^\"<>]*\"|'[^'<>]*'")
_UNQUOTED = re.compile(r"<[a-z][^<>]*\s[\w:-]+\s*=(?!\s*\"\")", re.I)
_UNESCAPED = {
    "safe filter": re.compile(r"\|\s*safe\b"),
    "autoescape off": re.compile(r"\{%-?\s*autoescape\b"),
    "Markup": re.compile(r"\bMarkup\("),
}
_WORDS = re.compile(r">([^<>]*[A-Za-zÀ-ỹ]{2}[^<>]*)<")


def violations(text: str) -> list[str]:
    """Names of the rules that a template breaks; empty when it keeps them all."""
    code = _COMMENTS.sub("", text)
    shown = _JINJA.sub("x", _without_branches(code))
    found = [name for name, pattern in _UNESCAPED.items() if pattern.search(code)]
    found += [name for name, pattern in _FORBIDDEN.items() if pattern.search(shown)]
    return found + (["unquoted attribute"] if _UNQUOTED.search(_QUOTED.sub('""', shown)) else [])


def untranslated(text: str) -> list[str]:
    """Words between tags that did not pass through gettext."""
    shown = _JINJA.sub("", _COMMENTS.sub("", text))
    return [match[1].strip() for match in _WORDS.finditer(shown)]


def icons_named(text: str) -> Iterator[str]:
    """Icons that a template names literally."""
    for pattern in (r"\bicon\(\"([\w-]+)\"", r"\bicon=\"([\w-]+)\"", r"\"icon\":\s*\"([\w-]+)\""):
        yield from re.findall(pattern, text)


def _without_branches(code: str) -> str:
    """Statements between attributes vanish, so that `<a{% if x %} b="c"{% endif %}>` is read as one tag."""
    return re.sub(r"\{%.*?%\}", "", code, flags=re.S)
