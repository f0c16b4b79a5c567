"""A deputy who signs in the principal's place: named in the frozen text, and asked even after the days are over."""

from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.actor import StaffId, machine
from backend.core.errors import Conflict
from backend.records.transcripts import service
from backend.records.transcripts.schemas import SignerRole
from backend.remote_signing.requests import service as signing
from backend.tenants.delegations import service as delegations
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.records.transcripts.conftest import Season


async def test_whom_the_frozen_text_names_is_asked(season: Season) -> None:
    school = season.school
    async with school.session() as session:
        deputy = await people.add_staff(
            session,
            machine(school.tenant_id),
            "Cô Phó Hiệu",
            "phohieu@truong.example",
            "PHÓ HIỆU TRƯỞNG",
            [Role.DEPUTY_PRINCIPAL],
        )
        today = clock.today()
        made = await delegations.delegate(
            session, season.principal, deputy, f"{today}", f"{today + timedelta(days=3)}", "15/QĐ"
        )
    version = (await season.freeze())[0]
    async with school.session() as session:
        snapshot = await service.get_snapshot(session, version.id)
        await delegations.end(session, season.principal, made.id)
    [head] = [one for one in snapshot.signers if one.role is SignerRole.PRINCIPAL]
    assert (head.name, head.title) == ("Cô Phó Hiệu", "KT. HIỆU TRƯỞNG, PHÓ HIỆU TRƯỞNG")
    await season.render(version)
    await season.ask_for_signatures(version)
    async with school.session(read_only=True) as session:
        assert await signing.open_steps_of(session, deputy) == {"Lớp 1A": 1}
        principal = season.principal.staff_id
        assert principal is not None
        assert await signing.open_steps_of(session, principal) == {}


async def test_nobody_signs_under_the_name_of_somebody_else(season: Season) -> None:
    """The principal's title has changed between freezing and signing: the machine asks people, and guesses nobody."""
    school, principal = season.school, season.school.staff["principal"]
    version = (await season.freeze())[0]
    await season.render(version)
    await entitle(season, principal, "PHỤ TRÁCH TRƯỜNG")
    with pytest.raises(Conflict, match=r"Lò Thị An .* người ký là Nghiêm Thế Khải \(HIỆU TRƯỞNG\)"):
        await season.ask_for_signatures(version)
    await entitle(season, principal, "HIỆU TRƯỞNG")
    await season.ask_for_signatures(version)
    async with school.session(read_only=True) as session:
        assert await signing.open_steps_of(session, principal) == {"Lớp 1A": 1}


async def entitle(season: Season, staff_id: StaffId, title: str) -> None:
    """Give somebody another title, as the page of the staff does."""
    async with season.school.session() as session:
        one = await people.get_staff(session, staff_id)
        await people.change_staff(session, season.principal, staff_id, one.full_name, title, one.roles)
