"""The demo's schools in the database, without their certificates, and its workbooks as they were read."""

import io
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import openpyxl

from backend.core.actor import Actor, machine
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.ids import new_id
from backend.integrations.imports import service as imports
from backend.integrations.imports.readers import detect, grid, precheck
from backend.integrations.imports.schemas import ImportRunId, ParsedFile, Preview, UnreadableFile
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from infra.demo.schools import ACADEMIC_YEAR, DemoSchool


@dataclass(frozen=True)
class Workbook:
    """The bytes of a workbook and what our readers make of them."""

    name: str
    data: bytes

    @property
    def parsed(self) -> ParsedFile:
        """Read here and not in a limited process: these files are our own."""
        return _parsed(self.data)

    def edited(self, sheet: str, **cells: str | float | None) -> "Workbook":
        """The same with other values in some cells, named as in Excel."""
        book = openpyxl.load_workbook(io.BytesIO(self.data))
        for place, value in cells.items():
            book[sheet][place] = value
        return self._saved(book)

    def renamed(self, old: str, new: str) -> "Workbook":
        """The same with other words in every text."""
        book = openpyxl.load_workbook(io.BytesIO(self.data))
        for cell in (cell for sheet in book for row in sheet.iter_rows() for cell in row):
            if isinstance(cell.value, str):
                cell.value = cell.value.replace(old, new)
        return self._saved(book)

    def hiding(self, sheet: str) -> "Workbook":
        """The same with one sheet hidden."""
        book = openpyxl.load_workbook(io.BytesIO(self.data))
        book[sheet].sheet_state = "hidden"
        return self._saved(book)

    def _saved(self, book: openpyxl.Workbook) -> "Workbook":
        out = io.BytesIO()
        book.save(out)
        return Workbook(self.name, out.getvalue())


@lru_cache(maxsize=32)
def _parsed(data: bytes) -> ParsedFile:
    refused = precheck.refusal(data)
    return UnreadableFile.because(refused) if refused else detect.read(grid.load(data))


def workbook(folder: Path, path: str) -> Workbook:
    """A workbook that the demo wrote."""
    return Workbook(path, (folder / path).read_bytes())


@dataclass
class ImportingSchool:
    """A demo school with its classes and sheets, the teacher who imports and the one who leads every class."""

    tenant_id: TenantId
    importer: Actor
    principal: Actor
    teacher: Actor
    classes: dict[str, ClassId]

    async def preview(self, book: Workbook) -> tuple[ImportRunId, Preview]:
        """Upload: what the preview says."""
        async with tenant_session(self.tenant_id) as session:
            run_id = await imports.preview(session, self.importer, book.name, book.data, book.parsed)
            return run_id, (await imports.get_run(session, run_id)).preview

    async def apply(self, run_id: ImportRunId, book: Workbook) -> Preview:
        """The button below the preview."""
        async with tenant_session(self.tenant_id) as session:
            return await imports.apply(session, self.importer, run_id, book.parsed)

    async def take(self, *books: Workbook) -> None:
        """Upload and take."""
        for book in books:
            run_id, found = await self.preview(book)
            assert found.problems == (), found.problems
            await self.apply(run_id, book)

    def session(self) -> AbstractAsyncContextManager[TenantSession]:
        """A transaction of this school."""
        return tenant_session(self.tenant_id)


async def open_importing_school(demo: DemoSchool) -> ImportingSchool:
    """A new tenant with the demo school's classes and no pupil."""
    tenant_id = TenantId(new_id())
    profile = SchoolProfile(
        name=demo.name,
        code=tenant_id.hex[-8:],
        tax_code=demo.tax_code,
        province_code=demo.province_code,
        province=demo.province,
        ward=demo.ward,
        levels=tuple(SchoolLevel(level) for level in demo.levels),
    )
    await schools.open_school(tenant_id, profile)
    async with tenant_session(tenant_id) as session:
        importer, principal = await _hire(session, Role.IT_TEACHER), await _hire(session, Role.PRINCIPAL)
        teacher = await _hire(session, Role.HOMEROOM_TEACHER)
        year_id = await roster.open_year(session, ACADEMIC_YEAR, date(2025, 9, 5), date(2026, 5, 31))
        classes = {}
        for one in demo.classes:
            class_id = await roster.open_class(session, year_id, one.code, one.grade, teacher.staff_id)
            await roster.assign_teachers(session, class_id, dict.fromkeys(one.subjects))
            await gradebook.open_sheets(session, class_id)
            classes[one.code] = class_id
    return ImportingSchool(tenant_id, importer, principal, teacher, classes)


async def _hire(session: TenantSession, role: Role) -> Actor:
    email = f"{role}@{session.tenant_id.hex}.example"
    asker = machine(session.tenant_id)
    staff_id = await people.add_staff(session, asker, f"Cô {role}", email, "", [role])
    return await people.actor_of(session, staff_id)
