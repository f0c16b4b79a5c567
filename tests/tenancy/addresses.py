"""Every address of the site and every place in a request to it where an id may stand: read from the site itself.

Path, query, forms, JSON and names of files come from the types of each handler's parameters; what htmx sends along comes
from its list of headers. Nothing here is written for one address.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter
from litestar.routes import HTTPRoute
from litestar.types import Empty
from litestar.typing import FieldDefinition
from msgspec import inspect

from backend.app import ROUTES, create_app
from backend.records.roster.schemas import HOMEROOM
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.audit_trail import rules as audit_filter
from backend.tenants.guards import OPTION, Access, StepUp

#: Parameters that the site provides itself.
_PROVIDED = {"request", "session", "actor", "sign_in", "socket", "state", "scope", "headers", "cookies"}
#: What htmx tells of the page and the element that asked.
_HX = ("HX-Target", "HX-Trigger", "HX-Trigger-Name", "HX-Prompt", "HX-Current-URL", "HX-Source")
#: What handlers read from the request themselves and do not say in their parameters: the end of the address, the names,
#: in which the id of the path may stand.
BY_HAND: Mapping[str, tuple[str, ...]] = {
    "/nhat-ky": (audit_filter.PERSON, audit_filter.ACTION),
    "POST /gui/nguyen-nhan/gui-lai": ("co_quan", "nguyen_nhan"),
    "POST /ket-noi": ("name", "kind", "months"),
    "POST /ket-noi-so": ("ho_so", "tham_so.account", "bi_mat.api_key"),
    "POST /chung-thu/ket-noi/nha-cung-cap/{provider:str}": ("client_id", "client_secret", "ly_do"),
    "POST /phan-cong/lop/{class_id:uuid}": (f"moi.{{own}}.{HOMEROOM}",),
    "POST /lop/{class_id:uuid}/mon-lua-chon": ("lop", "cu"),
    "POST /lop/{class_id:uuid}/ngoai-ngu": ("lop.NN1", "hs.{own}.NN1", "cu"),
    "POST /lop/{class_id:uuid}/len-lop": ("lop.{own}", "cu.{own}"),
}
#: A value of each kind that no handler stumbles over before it looks for the id.
_PLAIN: Mapping[type[inspect.Type], Any] = {
    inspect.StrType: "x",
    inspect.IntType: 1,
    inspect.FloatType: 1.5,
    inspect.DecimalType: "1",
    inspect.BoolType: True,
    inspect.DateType: "2026-01-01",
    inspect.DateTimeType: datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
    inspect.AnyType: {},
    inspect.DictType: {},
    inspect.BytesType: "",
}


@dataclass(frozen=True)
class Ask:
    """One request: what goes into path, query, body, files and headers."""

    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


#: What stands in an address beside ids, so that it is one that exists.
WORDS = {"form": "ket-qua-csdl", "code": "TOAN"}


@dataclass(frozen=True)
class Address:
    """One method of one path."""

    method: str
    path: str
    handler: HTTPRouteHandler

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> dict[str, FieldDefinition]:
        """What the handler takes from the request."""
        found = self.handler.parsed_fn_signature.parameters
        return {name: one for name, one in found.items() if name not in _PROVIDED}

    @property
    def slots(self) -> list[str]:
        """Parameters of the path that are ids."""
        return [name for name in self.parameters if f"{{{name}:uuid}}" in self.path]

    @property
    def who(self) -> frozenset[str] | None:
        """Permissions or scopes of which one is asked for; None where anybody may call."""
        access: Access = self.handler.opt[OPTION]
        return access.any_of

    @property
    def asks_for_a_proof(self) -> bool:
        """Whether a person must have proved lately who they are."""
        return any(isinstance(one, StepUp) for one in self.handler.resolve_guards())

    @property
    def is_for_systems(self) -> bool:
        """Whether other systems call it, each with a key of its school."""
        return bool((self.who or set()) & set(Scope))

    @property
    def encoding(self) -> str:
        """How a body is sent."""
        if self._data is None:
            return RequestEncodingType.URL_ENCODED.value
        kind = getattr(self._data.kwarg_definition, "media_type", None)
        return str(getattr(kind, "value", kind or RequestEncodingType.JSON.value))

    def own(self, one: uuid.UUID, accepted: Mapping[str, object] | None = None) -> Ask:
        """The request with the id in the path, as somebody of the school asks it; with what is accepted in its fields."""
        return self._ask(one, accepted=accepted or {})

    def fields(self, own: uuid.UUID, accepted: Mapping[str, object], said: str) -> dict[str, Ask]:
        """Requests with a text in one place each, by the name of the place: wherever an id may stand but in the path.

        The path has the school's own id; the other fields have what is accepted, by their names.
        """
        ask = self.own(own)
        found = {name: self._ask(own, texts=said) for name in re.findall(r"{(\w+):str}", self.path)}
        for name, known in self._query.items():
            if list(leaves(inspect.type_info(known.annotation))):
                found[name] = replace(ask, query=ask.query | {name: said})
        if self._data:
            known_body = inspect.type_info(self._data.annotation)
            for place in leaves(known_body):
                found[_named(place)] = self._with(ask, filled(known_body, accepted, place, said))
        for name in self._by_hand:
            sent = {name.format(own=own): said}
            found[name] = replace(ask, query=sent) if self.method == "GET" else replace(ask, body=sent)
            if "{own}" in name:
                found[f"{name}, named"] = replace(ask, body={name.format(own=said): str(own)})
        shown = f"http://127.0.0.1:8000/lop/{said}"
        told = dict.fromkeys(_HX, said) | {"HX-Current-URL": shown, "HX-Request": "true"}
        return found | {"headers of htmx": replace(ask, headers=ask.headers | told)}

    @property
    def ids(self) -> set[str]:
        """Those of `fields` that take an id and nothing else."""
        found = {name for name, known in self._query.items() if list(_ids_in(known))}
        return found | {_named(place) for place in _ids_in(self._data)} if self._data else found

    @property
    def _by_hand(self) -> tuple[str, ...]:
        """What the handler reads from the request itself."""
        names = (names for end, names in BY_HAND.items() if str(self).endswith(end))
        return next(names, ())

    @property
    def _data(self) -> FieldDefinition | None:
        return self.parameters.get("data")

    @property
    def _query(self) -> dict[str, FieldDefinition]:
        """What is taken from the query, by its name there."""
        return {
            getattr(one.kwarg_definition, "query", None) or name: one
            for name, one in self.parameters.items()
            if name != "data" and f"{{{name}:" not in self.path and not _header_of(one)
        }

    @property
    def _headers(self) -> dict[str, str]:
        """What must be in a header, with a value that nobody has sent before."""
        found = (_header_of(one) for one in self.parameters.values())
        return {name: str(uuid.uuid4()) for name in found if name}

    def _ask(
        self, in_path: uuid.UUID, texts: str = "", accepted: Mapping[str, object] = MappingProxyType({})
    ) -> Ask:
        path = re.sub(r"{(\w+):uuid}", lambda slot: str(accepted.get(slot[1], in_path)), self.path)
        path = re.sub(r"{\w+:int}", "1", path)
        path = re.sub(
            r"{(\w+):\w+}", lambda slot: str(accepted.get(slot[1], texts or WORDS.get(slot[1], "pdf"))), path
        )
        needed = {
            name: plain(inspect.type_info(known.annotation))
            for name, known in self._query.items()
            if known.default is Empty
        }
        body = filled(inspect.type_info(self._data.annotation), accepted, None, "") if self._data else {}
        return self._with(Ask(path, needed, headers=self._headers), body)

    def _with(self, ask: Ask, body: dict[str, Any]) -> Ask:
        files = {name: said for name, said in body.items() if isinstance(said, tuple)}
        return replace(
            ask, body={name: said for name, said in body.items() if name not in files}, files=files
        )


def _header_of(parameter: FieldDefinition) -> str | None:
    known = parameter.kwarg_definition
    return known.name if isinstance(known, HeaderParameter) else None


@cache
def addresses() -> list[Address]:
    """Every address of the site but files of the design, in order; a site is built for this once."""
    found = [
        Address(method, route.path, handler)
        for route in create_app(ROUTES).routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/static")
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    ]
    return sorted(found, key=str)


#: What an id can be sent as.
_TEXTS = (inspect.StrType, inspect.UUIDType)


def leaves(known: inspect.Type, sent_as: tuple[type, ...] = _TEXTS) -> Iterator[tuple[str | int, ...]]:
    """Where in a value of that type an id or a free text stands: names of fields, 0 for the one item of a list."""
    match known:
        case inspect.Metadata():
            yield from leaves(known.type, sent_as)
        case inspect.StructType():
            for part in known.fields:
                if part.name != "csrf_token":
                    yield from ((part.encode_name, *rest) for rest in leaves(part.type, sent_as))
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield from ((0, *rest) for rest in leaves(known.item_type, sent_as))
        case inspect.UnionType():
            yield from leaves(_first(known), sent_as)
        case inspect.StrType() | inspect.UUIDType() if isinstance(known, sent_as):
            yield ()
        case inspect.CustomType(cls=cls) if issubclass(cls, UploadFile) and sent_as == _TEXTS:
            yield ()


def filled(
    known: inspect.Type,
    accepted: Mapping[str, object],
    place: tuple[str | int, ...] | None,
    said: str,
    name: str = "",
) -> Any:
    """A value of that type with a text in one of its `leaves`, and elsewhere what a field of that name accepts."""
    match known:
        case inspect.Metadata():
            return filled(known.type, accepted, place, said, name)
        case inspect.UnionType():
            return filled(_first(known), accepted, place, said, name)
        case inspect.StructType():
            at = place[0] if place else None
            return {
                part.encode_name: filled(
                    part.type,
                    accepted,
                    place[1:] if place and part.encode_name == at else None,
                    said,
                    part.name,
                )
                for part in known.fields
                if part.required or part.encode_name in (at, *accepted)
            }
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [filled(known.item_type, accepted, place[1:] if place else None, said, name)]
        case inspect.CustomType() if place == ():
            return (f"{said}.xlsx", *plain(known)[1:])
    return said if place == () else accepted.get(name, plain(known))


def _named(place: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in place if part != 0)


def _ids_in(known: FieldDefinition) -> Iterator[tuple[str | int, ...]]:
    return leaves(inspect.type_info(known.annotation), (inspect.UUIDType,))


def _first(known: inspect.UnionType) -> inspect.Type:
    return next(part for part in known.types if not isinstance(part, inspect.NoneType))


def plain(known: inspect.Type) -> Any:
    """A value of that type that JSON can say, with what must be there and no more."""
    match known:
        case inspect.Metadata():
            return plain(known.type)
        case inspect.StructType():
            return {part.encode_name: plain(part.type) for part in known.fields if part.required}
        case inspect.UUIDType():
            return str(uuid.uuid4())
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [plain(known.item_type)]
        case inspect.TupleType():
            return [plain(part) for part in known.item_types]
        case inspect.UnionType():
            return plain(_first(known))
        case inspect.EnumType():
            return next(iter(known.cls)).value
        case inspect.LiteralType():
            return known.values[0]
        case inspect.CustomType(cls=cls) if issubclass(cls, UploadFile):
            return ("x.xlsx", b"not a workbook", "application/octet-stream")
    for kind, value in _PLAIN.items():
        if isinstance(known, kind):
            return value
    raise NotImplementedError(f"{known}: say here what such a parameter may hold")
