"""A portal that takes a workbook from a person and gives its receipt back: the same lines with what became of each.

A line is a pupil: brought again unchanged it is the same, changed it takes the place of the earlier one.
"""

import hashlib
import io
from typing import Any

import msgspec
import openpyxl

from backend.integrations.profiles import messages
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.mapping import Known
from backend.integrations.profiles.schemas import Layout, Message, Node, Rule
from infra.simulators.faults import FaultBox
from infra.simulators.province.rules import REPLACE, SUBMIT, Finding, in_their_words
from infra.simulators.province.store import Store
from infra.simulators.web import App, BadRequest, Reply, Request

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Portal:
    """Its page for uploads; schools say who they are by `?truong=CODE` instead of signing in."""

    def __init__(self, store: Store, edition: Edition, known: Known, faults: FaultBox) -> None:
        operations = edition.profile.operations
        assert operations.send.body is not None
        assert operations.send.body.sheet is not None
        assert operations.query.answer is not None
        self._store, self._profile, self._known, self._faults = store, edition.profile, known, faults
        self._path = operations.send.path
        own = Layout(grades=(0,), sheet=operations.send.body.sheet, tree=operations.send.body.tree)
        #: By the header of its workbook: a person chooses the file, and the portal looks what it is.
        self._layouts = {
            _header(_opened(edition.files[one.sheet.template]), one.sheet.first_row): one
            for one in (own, *operations.send.body.layouts)
        }
        self._answer = operations.query.answer
        self._key = self._answer.facts[self._answer.message_id].path

    def add_to(self, app: App) -> None:
        """The address of the upload."""
        app.add("POST", self._path, self.take)

    def take(self, request: Request) -> Reply:
        """Take a workbook, and answer with its receipt."""
        if self._faults.take("http500", request.path):
            return Reply(status=500, body=b"", content_type="text/plain")
        try:
            book = _opened(request.body)
        except Exception as error:
            # openpyxl has no common error for what is no workbook.
            raise BadRequest("no workbook") from error
        sheet, found = book.worksheets[0], {}
        layout = next(
            (one for head, one in self._layouts.items() if head == _header(book, one.sheet.first_row)), None
        )
        if layout is None:
            raise BadRequest("no workbook of this portal")
        for number in range(layout.sheet.first_row, sheet.max_row + 1):
            cells = {cell.column_letter: str(cell.value) for cell in sheet[number] if cell.value is not None}
            if self._key in cells:
                found[number] = cells
        if self._faults.take("half", request.path):
            found = dict(list(found.items())[: len(found) // 2])
        for number, cells in found.items():
            for column, text in self._told(request.query["truong"], cells, layout).items():
                sheet[f"{column}{number}"] = text
        out = io.BytesIO()
        book.save(out)
        return Reply(body=out.getvalue(), content_type=_XLSX, cut=self._drops(request))

    def _drops(self, request: Request) -> bool:
        return self._faults.take("drop_after_accept", request.path) is not None

    def _told(self, sender: str, cells: dict[str, str], layout: Layout) -> dict[str, str]:
        """What stands beside a line, as the profile's example writes it."""
        row = self._kept(sender, cells, layout)
        if self._faults.take("stale", cells[self._key]):
            meaning = "processing"
        elif row["problems"] != "[]":
            meaning = "rejected"
        else:
            meaning = "locked" if row["locked_at"] is not None else "accepted"
        rule = next(one for one in self._answer.rules if one.meaning == meaning)
        said = {"receipt": f"BN{row['n']:010d}", "errors": msgspec.json.decode(row["problems"])}
        told = self._example(rule, cells[self._key], said)
        if self._faults.take("wrong_code", cells[self._key]):
            told = {column: "??" if len(text) > 2 else text for column, text in told.items()}
        return {column: text for column, text in told.items() if column not in cells}

    def _example(self, rule: Rule, key: str, said: dict[str, Any]) -> dict[str, str]:
        about = _message("", key, SUBMIT, 1, {"student": {"student_code": key}})
        written = messages.write_example(self._answer, rule, about, said, self._known)
        return msgspec.json.decode(written, type=dict[str, str])

    def _may_be_empty(self, node: Node) -> bool:
        """In a column of ticks nothing says no."""
        return node.empty or "" in self._known.codelists.get(node.codelist or "", {}).values()

    def _kept(self, sender: str, cells: dict[str, str], layout: Layout) -> Any:
        """The line in the portal's memory: known, or new, or in place of an earlier one."""
        own = {column: text for column, text in cells.items() if column != layout.sheet.number}
        digest = hashlib.sha256(msgspec.json.encode(sorted(own.items()))).hexdigest()
        key, number, earlier = cells[self._key], 1, None
        while (row := self._store.find(_name(sender, key, number))) is not None:
            if row["body_sha256"] == digest:
                self._store.count_repeat(row["message_id"])
                return row
            earlier, number = row["message_id"], number + 1
        needed = [
            column for column, node in (layout.tree.fields or {}).items() if not self._may_be_empty(node)
        ]
        missing = [column for column in needed if column not in cells]
        findings: list[Finding] = [("package", column) for column in missing[:1]]
        message = _message(sender, key, REPLACE if earlier else SUBMIT, number, None)
        message = msgspec.structs.replace(message, message_id=_name(sender, key, number), refers_to=earlier)
        self._store.add(message, digest, in_their_words(self._profile, findings))
        return self._store.find(message.message_id)


def _opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def _header(book: Any, first_row: int) -> tuple[tuple[Any, ...], ...]:
    """What stands above the lines, without what is blank at its end."""
    rows = book.worksheets[0].iter_rows(max_row=first_row - 1, values_only=True)
    return tuple(tuple(cell for cell in row if cell is not None) for row in rows)


def _name(sender: str, key: str, number: int) -> str:
    return f"{sender}/{key}/{number}"


def _message(sender: str, key: str, action: str, version: int, record: dict[str, Any] | None) -> Message:
    return Message(
        message_id="", sender_code=sender, action=action, lookup_code=key, version=version, sha256="",
        package_xml=b"", pdf_sha256="", record=record,
    )  # fmt: skip
