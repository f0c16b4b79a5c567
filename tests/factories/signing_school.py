"""A school whose people hold certificates at a real signing service process, and documents that wait for them."""

import itertools
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from backend.core import clock, settings, storage
from backend.core.actor import Actor, StaffId, machine
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.ids import new_id
from backend.records.transcripts.xml_form import build_xml
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER, XML_TARGETS, subject_target
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests import service
from backend.remote_signing.requests.schemas import (
    BatchId,
    BatchProgress,
    ConsentOffer,
    NewRequest,
    NewSigner,
)
from backend.tenants.access.schemas import Verified
from backend.tenants.factors.schemas import Factor
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from tests.factories.snapshots import lower_secondary_snapshot, signed_by_teachers
from tests.fakes.processes import SigningService
from tests.remote_signing.formats.world import SNAPSHOT, canonical, render

TEACHER, PRINCIPAL, SEAL = ROLES = ("homeroom_teacher", "principal", "school_seal")
WHO = {TEACHER: Role.HOMEROOM_TEACHER, PRINCIPAL: Role.PRINCIPAL, SEAL: Role.CLERK}


_numbers = itertools.count(1)


def new_document(subjects: Iterable[str] = ()) -> tuple[bytes, bytes]:
    """A small PDF/A-3a with the three empty signature fields and its XML, unlike any other of this run.

    The XML says that the teachers of these subjects sign.
    """
    code = f"{next(_numbers):032x}"
    page = SNAPSHOT | {"lookup_code": code}
    pdf = service.with_fields(render(page, canonical(page)), ROLES)
    return pdf, build_xml(signed_by_teachers(lower_secondary_snapshot(lookup_code=code), *subjects))


@contextmanager
def settings_for(signing: SigningService, **others: str) -> Iterator[None]:
    """The product talks to this signing service while the block lasts."""
    ours = signing.account("").parameters
    values = {
        "HOCBA_SIGNING_URL": signing.url,
        "HOCBA_SIGNING_CLIENT_ID": ours["client_id"],
        "HOCBA_SIGNING_CLIENT_SECRET": ours["client_secret"],
        "HOCBA_TSA_URL": f"{signing.url}/tsa",
        "HOCBA_TRUST_DIR": str(signing.trust_root.parent),
    }
    with changed_settings(**(values | others)):
        yield


#: What production asks of its settings.
PRODUCTION = {
    "HOCBA_S3_OBJECT_LOCK": "required",
    **{
        f"HOCBA_{name}": "https://example.test"
        for name in ("PUBLIC_URL", "S3_ENDPOINT", "SIGNING_URL", "TSA_URL", "PROVINCE_URL", "GOOGLE_ISSUER")
    },
    "HOCBA_ENTRA_ISSUER": "https://example.test/{tid}",
    "HOCBA_OTHER_ISSUERS": "https://example.test",
    "HOCBA_ROUTE_LIMIT_FACTOR": "1",
    "HOCBA_EGRESS_TUNNELS": "",
}


@contextmanager
def changed_settings(**values: str) -> Iterator[None]:
    """Other HOCBA_* values while the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        settings.get.cache_clear()
        yield
    settings.get.cache_clear()


@dataclass
class SigningSchool:
    """What its people do, one transaction each, as the pages do it."""

    tenant_id: TenantId
    staff: dict[str, StaffId]
    #: subject → who of the staff signs it before everybody else
    teachers: dict[str, str] = field(default_factory=dict)

    async def actor(self, role: str) -> Actor:
        """The person whose turn that role is."""
        async with tenant_session(self.tenant_id, read_only=True) as session:
            return await people.actor_of(session, self.staff[role])

    async def ask(self, count: int, group: str = "Lớp 4A") -> list[uuid.UUID]:
        """Open requests with all three signers, and `teachers` before them, for so many new documents; the subjects."""
        subjects = []
        for number in range(1, count + 1):
            (pdf, xml), subject_id = new_document(self.teachers), uuid.uuid4()
            files = storage.file_of(pdf, "application/pdf"), storage.file_of(xml, "application/xml")
            for data in (pdf, xml):
                await storage.put(self.tenant_id, data)
            async with tenant_session(self.tenant_id) as session:
                await storage.register(session, *files)
                request = NewRequest(
                    subject_id=subject_id,
                    label=f"Học sinh số {number:03}",
                    group=group,
                    sort_key=f"{number:03}",
                    document_sha256=files[0].sha256,
                    xml_sha256=files[1].sha256,
                    signers=(
                        *(
                            NewSigner(
                                role=SUBJECT_TEACHER,
                                staff_id=self.staff[who],
                                name=who,
                                part=f"Môn {code}",
                                signs_pdf=False,
                                xml=(subject_target(code),),
                            )
                            for code, who in self.teachers.items()
                        ),
                        *(
                            NewSigner(
                                role=role, staff_id=self._signer(role), name=role, xml=(XML_TARGETS[role],)
                            )
                            for role in ROLES
                        ),
                    ),
                )
                await service.open_requests(session, [request])
            subjects.append(subject_id)
        return subjects

    async def hire_teacher(self, signing: SigningService, who: str, *codes: str) -> None:
        """One more person, who teaches these subjects, with a certificate."""
        async with tenant_session(self.tenant_id) as session:
            asker, mail = machine(self.tenant_id), f"{who}@truong.example"
            roles = [Role.SUBJECT_TEACHER]
            self.staff[who] = await people.add_staff(session, asker, f"Cô {who}", mail, "", roles)
            await self.equip(signing, session, who, SANDBOX)
        self.teachers |= dict.fromkeys(codes, who)

    async def waiting(self, role: str) -> int:
        """How many documents lie in the tray of that role's person."""
        async with tenant_session(self.tenant_id, read_only=True) as session:
            groups = await service.tray(session, await self.actor(role))
        return sum(group.count for group in groups if group.role == role)

    async def offer(self, role: str, group: str | None = None) -> ConsentOffer:
        """The consent page."""
        async with tenant_session(self.tenant_id, read_only=True) as session:
            return await service.offer(session, await self.actor(role), role, group)

    async def agree(self, offer: ConsentOffer, group: str | None = None) -> BatchId:
        """The button below it."""
        actor = await self.actor(offer.role)
        async with tenant_session(self.tenant_id) as session:
            return await service.consent(
                session, actor, offer.role, group, offer.merkle_root, offer.as_of, proof_for(offer)
            )

    async def consent(self, role: str) -> BatchId:
        """Look at everything and agree."""
        return await self.agree(await self.offer(role))

    async def progress(self, role: str, batch_id: BatchId) -> BatchProgress:
        """What the page of a batch shows its signer."""
        async with tenant_session(self.tenant_id, read_only=True) as session:
            return await service.batch_progress(session, await self.actor(role), batch_id)

    async def equip(
        self,
        signing: SigningService,
        session: TenantSession,
        role: str,
        provider: str,
        auth: str = "app",
        account: str = "",
    ) -> None:
        """The certificate of whoever signs in that role, of an account at a provider that authorises by `auth`."""
        account = account or (role if auth == "app" else f"{role}-{auth}")
        signing.enrol(account, f"Trường {role}", "seal" if role == SEAL else "person", auth=auth)
        [found] = await gateway.credentials_at(provider, account)
        by, holder = machine(self.tenant_id), self._signer(role)
        await credentials.enrol(session, by, found, provider=provider, account=account, staff_id=holder)

    def _signer(self, role: str) -> StaffId | None:
        return None if role == SEAL else self.staff[role]


def proof_for(offer: ConsentOffer) -> Verified:
    """What a signer has just shown for exactly this offer."""
    return Verified(factor=Factor.PASSKEY, at=clock.now(), statement=offer.statement)


async def open_signing_school(
    signing: SigningService, name: str = "Trường Ký Thử", provider: str = SANDBOX, auth: str = "app"
) -> SigningSchool:
    """A new tenant with a homeroom teacher, a principal and a clerk who keeps the seal, each with a certificate.

    The certificates are the same in all these schools: keys take long to make.
    """
    school = SigningSchool(TenantId(new_id()), {})
    await schools.open_school(school.tenant_id, profile_of(school.tenant_id, name))
    async with tenant_session(school.tenant_id) as session:
        asker = machine(school.tenant_id)
        for role in ROLES:
            mail = f"{role}@truong.example"
            school.staff[role] = await people.add_staff(session, asker, f"Cô {role}", mail, "", [WHO[role]])
            await school.equip(signing, session, role, provider, auth)
    return school


def profile_of(tenant_id: uuid.UUID, name: str) -> SchoolProfile:
    """A primary school in Hà Nội; its Ministry code follows from the tenant."""
    return SchoolProfile(
        name=name,
        code=tenant_id.hex[-8:],
        tax_code="0100000000",
        province_code="01",
        province="Hà Nội",
        ward="Phường Thử Nghiệm",
        levels=(SchoolLevel.PRIMARY,),
    )
