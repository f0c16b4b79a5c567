"""Three schools of the platform whose code the operator knows; one has pupils with an issued year, who leave."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text

from backend.core import clock, outbox, settings, storage
from backend.core.actor import Actor
from backend.records.movements import service as movements
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent, StudentId
from backend.records.transfers import queries, service
from backend.records.transfers.schemas import TransferId, TransferState
from backend.remote_signing.requests.events import SigningRequestCompleted
from backend.remote_signing.validation import service as signatures
from backend.tenants.schools import service as schools
from tests.factories.machine import Death, Machine
from tests.factories.offers import vouch_for
from tests.factories.own_keys import complete, issue, sign
from tests.factories.pki import Identity, Pki
from tests.factories.small_school import SmallSchool, open_small_school, pupil
from tests.records.transcripts.conftest import Season, confirmed_class
from tests.remote_signing.formats.world import World, make_world

NAMES = [
    *(
        "Lò Thị An",
        "Cầm Văn Bình",
        "Quàng Thị Chi",
        "Vì Văn Dũng",
        "Hà Thị Én",
        "Lường Văn Giang",
        "Lò Văn Hải",
    ),
    *(
        "Cầm Thị Ích",
        "Tòng Văn Khoa",
        "Lù Thị Lan",
        "Quàng Văn Minh",
        "Sa Thị Nga",
        "Lò Thị Oanh",
        "Vàng Văn Phúc",
        "Lù Văn Quý",
    ),
]


@dataclass
class Schools:
    """The sender with its class, the receiver, a third that has nothing to do with it, and the keys of the signers."""

    season: Season
    receiver: SmallSchool
    third: SmallSchool
    world: World

    @property
    def sender(self) -> SmallSchool:
        return self.season.school

    async def clerk(self, school: SmallSchool) -> Actor:
        """Who keeps the records of pupils there."""
        async with school.session(read_only=True) as session:
            return await school.actor(session, "clerk")

    async def student(self, name: str, school: SmallSchool | None = None) -> StudentId:
        """A pupil by name."""
        async with (school or self.sender).session(read_only=True) as session:
            query = text("select id from student where full_name = :name")
            return StudentId((await session.execute(query, {"name": name})).scalar_one())

    async def leave(self, name: str) -> StudentId:
        """The pupil goes to another school."""
        student_id, clerk = await self.student(name), await self.clerk(self.sender)
        typed = {"trang_thai": "transferred_out", "ngay": clock.today().isoformat(), "ly_do": "Theo đơn"}
        async with self.sender.session() as session:
            await movements.leave(session, clerk, student_id, str(self.season.class_id), typed)
        return student_id

    async def arrive(self, name: str, school: SmallSchool | None = None, **facts: object) -> StudentId:
        """The pupil has a record at the receiver's, too."""
        school = school or self.receiver
        new: NewStudent = pupil(NAMES.index(name) + 1, name, "2A", **facts)
        async with school.session() as session:
            await roster.take_register(session, [new])
        return await self.student(name, school)

    async def code_of(self, school: SmallSchool) -> str:
        async with school.session(read_only=True) as session:
            return (await schools.get_school(session)).code

    async def draft(self, student_id: uuid.UUID, name: str = "Trường Mới", code: str = "") -> TransferId:
        """Name the receiver."""
        clerk = await self.clerk(self.sender)
        async with self.sender.session() as session:
            return await service.draft(session, clerk, student_id, name, code)

    async def state(self, transfer_id: uuid.UUID) -> TransferState:
        async with self.sender.session(read_only=True) as session:
            row = await queries.transfer(session, transfer_id)
        assert row is not None
        return TransferState(row.state)

    async def compiled(self, transfer_id: uuid.UUID, death: Death | None = None) -> None:
        """The machine has made the package and asked for signatures."""

        async def asked() -> bool:
            return await self.state(transfer_id) is TransferState.SIGNING

        await Machine(self.sender.tenant_id, death=death).until(asked)

    async def sealed(self, transfer_id: uuid.UUID, death: Death | None = None) -> bytes:
        """The package on its way through machine and signers until nothing is left to do but to wait for others."""
        await self.compiled(transfer_id)
        async with self.sender.session(read_only=True) as session:
            row = await queries.transfer(session, transfer_id)
        assert row is not None
        assert (row.state, bool(row.package_sha256)) == (TransferState.SIGNING, True)
        document = await storage.get(self.sender.tenant_id, row.package_sha256 or "")
        signed = self.sign(document)
        request_id = await complete(self.sender, transfer_id, signed)
        async with self.sender.session() as session:
            await outbox.emit(session, SigningRequestCompleted(request_id))
        machine = Machine(self.sender.tenant_id, death=death)

        async def settled() -> bool:
            """Offered, or nothing left to do: what waits for an answer is always there again."""
            if await self.state(transfer_id) in (TransferState.OFFERED, TransferState.CANCELLED):
                return True
            ready = await self.state(transfer_id) == TransferState.READY
            return ready and not await machine.round() and not await machine.left()

        await machine.until(settled)
        return signed

    def sign(self, document: bytes, seal: Identity | None = None) -> bytes:
        """Head and seal sign a package."""
        world = replace(self.world, seal=seal or self.world.seal)
        document = world.sign(document, "principal", world.principal, first=True)
        return world.add_material(world.sign(document, "school_seal", world.seal))


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def three(product: settings.Settings) -> AsyncIterator[Schools]:
    # A root of its own name: that of other tests stays trusted, or not, as they want it.
    world = make_world(Pki("CHUYEN HOC BA THU NGHIEM"))
    anchor = Path(product.trust_dir) / "test-transfers.pem"
    anchor.parent.mkdir(parents=True, exist_ok=True)
    anchor.write_bytes(world.pki.root.pem)
    signatures._read.cache_clear()
    sender = await open_small_school("Trường Tiểu học Gửi Đi")
    async with sender.session() as session:
        season = await confirmed_class(sender, session, names=NAMES)
    for version in await season.freeze():
        await season.render(version)
        await issue(season, version, sign(world, await season.ask_for_signatures(version)))
    receiver, third = [await open_small_school(name) for name in ("Trường Nhận Về", "Trường Thứ Ba")]
    for school in (sender, receiver, third):
        async with school.session() as session:
            if school is not sender:
                await school.open_class(session, "2A", 2)
        await vouch_for(school.tenant_id)
        await Machine(school.tenant_id).forget()
    yield Schools(season, receiver, third, world)
    anchor.unlink()
    signatures._read.cache_clear()
