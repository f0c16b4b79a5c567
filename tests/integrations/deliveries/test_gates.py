"""When nothing goes: quiet hours, an Authority that does not answer, more than it takes in a minute."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.clock import VIETNAM
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BoundAuthority
from backend.integrations.deliveries import gates, rules, service
from backend.integrations.deliveries.channels.port import Evidence, Unknown
from backend.integrations.deliveries.gate_rules import Flow, Gate, Try, gate, quiet_until
from backend.integrations.profiles.schemas import Breaker, Limits, Quiet
from backend.records.roster import service as roster
from tests.core.site_fixtures import product
from tests.factories.issued_versions import issue, issue_next, open_delivering_school
from tests.factories.machine import Machine
from tests.integrations.deliveries.conftest import begin_sending

__all__ = ["product"]

NOW = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)  # noon in Vietnam
BREAKER = Breaker(failures=3, pause=60)


@pytest.mark.parametrize(
    ("hours", "at", "wanted"),
    [
        ([("22:00", "05:30")], "12:00", None),
        ([("22:00", "05:30")], "22:00", "05:30"),
        ([("22:00", "05:30")], "02:00", "05:30"),
        ([("22:00", "05:30")], "05:30", None),
        ([("11:30", "13:00"), ("22:00", "05:00")], "12:00", "13:00"),
        ([("00:00", "00:00")], "12:00", "00:00"),
        ([], "12:00", None),
    ],
)
def test_quiet_hours_are_those_of_vietnam(hours: list[tuple[str, str]], at: str, wanted: str | None) -> None:
    now = datetime.fromisoformat(f"2026-06-01T{at}:00+07:00").astimezone(UTC)
    found = quiet_until([Quiet(begins=begins, ends=ends) for begins, ends in hours], now, VIETNAM)
    assert (found and found.strftime("%H:%M")) == wanted
    assert found is None or found > now


def tries(*outcomes: str | None, ago: float = 10) -> list[Try]:
    """The newest first; one that is under way has no end."""
    ended = NOW - timedelta(seconds=ago)
    return [Try(ended, ended if one else None, one) for one in outcomes]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([], Gate(Flow.CLOSED)),
        (tries("unknown", "notsent"), Gate(Flow.CLOSED)),
        (tries("unknown", "notsent", "received"), Gate(Flow.CLOSED)),
        (tries("rejected", "unknown", "unknown", "unknown"), Gate(Flow.CLOSED)),
        (tries("unknown", "notsent", "unknown"), Gate(Flow.OPEN, 0, NOW + timedelta(seconds=50))),
        (tries("unknown", "notsent", "unknown", ago=61), Gate(Flow.PROBING, 1, NOW + timedelta(seconds=5))),
        (
            tries(None, ago=1) + tries("unknown", "notsent", "unknown", ago=61),
            Gate(Flow.PROBING, 0, NOW + timedelta(seconds=5)),
        ),
        (tries("received", ago=1) + tries("unknown", "notsent", "unknown", ago=61), Gate(Flow.CLOSED)),
        # A try that was cut off long ago is a failed one, and no probe.
        (tries(None, "unknown", "unknown", ago=600), Gate(Flow.PROBING, 1, NOW + timedelta(seconds=5))),
    ],
)
def test_after_too_many_without_an_answer_one_goes_ahead(found: list[Try], wanted: Gate) -> None:
    assert gate(found, BREAKER, NOW) == wanted


@pytest_asyncio.fixture(loop_scope="session")
async def school(product: settings.Settings) -> AsyncIterator[TenantId]:
    yield await open_delivering_school()


class Bound:
    """The limits of the sandbox, as a test wants them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.limits, self.grades = Limits(breaker=BREAKER), tuple[int, ...]()
        authority_of = authorities.authority_of

        async def limited(session: TenantSession, profile_id: str) -> BoundAuthority:
            found = await authority_of(session, profile_id)
            limited = {"limits": self.limits, "grades": self.grades}
            profile = msgspec.structs.replace(found.endpoint.profile, **limited)
            endpoint = msgspec.structs.replace(found.endpoint, profile=profile)
            return msgspec.structs.replace(found, endpoint=endpoint)

        patch.setattr(authorities, "authority_of", limited)


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Bound:
    return Bound(monkeypatch)


async def queued(school: TenantId, number: int) -> list[uuid.UUID]:
    versions = await issue(school, number)
    async with tenant_session(school) as session:
        await service.open_deliveries(session, versions)
        return [(await service.of_version(session, one))[0].id for one in versions]


async def failed(school: TenantId, delivery_id: uuid.UUID, number: int, seconds_ago: float) -> None:
    """So many tries without an answer, of which the last ended then."""
    async with tenant_session(school) as session:
        for one in range(number):
            await session.execute(
                text(
                    "insert into delivery_attempt (tenant_id, id, delivery_id, number, started_at, ended_at, outcome)"
                    " values (:tenant, gen_random_uuid(), :delivery, :number, :at, :at, 'unknown')"
                ),
                {
                    "tenant": school,
                    "delivery": delivery_id,
                    "number": one + 1,
                    "at": clock.now() - timedelta(seconds=seconds_ago),
                },
            )


async def begin(school: TenantId, deliveries: list[uuid.UUID]) -> list[uuid.UUID]:
    async with tenant_session(school) as session:
        return [one.delivery_id for one in await begin_sending(session, deliveries)]


async def reasons(school: TenantId, deliveries: list[uuid.UUID]) -> list[tuple[str, str | None]]:
    async with tenant_session(school) as session:
        found = [(await service.get_delivery(session, one))[0] for one in deliveries]
    return [(one.state.value, one.reason) for one in found]


async def waiting(school: TenantId) -> list[tuple[int, int]]:
    """Jobs that send: how many subjects, in how many seconds."""
    async with tenant_session(school) as session:
        rows = await session.execute(
            text(
                "select cardinality(subject_ids) as subjects, extract(epoch from next_at - now()) as seconds"
                " from work.job where kind = :kind and next_at > now() order by next_at"
            ),
            {"kind": rules.SEND},
        )
        return [(row.subjects, round(row.seconds)) for row in rows]


async def test_an_authority_that_does_not_answer_is_left_alone_then_probed_once(
    school: TenantId, bound: Bound
) -> None:
    deliveries = await queued(school, 4)
    await failed(school, deliveries[0], 3, seconds_ago=10)
    assert await begin(school, deliveries) == []
    told = await reasons(school, deliveries)
    assert {state for state, _ in told} == {"validated"}
    assert all(reason and "tạm dừng gửi và thử lại lúc" in reason for _, reason in told)
    [(subjects, seconds)] = await waiting(school)
    assert (subjects, 40 <= seconds <= 50) == (4, True)
    async with tenant_session(school) as session:
        profile = (await authorities.authority_of(session, "vn.sandbox.hocba/2")).endpoint.profile
        assert "tạm dừng gửi" in await service.why_waiting(session, profile)
    # The pause is over: of two workers that look at the same time one sends one message.
    async with tenant_session(school) as session:
        await session.execute(text("update delivery_attempt set ended_at = ended_at - interval '2 min'"))
    gone = await asyncio.gather(begin(school, deliveries[:2]), begin(school, deliveries[2:]))
    assert sorted(len(one) for one in gone) == [0, 1]
    assert await begin(school, deliveries) == []
    # It answers: everything goes again.
    async with tenant_session(school) as session:
        await session.execute(
            text("update delivery_attempt set ended_at = now(), outcome = 'received' where ended_at is null")
        )
    assert len(await begin(school, [one for one in deliveries if one not in (*gone[0], *gone[1])])) == 3


async def test_at_quiet_hours_nothing_goes(school: TenantId, bound: Bound) -> None:
    deliveries = await queued(school, 2)
    local = clock.now().astimezone(VIETNAM)
    ends = local + timedelta(hours=2)
    hours = Quiet(begins=(local - timedelta(hours=1)).strftime("%H:%M"), ends=ends.strftime("%H:%M"))
    bound.limits = Limits(quiet=(hours,))
    assert [state for state, _ in await reasons(school, deliveries)] == ["draft"] * 2
    assert await begin(school, deliveries) == []
    [(state, reason), _] = await reasons(school, deliveries)
    assert state == "validated", "its message is made, and waits for the Authority's hours"
    assert reason is not None
    assert reason.startswith(f"Ngoài giờ nhận của cơ quan tiếp nhận; hệ thống gửi tiếp lúc {ends:%H:%M}")
    [(subjects, seconds)] = await waiting(school)
    assert subjects == 2
    assert 7000 <= seconds <= 7200
    bound.limits = Limits()
    assert len(await begin(school, deliveries)) == 2


async def test_a_message_that_cannot_be_made_waits_for_a_person_and_was_never_tried(
    school: TenantId, bound: Bound
) -> None:
    bound.grades = (12,)
    deliveries = await queued(school, 1)
    await Machine(school).rest()
    [(state, reason)] = await reasons(school, deliveries)
    assert (state, "không nhận học bạ của khối lớp này" in (reason or "")) == ("parked", True)
    async with tenant_session(school) as session:
        assert (await service.get_delivery(session, deliveries[0]))[1] == []


async def test_all_schools_together_send_no_more_than_the_authority_takes(
    bound: Bound, school: TenantId
) -> None:
    bound.limits = Limits(per_minute=6 * 4)
    other = await open_delivering_school("Trường Khác")
    first, second = await queued(school, 4), await queued(other, 4)
    assert len(await begin(school, first)) == 4
    assert await begin(other, second) == []
    [(_, reason), *_] = await reasons(other, second)
    assert reason is not None
    assert "Đang chờ lượt" in reason
    [(subjects, seconds)] = await waiting(other)
    assert subjects == 4
    assert 1 <= seconds <= 60


async def test_what_one_school_finds_silent_the_others_leave_alone_and_one_answer_opens_it(
    bound: Bound, school: TenantId
) -> None:
    bound.limits = Limits(breaker=Breaker(failures=3, pause=600))
    other = await open_delivering_school("Trường Khác")
    deliveries = await queued(other, 2)
    async with tenant_session(other) as session:
        profile = (await authorities.authority_of(session, "vn.sandbox.hocba/2")).endpoint.profile
    now = clock.now()
    nothing = Evidence(target="", started_at=now, ended_at=now, sent=b"", received=b"", status=None)
    silent, refused = Unknown(reason="", evidence=nothing), Unknown(reason="", evidence=nothing, refused=True)
    try:
        await gates.note(school, [(profile, silent)] * 5)
        async with tenant_session(other) as session:
            assert await service.why_waiting(session, profile) == ""
        await gates.note(uuid.uuid4(), [(profile, silent)])
        assert await begin(other, deliveries) == []
        assert all("tạm dừng gửi" in (reason or "") for _, reason in await reasons(other, deliveries))
        # A key that is refused is an answer.
        await gates.note(school, [(profile, refused)])
        assert len(await begin(other, deliveries)) == 2
        # The pause is over: one school tries, with one message.
        bound.limits = Limits(breaker=Breaker(failures=3, pause=0.1))
        for one in (school, other):
            await gates.note(one, [(profile, silent)] * 2)
        await asyncio.sleep(0.2)
        fresh, more = await queued(other, 2), await queued(school, 2)
        assert [len(await begin(other, fresh)), len(await begin(school, more))] == [1, 0]
    finally:
        await gates.note(school, [(profile, refused)])


async def test_what_comes_before_goes_before(school: TenantId, bound: Bound) -> None:
    [first] = await issue(school, 1)
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [first])
        await session.execute(text("update transcript_version set state = 'recalled'"))
    second = await issue_next(school, first)
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [second])
        ids: list[uuid.UUID] = [(await service.of_version(session, one))[0].id for one in (second, first)]
    # In whichever order they come, also in one job: the later one waits.
    assert await begin(school, ids) == [ids[1]]
    [(state, reason), _] = await reasons(school, ids)
    assert (state, "học bạ trước đó của cùng học sinh" in (reason or "")) == ("queued", True)
    [(subjects, seconds)] = await waiting(school)
    assert (subjects, 4 <= seconds <= 10) == (1, True)
    for answer in ("unknown", "received"):
        async with tenant_session(school) as session:
            query = text("update delivery set state = :state where id = :id")
            await session.execute(query, {"state": answer, "id": ids[1]})
        assert await begin(school, ids[:1]) == []
    async with tenant_session(school) as session:
        await service.park(session, ids[1], "Sở từ chối khóa kết nối.")
    assert await begin(school, ids[:1]) == [ids[0]]


async def test_an_earlier_year_goes_before_a_later_one(school: TenantId, bound: Bound) -> None:
    [later] = await issue(school, 1)
    earlier = uuid.uuid4()
    async with tenant_session(school) as session:
        year_id = await roster.open_year(session, "2024-2025", date(2024, 9, 5), date(2025, 5, 31))
        await session.execute(
            text(
                "insert into transcript_version select (jsonb_populate_record(v, jsonb_build_object("
                "'id', cast(:id as text), 'academic_year_id', cast(:year as text)))).* "
                "from transcript_version v where id = :later"
            ),
            {"year": str(year_id), "id": str(earlier), "later": later},
        )
        await service.open_deliveries(session, [later, earlier])
        ids: list[uuid.UUID] = [(await service.of_version(session, one))[0].id for one in (later, earlier)]
    assert await begin(school, ids) == [ids[1]]
    assert await begin(school, ids[:1]) == []
