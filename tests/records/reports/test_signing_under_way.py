"""Whoever has consented reads on the home page how far the batch is, not that everything is done."""

from backend.core.database import tenant_session
from backend.records.reports import service
from tests.factories.machine import Machine
from tests.factories.signing_school import TEACHER, SigningSchool
from tests.remote_signing.conftest import school, signing, signing_process

__all__ = ["school", "signing", "signing_process"]


async def test_a_batch_under_way_is_the_next_thing_until_it_has_ended(school: SigningSchool) -> None:
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    actor = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        step = (await service.board(session, actor)).next_step
    assert step is not None
    assert (step.title, step.url) == ("Lô 2 học bạ của bạn đang được ký: xong 0", f"/ky/lo/{batch_id}")
    await Machine(school.tenant_id).rest()
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert (await service.board(session, actor)).next_step is None
