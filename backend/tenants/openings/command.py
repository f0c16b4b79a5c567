"""`hocba school …`: what the operator of the platform does about schools that want to be opened."""

import uuid
from typing import TextIO
from urllib.parse import urljoin

import msgspec

from backend.core import settings
from backend.core.clock import VIETNAM
from backend.tenants.openings import service
from backend.tenants.openings.schemas import FiledApplication, OpenedSchool


class NewSchool(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `hocba school open`; `levels` with commas between them."""

    name: str
    code: str
    tax_code: str
    province_code: str
    ward: str
    levels: str
    owner: str
    email: str


async def pending(operator: str, out: TextIO) -> None:
    """List what waits for a decision."""
    found = await service.pending(operator)
    for filed in found:
        print(_line(filed), file=out)
    print(f"{len(found)} hồ sơ đang chờ.", file=out)


async def approve(operator: str, application_id: uuid.UUID, out: TextIO) -> None:
    """Open the school of an application and print its owner's link."""
    _print_opened(await service.approve(operator, application_id), out)


async def refuse(operator: str, application_id: uuid.UUID, reason: str, out: TextIO) -> None:
    """Refuse an application."""
    filed = await service.refuse(operator, application_id, reason)
    print(f"Đã từ chối hồ sơ của {filed.application.school.name}.", file=out)


async def open_school(operator: str, new: NewSchool, out: TextIO) -> None:
    """Open a school that the operator vouches for."""
    application = service.describe(
        name=new.name,
        code=new.code,
        tax_code=new.tax_code,
        province_code=new.province_code,
        ward=new.ward,
        levels=new.levels.split(","),
        applicant=new.owner,
        email=new.email,
    )
    _print_opened(await service.open_school(operator, application), out)


def _line(filed: FiledApplication) -> str:
    school, applicant = filed.application.school, filed.application.applicant
    warning = "  ! mã trường này đã có trường đang mở" if filed.known else ""
    return (
        f"{filed.id}  {filed.applied_at.astimezone(VIETNAM):%d/%m/%Y %H:%M}  {school.name} ({school.code}, "
        f"{school.province}, {school.level_label}, MST {school.tax_code})  "
        f"{applicant.name} <{applicant.email}> {applicant.phone}{warning}"
    )


def _print_opened(opened: OpenedSchool, out: TextIO) -> None:
    link = urljoin(settings.get().public_url, f"/loi-moi/{opened.token}")
    print(f"Đã mở {opened.school.name} (đơn vị {opened.tenant_id}).", file=out)
    print(f"Liên kết cho {opened.applicant.name}, dùng một lần, trong 7 ngày: {link}", file=out)
