"""The drill: a database is restored to yesterday, and nothing that was issued since is lost, signed again or sent anew.

The older database is a copy that was made on the way; the store, the signing service and the province go on.
"""

import asyncio
import io
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from backend import cli
from backend.core import bucket, clock, http_client, manifests, storage
from backend.core.actor import SignIn, machine
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId
from backend.core.errors import NotFound
from backend.core.settings import Settings
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.restoring import command
from backend.records.copies import service as copies
from backend.records.copies.schemas import CopyKind, IssuedCopyView
from backend.records.evidence import service as evidence
from backend.records.transcripts import flow, life
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, IssuedManifest, Restoring, VersionState, VersionSummary
from backend.records.verification import service as verification
from backend.records.verification.schemas import Standing
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats import verify_command
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests import service as signing_requests
from infra.embedded.stack import EmbeddedStack
from tests.core.site_fixtures import let_go
from tests.factories.machine import Machine
from tests.factories.signing_school import changed_settings, proof_for, settings_for
from tests.factories.small_school import SmallSchool, open_small_school
from tests.fakes.processes import Province, SigningService, start_province, start_signing_service
from tests.records.transcripts.conftest import Season, confirmed_class

SIGNERS = {"homeroom_teacher": "homeroom", "principal": "principal", "school_seal": "clerk"}
#: Databases of this run alone: several may share the servers.
TODAY, YESTERDAY = (f"{name}_{uuid.uuid4().hex[:8]}" for name in ("today", "yesterday"))
DATABASES = ("MIGRATOR", "DISPATCHER", "AUDITOR", "OPERATOR")


@dataclass
class Drill:
    """Three classes: one issued before the copy was made, one on its way then, one frozen only afterwards."""

    school: SmallSchool
    stack: EmbeddedStack
    signing: SigningService
    province: Province

    @contextmanager
    def database(self, name: str) -> Iterator[None]:
        """The product works on that database while the block lasts."""
        roles = {f"HOCBA_DATABASE_{role}_URL": f"hocba_{role.lower()}" for role in DATABASES}
        urls = {"HOCBA_DATABASE_URL": "hocba_app"} | roles
        with changed_settings(**{name_: self.stack.postgres.url(role, name) for name_, role in urls.items()}):
            yield

    async def sign(self) -> None:
        """Everybody consents to all that waits, one after the other, until nothing is left to do."""
        machine = Machine(self.school.tenant_id)
        await machine.rest()
        for role, who in SIGNERS.items():
            async with self.school.session() as session:
                actor = await self.school.actor(session, who)
                offer = await signing_requests.offer(session, actor, role, None)
                await signing_requests.consent(
                    session, actor, role, None, offer.merkle_root, offer.as_of, proof_for(offer)
                )
            await machine.rest()

    async def versions(self) -> dict[uuid.UUID, VersionSummary]:
        """All versions of the school."""
        async with self.school.session(read_only=True) as session:
            found = await transcripts.versions_after(session, None, 100)
        return {one.id: one for one in found}

    async def messages(self) -> dict[tuple[uuid.UUID, str], tuple[str, DeliveryState]]:
        """version and action → id and state of its message."""
        async with self.school.session(read_only=True) as session:
            found = await deliveries.deliveries_after(session, None, 100)
        return {(one.version_id, one.action): (one.message_id, one.state) for one in found}

    async def of_class(self, name: str) -> list[VersionSummary]:
        """The versions of one class, by the pupils' codes."""
        found = [one for one in (await self.versions()).values() if one.class_name == name]
        return sorted(found, key=lambda one: one.student_code)

    async def register(self) -> list[IssuedCopyView]:
        """The register of issued copies."""
        async with self.school.session() as session:
            principal = await self.school.actor(session, "principal")
            return list((await copies.register(session, principal, "", 1)).rows)

    async def handed_over(self) -> set[uuid.UUID]:
        """Versions that another school manages."""
        async with self.school.session(read_only=True) as session:
            versions = await transcripts.versions_after(session, None, 100)
            return {one.id for one in versions if await transcripts.handed_over_at(session, one)}

    async def waiting(self) -> int:
        """Documents that wait for anybody's signature."""
        async with self.school.session(read_only=True) as session:
            return len(await signing_requests.ready_turns(session))

    def outside(self) -> tuple[Any, Any, Any]:
        """What the signing service and the province counted: signatures, messages, repeated messages."""
        ledger = self.province.ledger()
        assert ledger["duplicates"] == []
        assert self.signing.ledger()["signed_more_than_once"] == []
        return self.signing.ledger()["count"], ledger["messages"], ledger["repeats"]

    async def platform_log(self) -> list[bool]:
        """Of each run that the operator's log knows, whether it wrote."""
        owner = await asyncpg.connect(self.stack.postgres.url("hocba_migrator", YESTERDAY))
        rows = await owner.fetch(
            "select details -> 'written' as written from directory.platform_event"
            " where action = 'restoring.forward' and operator = 'Người trực' order by at"
        )
        await owner.close()
        return [row["written"] == "true" for row in rows]

    async def forward(self, *, write: bool) -> tuple[int, list[str]]:
        """`hocba restore-forward` for this school: its status and its lines."""
        out = io.StringIO()
        status = await command.run("Người trực", [self.school.tenant_id], write, out)
        return status, out.getvalue().splitlines()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outside(
    product: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[SigningService, Province]]:
    with (
        start_signing_service(tmp_path_factory.mktemp("signing"), auto_confirm=0.05) as signing,
        start_province(tmp_path_factory.mktemp("province"), processing=0.05) as province,
        settings_for(
            signing,
            HOCBA_PROVINCE_URL=province.url,
            HOCBA_PROVINCE_API_KEY=province.endpoint().secrets["api_key"],
        ),
    ):
        yield signing, province
    await http_client.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def drill(
    embedded_stack: EmbeddedStack, outside: tuple[SigningService, Province]
) -> AsyncIterator[Drill]:
    """The school as it was when the disaster came, and beside it the database of yesterday."""
    signing, province = outside
    await embedded_stack.postgres.create_database(TODAY)
    made = Drill(SmallSchool(uuid.uuid4(), "", uuid.uuid4()), embedded_stack, signing, province)  # type: ignore[arg-type]
    with made.database(TODAY):
        await let_go()
        assert await asyncio.to_thread(cli.main, ["migrate"]) == 0
        made.school = await open_small_school()
        await enrol(made.school, signing)
        early, on_its_way, late = [await confirmed(made.school, name, first) for name, first in CLASSES]
        await early.freeze()
        await made.sign()
        await on_its_way.freeze()
        await Machine(made.school.tenant_id).rest()
        await let_go()
        await embedded_stack.postgres.create_database(YESTERDAY, TODAY)
        await late.freeze()
        await made.sign()
        await lives_on(made)
        yield made
        await let_go()
    for name in (TODAY, YESTERDAY):
        await embedded_stack.postgres.drop_database(name)


async def lives_on(drill: Drill) -> None:
    """Of six issued versions one is copied, one locked, one handed over to another school and one recalled."""
    school = drill.school
    [[copied, _], [locked, handed], [recalled, _]] = [await drill.of_class(name) for name, _ in CLASSES]
    async with school.session() as session:
        principal = await school.actor(session, "principal")
        for typed in COPIES:
            await copies.issue(session, principal, copied.id, uuid.uuid4(), typed)
    async with school.session() as session:
        await flow.advance(session, [locked.id], Deed.LOCK)
        actor = machine(school.tenant_id)
        await transcripts.hand_over(
            session, actor, Deed.TAKE_OVER, handed.student_id, "Trường nhận: Trường Mới"
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "today", lambda: date(2026, 6, 29))
        async with school.session() as session:
            sign_in = SignIn(
                session_id=uuid.uuid4(),
                held="",
                account_id=uuid.uuid4(),
                factor="passkey",
                verified_at=clock.now(),
            )
            assert await life.ask_recall(session, principal, sign_in, recalled.id, WHY) is None
    await Machine(school.tenant_id).rest()


WHY = "Sai điểm Toán học kì hai của em"
STANDS = {
    "locked": Standing.IN_FORCE,
    "transferred_out": Standing.IN_FORCE,
}
COPIES = (
    (CopyKind.COPY.value, "", "Bà Cầm Thị Mẹ, mẹ học sinh", "Nộp hồ sơ nhập học"),
    (CopyKind.COPY.value, "", "Trường Tiểu học Chiềng Mung", "Chuyển trường"),
)
CLASSES = (("1A", 1), ("1B", 11), ("1C", 21))


async def confirmed(school: SmallSchool, name: str, first: int) -> Season:
    async with school.session() as session:
        return await confirmed_class(school, session, name, 1, [f"Lò Thị {name}", f"Cầm Văn {name}"], first)


async def enrol(school: SmallSchool, signing: SigningService) -> None:
    """Certificates of the homeroom teacher, the principal and the school's seal."""
    async with school.session() as session:
        for role, who in SIGNERS.items():
            seal = role == "school_seal"
            signing.enrol(role, role, "seal" if seal else "person")
            [found] = await gateway.credentials_at(SANDBOX, role)
            staff_id = None if seal else school.staff[who]
            asker = machine(school.tenant_id)
            await credentials.enrol(session, asker, found, provider=SANDBOX, account=role, staff_id=staff_id)


async def test_nothing_issued_is_lost_signed_again_or_sent_under_a_new_id(
    drill: Drill, tmp_path: Path
) -> None:
    today, sent, counted = await drill.versions(), await drill.messages(), drill.outside()
    assert Counter(one.state for one in today.values()) == {
        "accepted": 3,
        "locked": 1,
        "recalled": 1,
        "transferred_out": 1,
    }
    assert Counter(state for _, state in sent.values()) == {"accepted": 7}
    register, handed = await drill.register(), await drill.handed_over()
    assert [(one.label, one.recipient, one.sha256 is not None) for one in register] == [
        (f"{number}/{clock.today().year}/BS-HB", COPIES[number - 1][2], True) for number in (2, 1)
    ]
    await let_go()
    with drill.database(YESTERDAY):
        assert (len(await drill.versions()), len(await drill.messages())) == (4, 2)
        assert (await drill.waiting(), await drill.register(), await drill.handed_over()) == (2, [], set())

        status, lines = await drill.forward(write=False)
        assert status == command.DONE, lines
        assert (lines[0].partition(": ")[2], lines[-1]) == (
            "2 học bạ đã có; sẽ đưa 2 học bạ lên đã phát hành hoặc xa hơn, dựng lại 2 học bạ, hỏi cơ quan tiếp nhận về "
            "5 lần gửi, ghi lại 2 bản sao đã cấp.",
            "Chưa ghi gì; chạy lại với --write để ghi.",
        )
        assert (len(await drill.versions()), await drill.waiting(), await drill.register()) == (4, 2, [])

        status, lines = await drill.forward(write=True)
        assert (status, lines[-1]) == (command.DONE, "Xong.")
        assert await drill.waiting() == 0
        assert {state for _, state in (await drill.messages()).values()} == {
            DeliveryState.ACCEPTED,
            DeliveryState.UNKNOWN,
        }
        await Machine(drill.school.tenant_id).rest()

        assert await drill.versions() == today
        assert await drill.messages() == sent
        assert drill.outside() == counted
        assert (await drill.register(), await drill.handed_over()) == (register, handed)
        for version in today.values():
            if version.state == VersionState.RECALLED:
                with pytest.raises(NotFound, match=verification.UNKNOWN_CODE):
                    await verification.check_code(version.lookup_code)
            else:
                answer = await verification.check_code(version.lookup_code)
                stands = STANDS.get(version.state, Standing.ISSUED)
                assert (answer.standing, answer.verdict) == (stands, "valid")
            document = tmp_path / "hoc-ba.pdf"
            document.write_bytes(await storage.get(drill.school.tenant_id, version.signed_sha256 or ""))
            trust = str(drill.signing.trust_root.parent)
            assert await asyncio.to_thread(cli.main, ["verify", str(document), "--trust", trust]) == 0

        status, lines = await drill.forward(write=True)
        assert "6 học bạ đã có; đã đưa 0" in lines[0]
        assert await drill.platform_log() == [False, True, True]
        await Machine(drill.school.tenant_id).rest()
        assert drill.outside() == counted
        await let_go()


async def manifest_of(drill: Drill, class_name: str = "1A") -> IssuedManifest:
    """The manifest of one issued version of the class."""
    of_class = {one.id for one in (await drill.versions()).values() if one.class_name == class_name}
    found = await transcripts.issued_manifests(drill.school.tenant_id)
    return next(one for one in found if one.version_id in of_class)


#: How a manifest lies, and what is said of it.
SAID = {
    "unsigned": "Tệp PDF này không có chữ ký số nào",
    "of another pupil": "tệp đã ký không hợp lệ, hoặc không chứa nội dung mà bản kê nêu",
    "without its file": "kho lưu trữ không còn tệp mà bản kê nêu",
    "without its pupil": "cơ sở dữ liệu chưa có học sinh",
    "without its class": "cơ sở dữ liệu chưa có lớp",
    "frozen again": "đã được chốt lại",
    "another transcript": "đã có học bạ khác",
    "another code": "mã tra cứu hoặc số phiên bản trong nội dung khác bản kê",
    "another number": "mã tra cứu hoặc số phiên bản trong nội dung khác bản kê",
}


@pytest.mark.parametrize("changed", SAID)
async def test_a_manifest_alone_proves_nothing(drill: Drill, changed: str) -> None:
    with drill.database(TODAY):
        true, other = await manifest_of(drill), await manifest_of(drill, "1B")
        lies: dict[str, dict[str, Any]] = {
            "unsigned": {"signed_sha256": true.pdf_sha256},
            "of another pupil": {"signed_sha256": other.signed_sha256},
            "without its file": {"signed_sha256": "0" * 64},
            "without its pupil": {"student_id": uuid.uuid4()},
            "without its class": {"class_id": uuid.uuid4()},
            "frozen again": {},
            "another transcript": {"transcript_id": uuid.uuid4()},
            "another code": {"code_sha256": "0" * 64},
            "another number": {},
        }
        forged = msgspec.structs.replace(
            true,
            version_id=uuid.uuid4(),
            **({"number": 2} if changed != "frozen again" else {}),
            **lies[changed],
        )
        before = await drill.versions()
        async with drill.school.session() as session:
            since = await transcripts.since_issued(drill.school.tenant_id)
            restored = await transcripts.restore(session, forged, since, "Người trực", recall_sent=False)
        assert (restored.found, SAID[changed] in restored.problem) == (Restoring.CONFLICT, True), restored
        assert await drill.versions() == before
        await let_go()


async def test_manifests_name_nobody_and_say_what_the_store_has(drill: Drill) -> None:
    with drill.database(TODAY):
        [version, _] = await drill.of_class("1B")
        prefix = manifests.prefix(drill.school.tenant_id)
        keys = [key for key in bucket.keys(prefix) if str(version.id) in key]
        states = {key.removeprefix(f"{prefix}{version.id}/").partition("-")[0] for key in keys}
        assert states - {"deliveries"} == {"issued", "lock"}
        sent = await deliveries.delivery_manifests(TenantId(drill.school.tenant_id))
        assert version.id in {one.version_id for one in sent}
        for key in keys:
            document = bucket.read_all(key)
            assert key.endswith(f"-{sha256_hex(document)}.json")
            for secret in (version.full_name, version.lookup_code, version.student_code):
                assert secret not in key + document.decode()
        manifest = await manifest_of(drill, "1B")
        named = {manifest.content_sha256, manifest.pdf_sha256, manifest.xml_sha256, manifest.signed_sha256}
        named.add(manifest.signed_xml_sha256)
        assert None not in named
        assert {one.sha256 for one in manifest.files} == named
        await let_go()


async def test_the_issued_xml_is_signed_and_checked_by_anyone(drill: Drill) -> None:
    with drill.database(TODAY):
        for version in (await drill.versions()).values():
            xml = await storage.get(drill.school.tenant_id, version.signed_xml_sha256 or "")
            answer = await verification.check_file(xml)
            pdf = await storage.get(drill.school.tenant_id, version.signed_sha256 or "")
            page = await verification.check_file(pdf)
            assert page.standing is not None
            assert (answer.verdict, answer.standing) == ("valid", page.standing)
            assert {one.role for one in answer.signatures} == set(SIGNERS)
            async with drill.school.session(read_only=True) as session:
                assert await transcripts.digest_of_file(session, version.id, "xml") == sha256_hex(xml)
        await let_go()


async def test_the_evidence_pack_of_an_issued_version_is_checked_offline(
    drill: Drill, tmp_path: Path
) -> None:
    with drill.database(TODAY):
        version = next(iter((await drill.versions()).values()))
        async with drill.school.session() as session:
            actor = await drill.school.actor(session, "principal")
            gathered = await evidence.gather(session, actor, version.id, "Thanh tra")
        path = tmp_path / "goi.zip"
        path.write_bytes(await evidence.pack(drill.school.tenant_id, gathered))
        out = io.StringIO()
        assert verify_command.run(path, drill.signing.trust_root.parent, None, False, out) == 0, (
            out.getvalue()
        )
        await let_go()


async def test_a_school_that_the_older_database_does_not_know_is_named(drill: Drill) -> None:
    with drill.database(TODAY):
        manifest, stranger = await manifest_of(drill), TenantId(uuid.uuid4())
        await manifests.keep(stranger, manifest.version_id, manifest)
        out = io.StringIO()
        assert await command.run("Người trực", [stranger], True, out) == command.IN_THE_WAY
        assert "có 1 học bạ đã phát hành trong kho mà cơ sở dữ liệu không có trường này" in out.getvalue()
        assert stranger in await manifests.schools()
        await let_go()


async def test_a_changed_manifest_is_an_alarm(drill: Drill) -> None:
    with drill.database(TODAY):
        manifest, stranger = await manifest_of(drill), TenantId(uuid.uuid4())
        await manifests.keep(stranger, manifest.version_id, manifest)
        [key] = bucket.keys(manifests.prefix(stranger))
        changed = bucket.read_all(key).replace(b'"number":1', b'"number":2')
        bucket.client().put_object(Bucket="hocba", Key=key, Body=changed)
        out = io.StringIO()
        assert await command.run("Người trực", [stranger], True, out) == command.UNCERTAIN
        assert "không còn đúng nội dung đã ghi" in out.getvalue()
        await let_go()


async def test_a_recall_without_its_reason_is_left_to_people(drill: Drill) -> None:
    with drill.database(TODAY):
        [_, version] = await drill.of_class("1A")
        sent = {one.version_id: one for one in await deliveries.delivery_manifests(drill.school.tenant_id)}[
            version.id
        ]
        recall = msgspec.structs.replace(sent, action="recall", delivery_id=uuid.uuid4(), message_id="r" * 40)
        await manifests.keep(drill.school.tenant_id, recall.version_id, recall)
        before = await drill.versions(), await drill.messages()
        status, lines = await drill.forward(write=True)
        assert status == command.IN_THE_WAY
        assert "6 học bạ đã có" in lines[0]
        assert "hai người có thẩm quyền hãy đề nghị lại" in lines[1]
        assert (await drill.versions(), await drill.messages()) == before
        await let_go()


async def test_a_recall_of_which_the_province_was_not_told_did_not_happen(drill: Drill) -> None:
    """Its manifest is written before the commit, which may have failed."""
    with drill.database(TODAY):
        tenant_id, [version, _] = drill.school.tenant_id, await drill.of_class("1A")
        since = await transcripts.since_issued(tenant_id)
        [asked] = since.recalls.values()
        await manifests.keep(tenant_id, version.id, msgspec.structs.replace(asked, version_id=version.id))
        before = await drill.versions()
        await drill.forward(write=True)
        assert await drill.versions() == before
        assert version.id in (await transcripts.since_issued(tenant_id)).recalls
        await let_go()


async def test_two_copies_of_one_number_are_left_to_people(drill: Drill) -> None:
    with drill.database(TODAY):
        tenant_id = drill.school.tenant_id
        first, *_ = await copies.copy_manifests(tenant_id)
        other = msgspec.structs.replace(first, copy_id=uuid.uuid4())
        await manifests.keep(tenant_id, other.copy_id, other)
        before = await drill.register()
        status, lines = await drill.forward(write=True)
        assert status == command.IN_THE_WAY
        assert any(
            f"Sổ cấp bản sao, {first.label}: số này đã cấp cho một bản sao khác" in line for line in lines
        )
        assert await drill.register() == before
        await let_go()


async def test_a_recall_that_no_message_was_needed_for_is_not_lost(drill: Drill) -> None:
    """As of a school without an Authority: the machine had taken it up, so that it had been committed."""
    with drill.database(TODAY):
        tenant_id, [version, _] = drill.school.tenant_id, await drill.of_class("1A")
        since = await transcripts.since_issued(tenant_id)
        asked = next(iter(since.recalls.values()))
        await manifests.keep(tenant_id, version.id, msgspec.structs.replace(asked, version_id=version.id))
        async with drill.school.session() as session:
            await transcripts.begin_recalls(session, [version.id])
        await drill.forward(write=True)
        assert (await drill.versions())[version.id].state == "recall_requested"
        await let_go()
