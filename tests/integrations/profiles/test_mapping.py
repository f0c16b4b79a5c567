"""A tree filled: what each kind of leaf makes, and what does not fit is refused with its place."""

from typing import Any

import msgspec
import pytest

from backend.integrations.profiles import documents, mapping
from backend.integrations.profiles.mapping import BadMapping, Known
from backend.integrations.profiles.schemas import Node

KNOWN = Known(
    parts={"pupil": msgspec.convert({"fields": {"name": {"path": "name"}}}, Node)},
    codelists={"levels": {"T": "1", "Đ": "3"}},
    parameters={"school": "01000701"},
)
CONTENT = {
    "name": "Nguye\u0302\u0303n",
    "mark": "8.25",
    "born": "2016-02-29",
    "flag": True,
    "level": "Đ",
    "code": "ab12",
    "raw": b"\x00\xff",
    "none": None,
    "pupils": [{"name": "An", "here": True}, {"name": "Bình", "here": False}],
}


def fill(tree: dict[str, Any]) -> Any:
    return mapping.fill(msgspec.convert(tree, Node), CONTENT, KNOWN)


@pytest.mark.parametrize(
    ("tree", "made"),
    [
        ({"path": "name"}, "Nguyễn"),
        ({"path": "mark", "as": "decimal"}, "8.3"),
        ({"path": "mark", "as": "decimal", "places": 2}, "8.25"),
        ({"path": "born", "as": "date"}, "29/02/2016"),
        ({"path": "born", "as": "date", "form": "%Y%m%d"}, "20160229"),
        ({"path": "flag", "as": "flag"}, "1"),
        ({"path": "code", "as": "upper"}, "AB12"),
        ({"path": "raw", "as": "base64"}, "AP8="),
        ({"path": "level", "codelist": "levels"}, "3"),
        ({"parameter": "school"}, "01000701"),
        ({"value": "2.0"}, "2.0"),
        ({"each": "pupils", "do": {"use": "pupil"}}, [{"name": "An"}, {"name": "Bình"}]),
        ({"each": "pupils", "do": {"path": "name", "when": "item.here"}}, ["An"]),
        ({"fields": {"a": {"path": "none", "optional": True}, "b": {"value": 1, "as": "integer"}}}, {"b": 1}),
    ],
)
def test_what_a_tree_makes(tree: dict[str, Any], made: Any) -> None:
    assert fill(tree) == made


@pytest.mark.parametrize(
    ("tree", "place", "reason"),
    [
        ({"fields": {"a": {"fields": {"b": {"path": "none"}}}}}, "/a/b", "không có giá trị"),
        ({"fields": {"a": {"path": "name", "as": "decimal"}}}, "/a", "không đổi được thành decimal"),
        ({"fields": {"a": {"path": "name", "as": "date"}}}, "/a", "không đổi được thành date"),
        ({"fields": {"a": {"path": "level", "as": "flag"}}}, "/a", "không đổi được thành flag"),
        ({"fields": {"a": {"path": "pupils"}}}, "/a", "không đổi được thành text"),
        ({"fields": {"a": {"path": "code", "codelist": "levels"}}}, "/a", "«ab12» không có trong danh mục"),
        ({"fields": {"a": {"path": "name", "max": 3}}}, "/a", "dài 6 ký tự, chỉ được 3"),
        ({"fields": {"a": {"each": "name", "do": {"value": 1}}}}, "/a", "«name» không phải danh sách"),
        ({"each": "pupils", "do": {"fields": {"x": {"path": "none"}}}}, "[0]/x", "không có giá trị"),
        ({"fields": {"a": {"path": "name", "when": "item.nothing"}}}, "/a", "không tính được"),
        ({"fields": {"a": {"path": "abs(name)"}}}, "/a", "abs"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tree: dict[str, Any], place: str, reason: str) -> None:
    with pytest.raises(BadMapping, match=reason) as caught:
        fill(tree)
    assert caught.value.place == place


def test_xml_is_escaped_and_keeps_prefixes_attributes_and_repetition() -> None:
    value = {"h:A": {"@id": 'x<"', "B": ["1 & 2", "</B>"], "C": {"#text": "t", "@h:k": "v"}}}
    written = documents.write("xml", value, {"h": "urn:h"})
    assert written.splitlines()[1] == (
        b'<h:A xmlns:h="urn:h" id="x&lt;&quot;"><B>1 &amp; 2</B><B>&lt;/B&gt;</B><C h:k="v">t</C></h:A>'
    )
    assert documents.read("xml", written) == {
        "A": {"@id": 'x<"', "B": ["1 & 2", "</B>"], "C": {"@k": "v", "#text": "t"}}
    }


def test_soap_has_an_envelope_and_is_read_without_it() -> None:
    written = documents.write("soap", {"A": {"B": "1"}}, {})
    assert b"<soap:Header/><soap:Body><A><B>1</B></A></soap:Body>" in written
    assert documents.read("soap", written) == {"A": {"B": "1"}}


@pytest.mark.parametrize(
    "value", [{"a b": "1"}, {"x:a": "1"}, {"a": "1", "b": "2"}, "1", {"a": "\x00"}, {"a": {"@b": ["1"]}}]
)
def test_what_is_no_xml_is_not_written(value: Any) -> None:
    with pytest.raises(documents.Unwritable):
        documents.write("xml", value, {})


BOMB = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("xml", BOMB),
        ("xml", b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
        ("xml", b"<a>" * 5000 + b"</a>" * 5000),
        ("xml", b"<a>" * 100 + b"</a>" * 100),
        ("xml", b"<a/><a/>"),
        ("xml", b"<a>\xff</a>"),
        ("xml", b"<?xml version='1.0' encoding='nonsense'?><a/>"),
        ("xml", b""),
        ("soap", b"<a/>"),
        ("soap", b"<html><body>x</body></html>"),
        ("json", b'{"a":1}{"a":1}'),
        ("json", b"[" * 100_000),
        ("json", b"[" * 100 + b"]" * 100),
        ("json", b'{"a": "\xff"}'),
        ("json", b"<html>"),
        ("json", b""),
    ],
)
def test_strange_bytes_are_unreadable_and_never_a_crash(form: str, content: bytes) -> None:
    with pytest.raises(documents.Unreadable):
        documents.read(form, content)
