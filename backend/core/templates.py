"""Jinja: one environment for all pages. Escapes everything, refuses unknown names, speaks Vietnamese.

A page that is offered in English, too, has its words in `locale/en.json` by the Vietnamese ones, and is rendered with
`lang="en"`; what is not there stays Vietnamese.
"""

import json
from collections.abc import MutableMapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator
from jinja2.visitor import NodeTransformer

from backend.core import settings
from backend.core.clock import VIETNAM
from backend.core.text import term_words

ROOT = Path(__file__).resolve().parents[2] / "frontend_templates"
DIST = ROOT / "static" / "dist"
#: Pages of the product as the browser tests saw them: made by `make handbook-pictures`, never kept in git.
PICTURES = ROOT / "static" / "pictures"
LOCALE = ROOT / "locale"
#: The language of the product, and those in which some of its pages are offered, too.
LANGUAGES = ("vi", "en")
STATIC_URL = "/static/"
_MANIFEST = DIST / "manifest.json"


def render(name: str, context: dict[str, object]) -> str:
    """The text of a template. Raises jinja2.TemplateError for an unknown file or an unknown name in it."""
    return environment(str(context.get("lang", LANGUAGES[0]))).get_template(name).render(context)


def said(lang: str, words: str) -> str:
    """Vietnamese words of the product in another language of `LANGUAGES`; the same where nobody has translated them."""
    return _catalogue(lang).get(words, words)


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(lang: str) -> dict[str, str]:
    path = LOCALE / f"{lang}.json"
    words: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return words


@lru_cache(maxsize=len(LANGUAGES))
def environment(lang: str = LANGUAGES[0]) -> Environment:
    """The environment of a language in this process; templates are read again on change in development alone."""
    env = _Environment(
        lang=lang,
        loader=FileSystemLoader(ROOT),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=settings.get().environment == "development",
    )
    env.install_gettext_callables(  # type: ignore[attr-defined]
        partial(said, lang), lambda one, many, number: said(lang, one if number == 1 else many), newstyle=True
    )
    env.globals["asset"] = asset
    env.filters |= {
        "vn_date": vn_date if lang == "vi" else en_date,
        "vn_datetime": vn_datetime if lang == "vi" else en_datetime,
        "vn_number": vn_number,
        "vn_mark": vn_mark,
        "term_words": term_words,
    }
    return env


class _Constants(NodeTransformer):
    """Works out at compile time what every page would work out again.

    That are texts without variables and, where files do not change, addresses of assets, files that are included, and
    components whose arguments are all known: an icon, the button that sends a form, a panel around what is not known.
    """

    def __init__(self, environment: "_Environment", template: nodes.Template) -> None:
        self._environment = environment
        self._files_may_change = environment.auto_reload
        self._components = _imported(template)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        """A call becomes what it says, where that is known."""
        self.generic_visit(node)
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[]):
                # As `_` answers at run time (jinja2.ext): markup, in which %% is a percent sign.
                return nodes.TemplateData(said(self._environment.lang, text) % {}, lineno=node.lineno)
            case nodes.Call(node=nodes.Name(name="asset"), args=[nodes.Const(value=str(name))]):
                return node if self._files_may_change else nodes.Const(asset(name), lineno=node.lineno)
            case nodes.Call(node=nodes.Name(name=name)) if name in self._components:
                return node if self._files_may_change else self._drawn(name, node)
        return node

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        """An included file stands where it is asked for."""
        match node:
            case nodes.Include(template=nodes.Const(value=str(name)), with_context=True):
                if not self._files_may_change:
                    return nodes.Scope(self._included(name), lineno=node.lineno)
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node | list[nodes.Node]:
        """A component around a body: what it says before and after the body is known where its arguments are."""
        self.generic_visit(node.call)
        node.body = [one for part in node.body for one in self.visit_list(part)]
        match node:
            case nodes.CallBlock(call=nodes.Call(node=nodes.Name(name=name)), args=[]):
                if name in self._components and not self._files_may_change:
                    return self._drawn_around(name, node)
        return node

    def _drawn(self, name: str, node: nodes.Call) -> nodes.Node:
        try:
            values, named = nodes.args_as_const(node, nodes.EvalContext(self._environment))
        except nodes.Impossible:
            return node
        return nodes.TemplateData(str(self._macro(name)(*values, **named)), lineno=node.lineno)

    def _drawn_around(self, name: str, node: nodes.CallBlock) -> nodes.Node | list[nodes.Node]:
        line = node.lineno
        try:
            values, named = nodes.args_as_const(_with_token(node.call), nodes.EvalContext(self._environment))
        except nodes.Impossible:
            return node
        drawn = str(self._macro(name)(*values, caller=lambda: _BODY, **named)).split(_BODY)
        if len(drawn) != 2:  # a body that is not printed once, as it is
            return node
        before, after = (_printed(part, line) for part in drawn)
        return [
            nodes.Output(before, lineno=line),
            nodes.Scope(node.body, lineno=line),
            nodes.Output(after, lineno=line),
        ]

    def _macro(self, name: str) -> Any:
        source, component = self._components[name]
        return getattr(self._environment.get_template(source).module, component)

    def _included(self, name: str) -> list[nodes.Node]:
        loader = self._environment.loader
        assert loader is not None
        parsed = self._environment.parse(loader.get_source(self._environment, name)[0], name)
        _Constants(self._environment, parsed).visit(parsed)
        return parsed.body


#: Stand-ins, while a component is drawn at compile time, for its body and for the token of a form: a component prints
#: them and asks nothing about them.
_BODY, _TOKEN = "\0body\0", "\0token\0"
_TOKEN_NAME = nodes.Name("csrf_token", "load")


def _with_token(call: nodes.Call) -> nodes.Call:
    """The call with a stand-in for `csrf_token`."""
    args = [nodes.Const(_TOKEN) if arg == _TOKEN_NAME else arg for arg in call.args]
    return nodes.Call(call.node, args, call.kwargs, call.dyn_args, call.dyn_kwargs)


def _printed(drawn: str, line: int) -> list[nodes.Expr]:
    """What a component says, with the token of the request in place of its stand-in."""
    first, *others = (nodes.TemplateData(part, lineno=line) for part in drawn.split(_TOKEN))
    return [first, *(one for part in others for one in (nodes.Name("csrf_token", "load", lineno=line), part))]


def _imported(template: nodes.Template) -> dict[str, tuple[str, str]]:
    """Name in the template → (file, macro) of its imports; without names that mean something else somewhere in it."""
    other = {name.name for name in template.find_all(nodes.Name) if name.ctx != "load"}
    return {
        alias: (node.template.value, name)
        for node in template.find_all(nodes.FromImport)
        if isinstance(node.template, nodes.Const) and not node.with_context
        for name, alias in ((one, one) if isinstance(one, str) else one for one in node.names)
        if alias not in other
    }


def _drop_unused_imports(template: nodes.Template) -> None:
    """Each import of each page is looked up anew; a component that was drawn at compile time need not be."""
    used = {name.name for name in template.find_all(nodes.Name) if name.ctx == "load"}
    for imports in list(template.find_all(nodes.FromImport)):
        imports.names = [one for one in imports.names if (one if isinstance(one, str) else one[1]) in used]
    template.body = [node for node in template.body if not isinstance(node, nodes.FromImport) or node.names]


class _Generator(CodeGenerator):
    environment: "_Environment"

    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:
        _Constants(self.environment, node).visit(node)
        _drop_unused_imports(node)
        super().visit_Template(node, frame)


class _Environment(Environment):
    code_generator_class = _Generator

    def __init__(self, *, lang: str, **options: Any) -> None:
        super().__init__(**options)
        self.lang = lang
        self._found: dict[str, Template] = {}

    def get_template(
        self, name: str | Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """Files that do not change are found once: each import of each page asks for one."""
        if self.auto_reload or not isinstance(name, str):
            return super().get_template(name, parent, globals)
        if (found := self._found.get(name)) is None:
            found = self._found[name] = super().get_template(name, parent, globals)
        return found

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One flat dictionary: no name is added later, and every import of every page looks through it."""
        return {**self.globals, **(d or {})}


def asset(name: str) -> str:
    """Address of a built file: `hocba.css` → `/static/hocba.0123abcdef.css`. Unbuilt files keep it."""
    return STATIC_URL + _manifest(_built_at()).get(name, name)


def is_fingerprinted(path: str) -> bool:
    """Whether a path below /static/ names a file whose content is fixed by its name."""
    return path in _manifest(_built_at()).values()


def pictures() -> frozenset[str]:
    """Names of the pictures of the product's pages that are there, without their ending."""
    return frozenset(path.stem for path in PICTURES.glob("*.png"))


def require_built() -> None:
    """Start-up guard of production: raises SettingsError when the web assets were not built."""
    if not _MANIFEST.exists():
        raise settings.SettingsError(f"{_MANIFEST} is missing: build the web assets before the start")


def _built_at() -> int:
    return _MANIFEST.stat().st_mtime_ns if _MANIFEST.exists() else 0


@lru_cache(maxsize=2)
def _manifest(built_at: int) -> dict[str, str]:
    names: dict[str, str] = json.loads(_MANIFEST.read_text(encoding="utf-8")) if built_at else {}
    return names


def vn_date(value: date | None) -> str:
    """30/05/2026; an instant is taken in Vietnam's time; nothing for None."""
    if isinstance(value, datetime):
        value = value.astimezone(VIETNAM)
    return f"{value:%d/%m/%Y}" if value else ""


def vn_datetime(value: datetime | None) -> str:
    """30/05/2026 14:05 in Vietnam's time; nothing for None."""
    return f"{value.astimezone(VIETNAM):%d/%m/%Y %H:%M}" if value else ""


_MONTHS = "January February March April May June July August September October November December".split()


def en_date(value: date | None) -> str:
    """30 May 2026, in which nobody takes the day for the month; of an instant Vietnam's day; nothing for None."""
    if isinstance(value, datetime):
        value = value.astimezone(VIETNAM)
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}" if value else ""


def en_datetime(value: datetime | None) -> str:
    """30 May 2026, 14:05 in Vietnam's time; nothing for None."""
    return f"{en_date(value)}, {value.astimezone(VIETNAM):%H:%M}" if value else ""


def vn_number(value: float | Decimal | None, places: int | None = None) -> str:
    """1.234,5: dots between thousands, a decimal comma, `places` decimals when given; nothing for None."""
    if value is None:
        return ""
    # PostgreSQL's driver writes 360000 as 3.6E+5; people do not.
    plain = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    text = plain if places is None else f"{value:,.{places}f}"
    return text.translate(str.maketrans(",.", ".,"))


def vn_mark(value: str) -> str:
    """A stored mark as people write it: "7.5" → "7,5", "7.5b" → "7,5b"; levels and texts stay as they are."""
    whole, dot, tenth = value.partition(".")
    return f"{whole},{tenth}" if dot and whole.isdigit() and tenth.removesuffix("b").isdigit() else value
