"""Every address of the site and every place in a request to it where an id may stand: read from the site itself.

Path, query, forms, JSON and names of files come from the types of each handler's parameters; what htmx sends along comes
from its list of headers. Nothing here is written for one address.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from litestar import Litestar
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Empty
from litestar.typing import FieldDefinition
from msgspec import inspect

from backend.tenants.api_clients.schemas import Scope
from backend.tenants.guards import OPTION, Access, StepUp

#: Parameters that the site provides itself.
_PROVIDED = {"request", "session", "actor", "sign_in", "socket", "state", "scope", "headers", "cookies"}
#: What htmx tells of the page and the element that asked.
_HX = ("HX-Target", "HX-Trigger", "HX-Trigger-Name", "HX-Prompt", "HX-Current-URL", "HX-Source")
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
        data = self.parameters.get("data")
        kind = getattr(getattr(data, "kwarg_definition", None), "media_type", None)
        return str(getattr(kind, "value", kind or RequestEncodingType.JSON.value))

    def asks(self, one: uuid.UUID) -> Iterator[tuple[str, Ask]]:
        """Requests with the id in one kind of place each; the rest is what would be accepted."""
        if self.slots:
            yield "path", self.own(one)
        if re.search(r"{\w+:str}", self.path):
            yield "text in the path", self._ask(texts=str(one))
        for name, known in self._query.items():
            if holds_ids(known.annotation):
                yield f"query {name}", self._ask(query={name: str(one)})
        if self._data and holds_ids(self._data.annotation):
            yield "body", self._ask(value=one)
        if self.method == "GET" or self.slots:
            told = dict.fromkeys(_HX, str(one)) | {"HX-Current-URL": f"http://127.0.0.1:8000/lop/{one}"}
            yield "headers of htmx", self._ask(headers=told | {"HX-Request": "true"})

    def own(self, one: uuid.UUID) -> Ask:
        """The request with the id in the path, as somebody of the school asks it."""
        return self._ask(one)

    @property
    def _data(self) -> FieldDefinition | None:
        return self.parameters.get("data")

    @property
    def _query(self) -> dict[str, FieldDefinition]:
        """What is taken from the query, by its name there."""
        return {
            getattr(one.kwarg_definition, "query", None) or name: one
            for name, one in self.parameters.items()
            if name != "data" and f"{{{name}:" not in self.path
        }

    def _ask(
        self,
        in_path: uuid.UUID | None = None,
        *,
        texts: str = "pdf",
        query: dict[str, Any] | None = None,
        value: uuid.UUID | None = None,
        headers: dict[str, str] | None = None,
    ) -> Ask:
        filled = re.sub(r"{\w+:uuid}", str(in_path or uuid.uuid4()), self.path)
        filled = re.sub(r"{\w+:\w+}", texts, filled)
        needed = {
            name: plain(inspect.type_info(known.annotation))
            for name, known in self._query.items()
            if known.default is Empty
        }
        body = plain(inspect.type_info(self._data.annotation), value) if self._data else {}
        files = {name: said for name, said in body.items() if isinstance(said, tuple)}
        fields = {name: said for name, said in body.items() if name not in files}
        return Ask(filled, needed | (query or {}), fields, files, headers or {})


def addresses(site: Litestar) -> list[Address]:
    """Every address but files of the design, in order."""
    found = [
        Address(method, route.path, handler)
        for route in site.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/static")
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    ]
    return sorted(found, key=str)


def holds_ids(known: Any) -> bool:
    """Whether an id or free text, in which somebody may write one, stands somewhere in a value of that type."""
    return "♦" in str(plain(inspect.type_info(known), "♦"))


def plain(known: inspect.Type, one: Any = None) -> Any:
    """A value of that type that JSON can say; `one`, where it is given, in every place of an id or a free text."""
    match known:
        case inspect.Metadata():
            return plain(known.type, one)
        case inspect.StructType():
            parts = [part for part in known.fields if part.required or one]
            return {part.encode_name: plain(part.type, one) for part in parts if part.name != "csrf_token"}
        case inspect.UUIDType():
            return str(one or uuid.uuid4())
        case inspect.StrType() if one is not None:
            return str(one)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [plain(known.item_type, one)]
        case inspect.TupleType():
            return [plain(part, one) for part in known.item_types]
        case inspect.UnionType():
            return plain(next(part for part in known.types if not isinstance(part, inspect.NoneType)), one)
        case inspect.EnumType():
            return next(iter(known.cls)).value
        case inspect.LiteralType():
            return known.values[0]
        case inspect.CustomType(cls=cls) if issubclass(cls, UploadFile):
            return (f"{one or 'x'}.xlsx", b"not a workbook", "application/octet-stream")
    for kind, value in _PLAIN.items():
        if isinstance(known, kind):
            return value
    raise NotImplementedError(f"{known}: say here what such a parameter may hold")
