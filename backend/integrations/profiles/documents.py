"""Documents of an Authority as bytes: JSON, XML and CSV written from a value, and read back with every limit on.

XML is built as a tree, so escaping is not ours to forget. What is read may declare no DTD and no entity. A line of a
workbook is its cells by column, as JSON: workbooks are made and taken apart by the slice `portal`.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ATTRIBUTE, TEXT = "@", "#text"
#: Deeper than this no answer of an Authority is.
_MAX_DEPTH = 60
#: What XML 1.0 cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Unreadable(Exception):
    """The bytes are not a document of that format."""


class Unwritable(Exception):
    """The value is no document of that format."""


def write(form: str, value: Any, namespaces: Mapping[str, str]) -> bytes:
    """The bytes of a document. Raises Unwritable."""
    if form in ("json", "xlsx"):
        return msgspec.json.encode(value)
    if form == "csv":
        return _write_csv(value)
    root = element(value, namespaces)
    return _bytes(_enveloped(root) if form == "soap" else root)


def with_header(envelope: bytes, header: Any) -> bytes:
    """A SOAP message with one more element in its header."""
    root = etree.fromstring(envelope, parser())
    root[0].append(header)
    return _bytes(root)


def element(value: Any, namespaces: Mapping[str, str]) -> Any:
    """The root of an XML document. Raises Unwritable."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Unwritable("XML cần đúng một phần tử gốc")
    [(name, content)] = value.items()
    root = etree.Element(
        _tag(name, namespaces), nsmap={prefix or None: uri for prefix, uri in namespaces.items()}
    )
    _write_into(root, content, namespaces)
    return root


def read(form: str, content: bytes) -> Any:
    """The document as dictionaries, lists and texts; of XML without prefixes. Raises Unreadable."""
    try:
        found = _READERS[form](content)
        if form == "soap":
            found = _opened(found)
    except (
        msgspec.MsgspecError,
        csv.Error,
        UnicodeDecodeError,
        etree.XMLSyntaxError,
        RecursionError,
        ValueError,
    ) as error:
        raise Unreadable(str(error)) from error
    _measure(found, 0)
    return found


def inner_root(content: bytes) -> Any:
    """The root of an XML document, in SOAP that of its body, of which a schema speaks."""
    root = etree.fromstring(content, parser())
    return root[1][0] if root.tag == f"{{{SOAP}}}Envelope" else root


def _enveloped(root: Any) -> Any:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Header")
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(root)
    return envelope


def _opened(found: Any) -> Any:
    """What a SOAP body holds."""
    body = found.get("Envelope", {}).get("Body") if isinstance(found.get("Envelope"), dict) else None
    if not isinstance(body, dict):
        raise ValueError("no SOAP envelope")
    return body


def _bytes(root: Any) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _write_csv(value: Any) -> bytes:
    """RFC 4180 with a header, UTF-8: one line or a list of lines that have the same columns, in the order of the tree."""
    lines = value if isinstance(value, list) else [value]
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise Unwritable("CSV cần ít nhất một dòng gồm các cột")
    columns = list(lines[0])
    if any(list(line) != columns for line in lines):
        raise Unwritable("các dòng CSV phải có cùng các cột; cột có thể trống thì dùng «empty»")
    into = io.StringIO(newline="")
    writer = csv.writer(into, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in line.values()] for line in lines)
    return into.getvalue().encode()


def _read_csv(content: bytes) -> Any:
    """One line is a dictionary, several are a list."""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    if not rows or any(None in row or None in row.values() for row in rows):
        raise ValueError("lines of unlike columns")
    return rows[0] if len(rows) == 1 else rows


def _write_into(parent: Any, content: Any, namespaces: Mapping[str, str]) -> None:
    if not isinstance(content, dict):
        parent.text = _plain(content)
        return
    for name, value in content.items():
        if name == TEXT:
            parent.text = _plain(value)
        elif name.startswith(ATTRIBUTE):
            parent.set(_tag(name[1:], namespaces), _plain(value))
        else:
            for one in value if isinstance(value, list) else [value]:
                _write_into(etree.SubElement(parent, _tag(name, namespaces)), one, namespaces)


def _tag(name: str, namespaces: Mapping[str, str]) -> str:
    prefix, colon, local = name.rpartition(":")
    try:
        return str(etree.QName(namespaces[prefix] if colon else namespaces.get(""), local).text)
    except (KeyError, ValueError) as error:
        raise Unwritable(f"«{name}» không phải tên XML") from error


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        raise Unwritable("thuộc tính hay chữ của XML không chứa được phần tử")
    text = str(value)
    if _UNWRITABLE.search(text):
        raise Unwritable("có ký tự điều khiển mà XML không chứa được")
    return text


def parser() -> Any:
    """Reads no DTD, no entity, nothing from elsewhere."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _read_xml(content: bytes) -> dict[str, Any]:
    root = etree.fromstring(content, parser())
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("DTD")
    return {etree.QName(root).localname: _read_element(root)}


def _read_element(found: Any) -> Any:
    children = [child for child in found if isinstance(child.tag, str)]
    text = "".join(found.itertext()).strip() if not children else (found.text or "").strip()
    if not children and not found.attrib:
        return text
    content: dict[str, Any] = {
        ATTRIBUTE + etree.QName(name).localname: value for name, value in found.attrib.items()
    }
    if text:
        content[TEXT] = text
    for child in children:
        name, value = etree.QName(child).localname, _read_element(child)
        if name not in content:
            content[name] = value
        elif isinstance(content[name], list):
            content[name].append(value)
        else:
            content[name] = [content[name], value]
    return content


def _measure(found: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Unreadable(f"lồng nhau quá {_MAX_DEPTH} tầng")
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    for one in inside:
        _measure(one, depth + 1)


_READERS: dict[str, Callable[[bytes], Any]] = {
    "json": msgspec.json.decode,
    "xml": _read_xml,
    "soap": _read_xml,
    "csv": _read_csv,
    "xlsx": msgspec.json.decode,
}
