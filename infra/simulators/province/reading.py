"""A message read back: the tree of the profile, which our side fills, is walked the other way."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from backend.integrations.profiles import documents
from backend.integrations.profiles.schemas import Body, Message, Node, Profile


class BadEnvelope(Exception):
    """It is no message of this profile; `finding` says what is wrong with it, the text where."""

    def __init__(self, finding: str, words: str) -> None:
        super().__init__(words)
        self.finding = finding


def read_message(profile: Profile, body: Body, content: bytes) -> Message:
    """The message in a request. What the tree does not say is empty. Raises BadEnvelope."""
    try:
        document = documents.read(body.format, content)
    except documents.Unreadable as error:
        raise BadEnvelope("envelope", str(error)) from error
    found: dict[str, Any] = {}
    _walk(profile, body.tree, document, found, "")
    values = {name: found[name] for name in Message.__struct_fields__ if name in found and name != "record"}
    empty = {
        "sender_code": "",
        "action": "",
        "lookup_code": "",
        "version": 1,
        "sha256": "",
        "package_xml": b"",
        "pdf_sha256": "",
    }
    try:
        return msgspec.convert({**empty, **values}, Message)
    except msgspec.ValidationError as error:
        raise BadEnvelope("envelope", str(error)) from error


def root_of(body: Body) -> str:
    """The name of the root of an XML body, without prefix; calls of one address are told apart by it."""
    return next(iter(body.tree.fields or ("",))).rpartition(":")[2]


def _walk(profile: Profile, node: Node, found: Any, into: dict[str, Any], place: str) -> None:
    if node.use is not None:
        _walk(profile, profile.parts[node.use], found, into, place)
    elif node.fields is not None:
        if not node.fields:
            return
        if not isinstance(found, Mapping):
            raise BadEnvelope("envelope", f"{place or '/'}: expected fields")
        names = {
            name if name[:1] in "@#" else name.rpartition(":")[2]: child
            for name, child in node.fields.items()
        }
        if unknown := found.keys() - names.keys():
            raise BadEnvelope("envelope", f"{place}/{min(unknown)}: unknown")
        for name, child in names.items():
            if name in found:
                _walk(profile, child, found[name], into, f"{place}/{name}")
            elif not child.optional and child.when is None and child.each is None:
                raise BadEnvelope("envelope", f"{place}/{name}: missing")
    elif node.path is not None and node.path in Message.__struct_fields__:
        into[node.path] = _leaf(profile, node, found, place)


def _leaf(profile: Profile, node: Node, found: Any, place: str) -> Any:
    if node.codelist is not None:
        back = {code: plain for plain, code in profile.codelists[node.codelist].items()}
        found = back.get(str(found), found)
    if not isinstance(found, str | int):
        raise BadEnvelope("envelope", f"{place}: expected text")
    try:
        if node.kind == "base64":
            return base64.b64decode(str(found), validate=True)
        if node.kind == "integer" or node.path == "version":
            return int(found)
    except binascii.Error as error:
        raise BadEnvelope("package", place) from error
    except ValueError as error:
        raise BadEnvelope("envelope", f"{place}: expected a number") from error
    return found.lower() if node.kind == "upper" and isinstance(found, str) else found
