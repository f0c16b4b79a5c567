"""Leaves out of a vendor style sheet what no template uses.

Tabler brings 79 KB of compressed CSS; the pages use about a quarter. A selector stays when every class in it
occurs as a word in a template or script (so a class must be written out in full, never glued together), and a
custom property stays while something that stays reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_CLASS = re.compile(r"\.(-?[_a-zA-Z](?:\\.|[\w-])*)")
_SKIPPED_SCOPE = re.compile(r"data-bs-theme=.?dark")
_FORGIVING = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
_WORD = re.compile(r"[\w:./-]+")
_PROPERTY = re.compile(r"(--[\w-]+)\s*:")
_READ = re.compile(r"var\(\s*(--[\w-]+)")


@dataclass
class Rule:
    """One rule: what stands before the brace, and either declarations or the rules inside."""

    prelude: str
    body: str = ""
    inner: "list[Rule] | None" = None
    declarations: list[str] = field(default_factory=list)


def words_in(*texts: str) -> set[str]:
    """Every word that could be a class name in templates or scripts."""
    return {word.strip(".:/") for text in texts for word in _WORD.findall(text)}


def purge(css: str, words: set[str], also_read: str = "") -> str:
    """`css` without the selectors whose classes are not in `words` and without unread custom properties.

    `also_read` is other style sheet text whose ``var()`` keep properties alive.
    """
    rules = _keep(list(_rules(_strip_comments(css))), words)
    while True:
        read = set(_READ.findall(_text(rules) + also_read))
        if not _drop_unread(rules, read):
            break
    animations = _text([r for r in rules if not r.prelude.startswith("@keyframes")]) + also_read
    return _text([r for r in rules if not _unused_keyframes(r, animations)])


def _strip_comments(css: str) -> str:
    return re.sub(r"/\*.*?\*/", "", css, flags=re.S)


def _rules(css: str) -> Iterator[Rule]:
    at = 0
    while (brace := _find(css, "{;", at)) < len(css):
        prelude = css[at:brace].strip()
        if css[brace] == ";":
            at = brace + 1
            continue
        end = _closing(css, brace)
        body = css[brace + 1 : end]
        if prelude.startswith(("@media", "@supports", "@layer", "@container")):
            yield Rule(prelude, inner=list(_rules(body)))
        else:
            yield Rule(prelude, body=body, declarations=_split(body, ";") if "{" not in body else [])
        at = end + 1


def _find(css: str, stops: str, at: int) -> int:
    """Index of the first of `stops` outside strings and brackets, or the length."""
    depth, quote = 0, ""
    for index in range(at, len(css)):
        letter = css[index]
        if quote:
            quote = "" if letter == quote and css[index - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter in stops and depth == 0:
            return index
    return len(css)


def _closing(css: str, brace: int) -> int:
    depth, index = 1, brace
    while depth:
        index = _find(css, "{}", index + 1)
        if index >= len(css):
            return len(css)
        depth += 1 if css[index] == "{" else -1
    return index


def _split(text: str, separator: str) -> list[str]:
    parts, at = [], 0
    while at <= len(text):
        stop = _find(text, separator, at)
        if part := text[at:stop].strip():
            parts.append(part)
        at = stop + 1
    return parts


def _keep(rules: list[Rule], words: set[str]) -> list[Rule]:
    kept = []
    for rule in rules:
        if rule.inner is not None:
            rule.inner = _keep(rule.inner, words)
            kept += [rule] if rule.inner else []
        elif rule.prelude.startswith("@"):
            kept.append(rule)
        else:
            selectors = [s for s in _split(rule.prelude, ",") if _used(s, words)]
            rule.prelude = ",".join(selectors)
            kept += [rule] if selectors else []
    return kept


def _used(selector: str, words: set[str]) -> bool:
    if _SKIPPED_SCOPE.search(selector):
        return False
    bare = _FORGIVING.sub("", _FORGIVING.sub("", selector))
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    return all(name.replace("\\", "") in words for name in _CLASS.findall(bare))


def _drop_unread(rules: list[Rule], read: set[str]) -> bool:
    dropped = False
    for rule in rules:
        if rule.inner is not None:
            dropped |= _drop_unread(rule.inner, read)
        elif rule.declarations:
            kept = [d for d in rule.declarations if not (m := _PROPERTY.match(d)) or m[1] in read]
            dropped |= len(kept) < len(rule.declarations)
            rule.declarations, rule.body = kept, ";".join(kept)
    rules[:] = [r for r in rules if r.inner or (r.inner is None and r.body.strip())]
    return dropped


def _unused_keyframes(rule: Rule, text: str) -> bool:
    return rule.prelude.startswith("@keyframes") and rule.prelude.split()[-1] not in text


def _text(rules: list[Rule]) -> str:
    return "".join(f"{r.prelude}{{{r.body if r.inner is None else _text(r.inner)}}}" for r in rules)
