"""Certificates in the browser: enrolled out of the provider's account, replaced, suspended, resumed, revoked.

One school for the whole file: each test works on holders, or on certificates, of its own.
"""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core.actor import StaffId, machine
from backend.core.crypto import sha256_hex
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.credentials import service
from backend.remote_signing.credentials.schemas import CredentialStatus, CredentialView
from backend.remote_signing.providers.port import SANDBOX, CredentialHandle, RemoteCredential
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest
from backend.tenants.permissions import ROLE_NAMES, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import SigningService
from tests.remote_signing.formats.test_certificates import made, usage

TEACHER_NAME = f"Cô {ROLE_NAMES[Role.HOMEROOM_TEACHER]}"
SCHOOL_NAME = "Trường Chứng Thư"
ALL, SEAL = "/chung-thu", "/chung-thu/con-dau"
_numbers = itertools.count(1)


@dataclass
class Desk:
    """A school and its people in their browsers, who have just proved who they are."""

    app: Litestar
    school: TestSchool
    browsers: dict[Role, Browser] = field(default_factory=dict)

    def page_of(self, role: Role) -> str:
        """The page of a person's certificates."""
        return f"{ALL}/{self.school.staff[role]}"

    async def browser(self, role: Role) -> Browser:
        """The browser of somebody, with a page of theirs in it."""
        if role not in self.browsers:
            self.browsers[role] = await signed_in(self.app, self.school, role)
            await self.browsers[role].get(ALL if role is not Role.OWNER else "/duyet")
        return self.browsers[role]

    async def held(self, role: Role | None) -> list[CredentialView]:
        """Certificates of a person or the seal, newest first."""
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            everything = await service.list_credentials(session)
        return [one for one in everything if one.staff_id == self._holder(role)]

    async def give(self, role: Role | None, certificate: bytes | None = None) -> CredentialView:
        """Somebody, or the seal, has a certificate, as the operator gives it."""
        found = RemoteCredential(
            credential_id="r",
            certificate=certificate or made(usage("digital_signature"), name=f"Số {next(_numbers)}"),
            chain=(),
            key_algorithms=(),
            key_bits=256,
            usable=True,
            status="",
            max_hashes=1,
        )
        async with tenant_session(self.school.tenant_id) as session:
            by, holder = machine(self.school.tenant_id), self._holder(role)
            await service.enrol(session, by, found, provider=SANDBOX, account="a", staff_id=holder)
        return (await self.held(role))[0]

    async def waiting(self) -> list[ApprovalRequest]:
        """What waits for a second person."""
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            return await approvals.waiting(session)

    async def approve(self, role: Role = Role.PRINCIPAL) -> httpx.Response:
        """The one request that waits is approved."""
        [request] = await self.waiting()
        return await (await self.browser(role)).post(f"/duyet/{request.id}/dong-y")

    def _holder(self, role: Role | None) -> StaffId | None:
        return self.school.staff[role] if role else None


def chosen(account: str, handle: CredentialHandle) -> dict[str, str]:
    """The form beside a certificate that the provider has."""
    digest = sha256_hex(handle.certificate)
    return {"nha_cung_cap": SANDBOX, "tai_khoan": account, "ma": digest, "ly_do": "Đổi con dấu"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(site: Litestar, signing: SigningService) -> Desk:
    return Desk(site, await open_test_school(SCHOOL_NAME))


@pytest.fixture(scope="module")
def teacher_key(signing: SigningService) -> CredentialHandle:
    return signing.enrol("gv", TEACHER_NAME.upper())


async def test_a_persons_certificate_from_the_provider_to_its_rest_and_back(
    desk: Desk, teacher_key: CredentialHandle, tmp_path: Path
) -> None:
    """It replaces the earlier one, which stays; its holder suspends it; it comes back after another look."""
    await desk.give(Role.HOMEROOM_TEACHER)
    it, page = await desk.browser(Role.IT_TEACHER), desk.page_of(Role.HOMEROOM_TEACHER)
    found = await it.post(f"{page}/tim", {"nha_cung_cap": SANDBOX, "tai_khoan": " gv "})
    assert sha256_hex(teacher_key.certificate) in found.text
    with changed_settings(HOCBA_TRUST_DIR=str(tmp_path)):
        strange = await it.post(f"{page}/dang-ky", chosen("gv", teacher_key))
    assert strange.status_code == 409
    assert "không dẫn tới tổ chức chứng thực nào" in strange.text
    assert (await it.post(f"{page}/dang-ky", chosen("gv", teacher_key))).status_code == 303
    own, earlier = await desk.held(Role.HOMEROOM_TEACHER)
    assert (own.certificate, own.account, own.status) == (
        teacher_key.certificate,
        "gv",
        CredentialStatus.ACTIVE,
    )
    assert earlier.status is CredentialStatus.RETIRING
    again = await it.post(f"{page}/dang-ky", chosen("gv", teacher_key))
    assert again.status_code == 409
    assert "không đăng ký lại được" in again.text

    teacher, at = await desk.browser(Role.HOMEROOM_TEACHER), f"{ALL}/so/{own.id}"
    assert page in (await teacher.get(ALL)).text
    assert (await teacher.post(f"{at}/tam-dung", {"lan": "0"})).status_code == 422
    assert (await teacher.post(f"{at}/tam-dung", {"lan": "0", "ly_do": "Mất điện thoại"})).status_code == 303
    assert "Mất điện thoại" in (await it.get(at)).text
    assert "1 chứng thư số cần xử lý trước mùa ký" in (await teacher.get(ALL)).text
    assert (await teacher.post(f"{at}/dung-lai", {"lan": "1"})).status_code == 403
    with changed_settings(HOCBA_TRUST_DIR=str(tmp_path)):
        assert (await it.post(f"{at}/dung-lai", {"lan": "1"})).status_code == 409
    assert (await it.post(f"{at}/dung-lai", {"lan": "0"})).status_code == 409
    assert (await desk.held(Role.HOMEROOM_TEACHER))[0].status is CredentialStatus.SUSPENDED
    assert (await it.post(f"{at}/dung-lai", {"lan": "1"})).status_code == 303
    assert (await desk.held(Role.HOMEROOM_TEACHER))[0].status is CredentialStatus.ACTIVE


async def test_another_persons_certificate_is_neither_shown_nor_taken(
    desk: Desk, teacher_key: CredentialHandle
) -> None:
    """The provider knows the accounts of all schools; their names and serials are nobody's business here."""
    it, principal = await desk.browser(Role.IT_TEACHER), desk.page_of(Role.PRINCIPAL)
    await it.get(ALL)  # what was told about the certificate of before is read
    found = await it.post(f"{principal}/tim", {"nha_cung_cap": SANDBOX, "tai_khoan": "gv"})
    assert "không phải “Cô Hiệu trưởng”" in found.text
    assert sha256_hex(teacher_key.certificate) not in found.text
    assert TEACHER_NAME.upper() not in found.text
    refused = await it.post(f"{principal}/dang-ky", chosen("gv", teacher_key))
    assert refused.status_code == 409
    assert await desk.held(Role.PRINCIPAL) == []
    owner = desk.page_of(Role.OWNER)  # who signs nothing
    assert (await it.post(f"{owner}/tim", chosen("gv", teacher_key))).status_code == 409
    async with tenant_session(desk.school.tenant_id, read_only=True) as session:
        query = text("select action, outcome from audit_event where subject_id = :one order by at")
        told = await session.execute(query, {"one": desk.school.staff[Role.PRINCIPAL]})
    assert [tuple(one) for one in told if "credential" in one.action] == [
        ("signing.credential.seek", "done"),
        ("signing.credential.seek", "done"),
        ("signing.credential.enrol", "refused"),
    ]


async def test_a_signer_stops_their_own_and_whoever_keeps_the_seal_the_seal(desk: Desk) -> None:
    seal, own = await desk.give(None), await desk.give(Role.HOMEROOM_TEACHER)
    why = {"lan": "0", "ly_do": "Mất điện thoại"}
    clerk, teacher = await desk.browser(Role.CLERK), await desk.browser(Role.HOMEROOM_TEACHER)
    assert SEAL not in (await teacher.get(ALL)).text
    for browser, path, another in ((teacher, SEAL, seal), (clerk, desk.page_of(Role.HOMEROOM_TEACHER), own)):
        assert (await browser.get(path)).status_code == 403
        assert (await browser.get(f"{ALL}/so/{another.id}")).status_code == 403
        assert (await browser.post(f"{ALL}/so/{another.id}/tam-dung", why)).status_code == 403
    assert (await clerk.post(f"{ALL}/so/{seal.id}/tam-dung", why)).status_code == 303
    assert (await desk.held(None))[0].status is CredentialStatus.SUSPENDED


async def test_the_seal_comes_rests_and_ends_by_two_people(desk: Desk, signing: SigningService) -> None:
    it, first = await desk.browser(Role.IT_TEACHER), await desk.give(None)
    key = signing.enrol("dau", SCHOOL_NAME.upper(), "seal", "0100000000")
    assert (await it.post(f"{SEAL}/dang-ky", chosen("dau", key))).status_code == 303
    assert (await desk.held(None))[0].id == first.id
    [request] = await desk.waiting()
    digest = sha256_hex(key.certificate)
    assert request.facts == {"holder": "", "provider": SANDBOX, "account": "dau", "sha256": digest}
    assert digest in request.told
    assert "Rút lại đề nghị" in (await it.get(SEAL)).text
    assert (await desk.approve()).status_code == 303
    seal, replaced = (await desk.held(None))[:2]
    assert (seal.certificate, seal.status) == (key.certificate, CredentialStatus.ACTIVE)
    assert (replaced.id, replaced.status) == (first.id, CredentialStatus.RETIRING)

    at, why = f"{ALL}/so/{seal.id}", {"ly_do": "Nghi lộ mã"}
    await it.post(f"{at}/tam-dung", why | {"lan": "0"})
    assert (await it.post(f"{at}/dung-lai", why | {"lan": "1"})).status_code == 303
    assert (await desk.held(None))[0].status is CredentialStatus.SUSPENDED
    assert (await desk.approve()).status_code == 303
    assert (await desk.held(None))[0].status is CredentialStatus.ACTIVE

    assert (await it.post(f"{at}/thu-hoi", why)).status_code == 303
    assert (await desk.held(None))[0].status is CredentialStatus.ACTIVE
    assert (await desk.approve(Role.OWNER)).status_code == 303
    assert (await desk.held(None))[0].status is CredentialStatus.REVOKED
    with pytest.raises(Conflict, match="đã bị thu hồi"):
        await desk.give(None, key.certificate)


async def test_what_is_not_as_it_was_asked_for_is_not_done(desk: Desk, signing: SigningService) -> None:
    """Revoked by its authority between request and approval: the request waits on, the seal is what it was."""
    it, seal = await desk.browser(Role.IT_TEACHER), await desk.give(None)
    late = signing.enrol("dau-muon", SCHOOL_NAME, "seal", "0100000000")
    await it.post(f"{SEAL}/dang-ky", chosen("dau-muon", late))
    signing.post("/sandbox/revoke", {"credentialID": late.credential_id})
    refused = await desk.approve()
    assert refused.status_code == 409
    assert "Không dùng được" in refused.text
    assert (await desk.held(None))[0].id == seal.id
    [request] = await desk.waiting()
    await it.post(f"{ALL}/de-nghi/{request.id}/rut-lai")
    assert await desk.waiting() == []


async def test_the_database_keeps_what_was_taken_over(desk: Desk) -> None:
    """The application's role writes the status; and of each holder one certificate alone is active."""
    await desk.give(Role.PRINCIPAL)
    await desk.give(Role.PRINCIPAL)
    for statement, refusal in (
        ("update credential set certificate = ''", "permission denied"),
        ("update credential set staff_id = null", "permission denied"),
        ("update credential set account = 'khac'", "permission denied"),
        ("delete from credential", "permission denied"),
        ("update credential set status = 'active' where status = 'retiring'", "uq_credential_active"),
    ):
        with pytest.raises(DBAPIError, match=refusal):
            async with tenant_session(desk.school.tenant_id) as session:
                await session.execute(text(statement))


async def test_a_page_that_is_stale_changes_nothing(desk: Desk) -> None:
    own = await desk.give(Role.PRINCIPAL)
    it = await desk.browser(Role.IT_TEACHER)
    at, form = f"{ALL}/so/{own.id}/tam-dung", {"lan": "0", "ly_do": "Nghỉ"}
    answers = [await it.post(at, form), await it.post(at, form)]
    assert [one.status_code for one in answers] == [303, 409]
