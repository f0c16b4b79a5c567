"""Certificates over the staff, as the Authority's tables count them (Phụ lục 2–4 of the Hà Nội plan). No I/O."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, tzinfo

from backend.core.actor import StaffId
from backend.core.errors import Invalid
from backend.records.departments.schemas import DepartmentView
from backend.records.statistics.schemas import Area, Check, Coverage, CoverageLine, Holding, Reported
from backend.remote_signing.credentials.schemas import CredentialStatus, CredentialView
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import ROLE_NAMES, Permission, Role, permissions_of

NO_DEPARTMENT, ALL_STAFF = "Chưa thuộc tổ nào", "Toàn trường"


def holdings(
    staff: Sequence[Staff],
    departments: Sequence[DepartmentView],
    credentials: Sequence[CredentialView],
    now: datetime,
    zone: tzinfo,
) -> tuple[Holding, ...]:
    """Everybody who works here with the certificate that they sign with today, or else the last that they had."""
    placed: dict[StaffId, str] = {}
    for department in departments:
        for member in department.members:
            placed.setdefault(member, department.name)
    held: dict[StaffId, list[CredentialView]] = defaultdict(list)
    for credential in credentials:
        if credential.staff_id:
            held[credential.staff_id].append(credential)
    found = []
    for person in staff:
        own = held[person.id]
        signing = next((one for one in own if _signs(one, now)), None)
        shown = signing or max(own, key=lambda one: one.not_after, default=None)
        found.append(
            Holding(
                staff_id=person.id,
                name=person.full_name,
                role=_first_role(person.roles),
                signs=Permission.SIGN in permissions_of(person.roles),
                department=placed.get(person.id, ""),
                provider=shown.provider_name if shown else "",
                valid_until=shown.not_after.astimezone(zone).date() if shown else None,
                has_one=signing is not None,
                ended=signing is None and shown is not None,
            )
        )
    return tuple(found)


def _signs(credential: CredentialView, now: datetime) -> bool:
    return (
        credential.status is CredentialStatus.ACTIVE and credential.not_before <= now <= credential.not_after
    )


def _first_role(roles: Collection[Role]) -> str:
    """Who has several roles is counted in the first of the role table."""
    return next((ROLE_NAMES[role] for role in Role if role in roles), "Chưa có vai trò")


def coverage(people: Sequence[Holding], seal_until: date | None, needed_until: date | None) -> Coverage:
    """The tables of certificates: every person once in each, so that lines add up."""

    def line(name: str, found: Sequence[Holding]) -> CoverageLine:
        return CoverageLine(
            name=name,
            total=len(found),
            having=sum(one.has_one for one in found),
            ending=sum(_ends(one, needed_until) for one in found),
            ended=sum(one.ended for one in found),
        )

    def by(what: str, found: Sequence[Holding], otherwise: str) -> tuple[CoverageLine, ...]:
        groups: dict[str, list[Holding]] = defaultdict(list)
        for one in found:
            groups[getattr(one, what) or otherwise].append(one)
        # Those who are in none come last.
        return tuple(line(name, groups[name]) for name in sorted(groups, key=lambda name: name == otherwise))

    having = [one for one in people if one.has_one]
    order = [*ROLE_NAMES.values(), ""]
    ordered = sorted(people, key=lambda one: order.index(one.role) if one.role in order else len(order))
    return Coverage(
        total=line(ALL_STAFF, people),
        departments=by("department", people, NO_DEPARTMENT),
        roles=by("role", ordered, ""),
        providers=by("provider", having, ""),
        people=tuple(people),
        seal_until=seal_until,
        needed_until=needed_until,
        notes=tuple(_coverage_notes(people, seal_until, needed_until)),
    )


def _ends(one: Holding, needed_until: date | None) -> bool:
    return bool(one.has_one and one.valid_until and needed_until and one.valid_until < needed_until)


def _coverage_notes(
    people: Sequence[Holding], seal_until: date | None, needed_until: date | None
) -> Iterable[str]:
    ended = sum(one.ended for one in people)
    if ended:
        yield f"{ended} người từng có chứng thư số nhưng nay hết hạn hoặc bị dừng: được đếm vào cột chưa có."
    ending = sum(_ends(one, needed_until) for one in people)
    if ending and needed_until:
        last = f"{needed_until:%d/%m/%Y}"
        yield f"{ending} người có chứng thư số hết hạn trước ngày ký cuối cùng ({last}): cần gia hạn trước."
    if seal_until is None:
        yield "Trường chưa có chứng thư số của tổ chức (con dấu số) đang hiệu lực."
    elif needed_until and seal_until < needed_until:
        yield f"Con dấu số hết hạn ngày {seal_until:%d/%m/%Y}, trước ngày ký cuối cùng ({needed_until:%d/%m/%Y})."


def seal_until(credentials: Iterable[CredentialView], now: datetime, zone: tzinfo) -> date | None:
    """Until when the school's seal signs; None where it signs nothing today."""
    sealing = (one.not_after for one in credentials if one.staff_id is None and _signs(one, now))
    return max((until.astimezone(zone).date() for until in sealing), default=None)


def certificate_checks(found: Coverage) -> tuple[Check, ...]:
    """Whether everybody who signs could, until the last day of signing."""
    signers = [one for one in found.people if one.signs]
    lacking = sum(not one.has_one for one in signers)
    ending = sum(_ends(one, found.needed_until) for one in signers)
    sealed = found.seal_until is not None and not (
        found.needed_until and found.seal_until < found.needed_until
    )
    page = "/chung-thu"

    def check(name: str, wrong: int, total: int, todo: str) -> Check:
        return Check(
            area=Area.CERTIFICATES, name=name, wrong=wrong, total=total, todo=todo if wrong else "", url=page
        )

    return (
        check(
            "Người ký có chứng thư số",
            lacking,
            len(signers),
            "Đăng ký chứng thư số cho những người còn thiếu.",
        ),
        check(
            "Chứng thư số còn hạn đến hết ngày ký",
            ending,
            len(signers) - lacking,
            "Gia hạn các chứng thư sắp hết hạn trước mùa ký.",
        ),
        check(
            "Con dấu số của trường dùng được đến hết ngày ký",
            int(not sealed),
            1,
            "Đăng ký hoặc gia hạn con dấu số.",
        ),
    )


def reported(total: str, having: str, lacking: str) -> Reported | None:
    """What was typed of an earlier report; None where nothing was. Raises Invalid that names the field."""
    if not (total.strip() or having.strip() or lacking.strip()):
        return None
    return Reported(
        total=_number(total, "Tổng số đã báo cáo"),
        having=_number(having, "Số đã có chữ ký số đã báo cáo"),
        lacking=_number(lacking, "Số chưa có chữ ký số đã báo cáo"),
    )


def _number(typed: str, field: str) -> int:
    digits = typed.strip().replace(".", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 7):
        raise Invalid(f"{field} phải là một số nguyên từ 0; xin nhập lại (đang nhập “{typed[:20]}”).")
    return int(digits)


def differences(ours: CoverageLine, before: Reported) -> tuple[str, ...]:
    """In what an earlier report contradicts itself, and in what it differs from what is known today."""
    found = []
    if before.having + before.lacking != before.total:
        found.append(
            f"Báo cáo trước không khớp trong chính nó: đã có {before.having} + chưa có {before.lacking} = "
            f"{before.having + before.lacking}, nhưng tổng số ghi {before.total}."
        )
    for name, then, now in (
        ("Tổng số người", before.total, ours.total),
        ("Đã có chữ ký số", before.having, ours.having),
        ("Chưa có chữ ký số", before.lacking, ours.lacking),
    ):
        if then != now:
            found.append(
                f"{name}: báo cáo trước ghi {then}, hệ thống đếm được {now} (chênh {now - then:+d})."
            )
    return tuple(found)
