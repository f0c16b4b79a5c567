"""The list of what an Authority has, over every wire that has one, from a real process; what is not whole is no list."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from backend.integrations.deliveries.channels import lists
from tests.factories.editions import newest, profile_of
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.channels.test_matrix import SCHOOL, carry, message_of

LISTING = [path for path in newest() if profile_of(path).reconcile is not None]


@pytest.fixture(scope="module", params=LISTING, ids=lambda path: path.stem)
def province(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    path: Path = request.param
    with start_province(tmp_path_factory.mktemp("list"), path, processing=0.0) as running:
        yield running


def test_every_transport_but_a_portal_has_a_profile_with_a_list() -> None:
    assert {profile_of(path).transport.kind for path in LISTING} == {"rest", "soap", "sftp"}
    assert "vn.ha-noi.hocba.2" in {path.stem for path in LISTING}


async def test_what_was_accepted_is_listed_and_nothing_is_concluded_from_less(province: Province) -> None:
    endpoint = province.endpoint()
    empty = await lists.fetch(endpoint, SCHOOL)
    assert (empty.problem, empty.items) == (None, ())
    sent = [message_of("submit", uuid.uuid4().hex) for _ in range(2)]
    for message in sent:
        await carry(province, message)
    fetched = await lists.fetch(endpoint, SCHOOL)
    assert fetched.problem is None
    assert len(fetched.pages) == 1
    known = {one.message_id: (one.lookup_code, one.version, one.sha256, one.state) for one in fetched.items}
    assert known == {one.message_id: (one.lookup_code, "1", one.sha256, "accepted") for one in sent}
    other = await lists.fetch(endpoint, "0" * len(SCHOOL))
    assert (other.problem, other.items) == (None, ())
    province.fault("list_short")
    assert (await lists.fetch(endpoint, SCHOOL)).problem == "unreadable"
    province.fault("html_200")
    assert (await lists.fetch(endpoint, SCHOOL)).problem == "unreadable"
    province.fault("drop_after_accept")
    assert (await lists.fetch(endpoint, SCHOOL)).problem == "unreached"
    province.clear_faults()


async def test_who_is_not_known_there_is_told_so_and_gets_no_list(province: Province) -> None:
    endpoint = province.endpoint()
    if province.profile.transport.kind == "sftp":
        other = dict.fromkeys(endpoint.secrets, "bm8ga2V5")
    else:
        other = dict.fromkeys(endpoint.secrets, "khong-dung")
    fetched = await lists.fetch(msgspec.structs.replace(endpoint, secrets=other), SCHOOL)
    assert (fetched.problem, fetched.pages) == ("refused", ())
