"""Who is asked to sign: whom the frozen text names, also after a deputy's days or a handover of the class."""

from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.actor import StaffId, machine
from backend.core.errors import Conflict
from backend.records.duties import service as duties
from backend.records.roster.schemas import HOMEROOM
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


async def test_a_class_that_was_handed_over_is_signed_by_whom_the_form_names(season: Season) -> None:
    """Given to another, given to nobody, and then the frozen name is gone from the school and comes back."""
    school = season.school
    homeroom, stranger = school.staff["homeroom"], school.staff["stranger"]
    first, second, third = await season.freeze()
    for version in (first, second, third):
        await season.render(version)
    await lead(season, homeroom, stranger)
    await season.ask_for_signatures(first)
    await lead(season, stranger, None)
    await season.ask_for_signatures(second)
    async with school.session(read_only=True) as session:
        assert await signing.open_steps_of(session, homeroom) == {"Lớp 1A": 2}
        assert await signing.open_steps_of(session, stranger) == {}
        assert await signing.tray(session, await school.actor(session, "clerk")) == []
    for name, role in (("Đinh Thị Thu", Role.HOMEROOM_TEACHER), ("Đinh Thị Hoài Thu", Role.IT_TEACHER)):
        await rename(season, homeroom, name, role)
        with pytest.raises(Conflict, match=r"Quàng Thị Chi .* người ký là Đinh Thị Hoài Thu .* không còn ai"):
            await season.ask_for_signatures(third)
    for person in (homeroom, stranger):
        await rename(season, person, "Đinh Thị Hoài Thu", Role.HOMEROOM_TEACHER)
    with pytest.raises(Conflict, match="2 người cùng tên ấy"):
        await season.ask_for_signatures(third)
    await lead(season, None, homeroom)
    await season.ask_for_signatures(third)
    async with school.session(read_only=True) as session:
        assert await signing.open_steps_of(session, homeroom) == {"Lớp 1A": 3}


async def lead(season: Season, old: StaffId | None, new: StaffId | None) -> None:
    """Give the class from one to another, as the page of duties does."""
    key = f"{season.class_id}.{HOMEROOM}"
    async with season.school.session() as session:
        typed = {f"cu.{key}": str(old or ""), f"moi.{key}": str(new or "")}
        assert await duties.change_class(session, season.principal, season.class_id, typed) == 1


async def rename(season: Season, staff_id: StaffId, name: str, *roles: Role) -> None:
    """Another name in the list of the staff, and other roles where some are named."""
    async with season.school.session() as session:
        one = await people.get_staff(session, staff_id)
        await people.change_staff(session, season.principal, staff_id, name, one.title, roles or one.roles)
