"""A page with a mark sheet, and the school behind it."""

import json
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from tests.frontend.small_site import CONTEXT, Answer, environment
from tests.frontend.small_site import page as answer

SHELL = """{% extends "layouts/base.html" %}
{% from "components/mark_cell.html" import mark_cell %}
{% from "components/mark_sheet.html" import mark_sheet %}
{% from "components/phrase_picker.html" import phrase_picker %}
{% block scripts %}<script src="{{ asset("grade_sheet.js") }}" defer></script>
<script src="{{ asset("grade_block.js") }}" defer></script>
<script src="{{ asset("grade_phrases.js") }}" defer></script>{% endblock %}
{% block content %}<h1>x</h1>
<form action="/nop" method="post" data-unsaved="Còn {n} ô chưa lưu; hãy lưu hoặc sửa trước khi nộp.">
<button>Nộp sổ</button></form>
{% call mark_sheet("so", caption, ["tx1", "tx2", "gk", "ck", "nx"], "/o", person="p", read_at="0", absences=absences,
                   phrases=True) %}
{% for key, marks in rows %}<tr><th scope="row">{{ key }}</th>
{% for mark, version in marks %}{{ mark_cell(key, loop.index, mark, version, key ~ loop.index) }}{% endfor %}
{{ mark_cell(key, 5, "Chăm ngoan.", 1, key ~ "5", kind="text") }}</tr>
{% endfor %}
{% endcall %}
{{ phrase_picker([{"text": "{tên} học đều.", "level": ""}, {"text": "{tên} có tiến bộ.", "level": "H"}]) }}
{% endblock %}"""
ABSENCES = [("V", "vắng có lý do"), ("K", "vắng không lý do")]
ROWS = [("a", ["8", "7,5", "9", ""]), ("b", ["6", "8", "", "7,25"]), ("c", ["10", "9", "8", "8"])]
PASTE = """text => { const data = new DataTransfer(); data.setData('text/plain', text);
return document.activeElement.dispatchEvent(
  new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); }"""


class School:
    """A server that keeps marks: refuses above 10, notices an old version, can be taken down."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.requests: list[list[dict[str, Any]]] = []
        self.versions: dict[tuple[str, str], int] = {}
        self.down = self.closed = False
        #: While it is not set, what was sent is kept and the answer is on its way.
        self.answering = Event()
        self.answering.set()
        self.asked: list[str] = []
        #: What colleagues wrote: told once, as news.
        self.news: list[dict[str, Any]] = []
        self.caption = "Toán 8A"

    def __call__(self, method: str, path: str, body: bytes) -> Answer:
        if method != "POST" and urlsplit(path).path == "/o":
            self.asked += parse_qs(urlsplit(path).query)["sau"]
            told, self.news = self.news, []
            body = json.dumps({"now": str(len(self.asked)), "open": not self.closed, "cells": told}).encode()
            return 200, "application/json", body
        if method != "POST":
            return answer(environment().from_string(SHELL).render(CONTEXT | self.shown()))
        if path != "/o":
            return answer("<h1>Xong</h1>")
        if self.down:
            return answer("", 503)
        cells: list[dict[str, Any]] = json.loads(body)["cells"]
        self.requests.append(cells)
        judged = [self.judge(cell) for cell in cells]
        self.answering.wait(10)
        return 200, "application/json", json.dumps({"cells": judged}).encode()

    def shown(self) -> dict[str, Any]:
        """What the page is made of: marks as they are kept, with their versions."""

        def mark(student: str, column: int, first: str) -> tuple[str, int]:
            key = (student, str(column))
            return self.kept.get(key, first), self.versions.get(key, 1)

        rows = [(key, [mark(key, at, one) for at, one in enumerate(marks, 1)]) for key, marks in ROWS]
        return {"rows": rows, "caption": self.caption, "absences": ABSENCES}

    def judge(self, cell: dict[str, Any]) -> dict[str, Any]:
        """The answer for one cell."""
        key = (cell["student"], cell["column"])
        said = {"student": key[0], "column": key[1]}
        version = self.versions.get(key, 1)
        if self.closed:
            return said | {"state": "conflict", "message": "Sổ điểm này đã khóa."}
        if cell["version"] != version:
            stored = {"value": self.kept[key], "version": version}
            return said | {"state": "conflict", "message": "Cô Hà vừa sửa."} | stored
        if cell["column"] == "5":
            self.kept[key], self.versions[key] = " ".join(cell["value"].split()), version + 1
            return said | {"state": "saved", "message": "", "value": self.kept[key], "version": version + 1}
        if cell["value"] in ("v", "V"):
            self.kept[key], self.versions[key] = "V", version + 1
            return said | {
                "state": "saved",
                "message": "",
                "value": "V",
                "version": version + 1,
                "note": "chờ bù",
            }
        if cell["value"] and float(cell["value"].replace(",", ".")) > 10:
            named = f"{key[0]}, cột tx{key[1]}: điểm lớn hơn 10." if key[0] == "c" else "Điểm lớn hơn 10."
            return said | {"state": "invalid", "message": named}
        self.kept[key], self.versions[key] = cell["value"].replace(".", ","), version + 1
        return said | {"state": "saved", "message": "", "value": self.kept[key], "version": version + 1}


def cell(page: Page, student: str, column: int) -> Locator:
    """Where a mark is written."""
    return page.locator(f'[data-student="{student}"][data-column="{column}"] .mark-input')


def state(page: Page) -> Locator:
    """What the sheet says about saving."""
    return page.locator("[data-sheet-state]")
