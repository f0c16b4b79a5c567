"""What only SFTP can get wrong: the host, the key, files that are half there."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.channels.sftp import SftpChannel
from backend.integrations.profiles import catalog
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.channels.test_matrix import SCHOOL, message_of

PROFILE = catalog.path_of("vn.sftp.hocba/1")


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    with start_province(tmp_path_factory.mktemp("sftp"), PROFILE, processing=0.05) as running:
        yield running


def files(province: Province) -> list[Path]:
    return [path for path in (province.directory / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize("fingerprint", ["#SHA256:" + "a" * 43, "#", ""])
async def test_a_host_with_another_key_gets_nothing(province: Province, fingerprint: str) -> None:
    before = files(province)
    address = province.endpoint().base_url.partition("#")[0] + fingerprint
    other = msgspec.structs.replace(province.endpoint(), base_url=address)
    result = await SftpChannel().send(other, message_of("submit", uuid.uuid4().hex))
    assert isinstance(result, port.NotSent)
    assert result.needs_person
    assert "không có đúng khóa đã đăng ký" in result.reason
    assert files(province) == before


@pytest.mark.parametrize(
    "secret", ["", "sai", "AAAA", "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
)
async def test_a_key_that_is_none_or_another_waits_for_a_person(province: Province, secret: str) -> None:
    other = msgspec.structs.replace(province.endpoint(), secrets={"private_key": secret})
    result = await SftpChannel().send(other, message_of("submit", uuid.uuid4().hex))
    assert isinstance(result, port.NotSent)
    assert result.needs_person
    assert "từ chối khóa kết nối" in result.reason


async def test_a_message_has_its_name_only_when_it_is_whole(province: Province) -> None:
    message = message_of("submit", uuid.uuid4().hex)
    result = await SftpChannel().send(province.endpoint(), message)
    assert isinstance(result, port.Received)
    assert result.authority_id == f"/den/{message.message_id}.xml"
    [path] = [one for one in files(province) if message.message_id in one.name]
    assert path.name == f"{message.message_id}.xml"
    assert path.read_bytes() == result.evidence.sent


async def test_an_answer_without_end_is_unknown(province: Province) -> None:
    message, endpoint = message_of("submit", uuid.uuid4().hex), province.endpoint()
    small = msgspec.structs.replace(endpoint.profile.transport, max_answer=10)
    narrow = msgspec.structs.replace(
        endpoint, profile=msgspec.structs.replace(endpoint.profile, transport=small)
    )
    assert isinstance(await SftpChannel().send(narrow, message), port.Received)
    for _ in range(100):
        answer = await SftpChannel().query(narrow, message.message_id, SCHOOL)
        if not isinstance(answer, port.Processing):
            break
    assert isinstance(answer, port.Unknown)
    assert isinstance(await SftpChannel().query(endpoint, message.message_id, SCHOOL), port.Accepted)


async def test_nobody_there_is_not_sent(province: Province) -> None:
    nobody = msgspec.structs.replace(province.endpoint(), base_url="sftp://127.0.0.1:9#SHA256:" + "a" * 43)
    result = await SftpChannel().send(nobody, message_of("submit", uuid.uuid4().hex))
    assert isinstance(result, port.NotSent)
    assert not result.needs_person
    assert isinstance(await SftpChannel().query(nobody, SCHOOL + "0" * 32, SCHOOL), port.Unknown)
