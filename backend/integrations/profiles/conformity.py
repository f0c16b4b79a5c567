"""Whether what is written holds to the schemas that a profile names: XML Schema, Schematron, JSON Schema."""

from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec
from lxml import etree, isoschematron

from backend.integrations.profiles import documents
from backend.integrations.profiles.documents import Unreadable

_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
_REPORTED = "{http://purl.oclc.org/dsdl/svrl}successful-report"


def require_schema(kind: str, content: bytes) -> None:
    """Raises Unreadable for a file that is no such schema."""
    _loaded(kind, content)


def reason_against(kind: str, schema: bytes, document: bytes) -> str:
    """Why a document does not hold to a schema, its first reason; empty where it does. Raises Unreadable."""
    loaded = _loaded(kind, schema)
    if kind == "json_schema":
        found = next(iter(loaded.iter_errors(msgspec.json.decode(document))), None)
        return "" if found is None else f"/{'/'.join(map(str, found.instance_path))}: {found.message}"
    tree = etree.ElementTree(documents.inner_root(document))
    if loaded.validate(tree):
        return ""
    if kind == "schematron":
        return _said(loaded.validation_report)
    return str(loaded.error_log[0].message)


@lru_cache(maxsize=64)
def _loaded(kind: str, content: bytes) -> Any:
    try:
        if kind == "json_schema":
            return jsonschema_rs.validator_for(msgspec.json.decode(content), validate_formats=True)
        root = etree.fromstring(content, documents.parser())
        return etree.XMLSchema(root) if kind == "xsd" else isoschematron.Schematron(root, store_report=True)
    except (etree.LxmlError, jsonschema_rs.ValidationError, msgspec.MsgspecError, ValueError) as error:
        raise Unreadable(str(error)[:200]) from error


def _said(report: Any) -> str:
    """What the schema says of the first assertion that failed."""
    found = next(report.iter(_FAILED, _REPORTED))
    return " ".join("".join(found.itertext()).split())
