"""Ports: set, remembered or free; a wrong or taken one gives one sentence."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded import ports
from infra.embedded.errors import StartRefused


@pytest.fixture
def taken() -> Iterator[int]:
    """A loopback port on which somebody listens."""
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def test_free_ports_differ_and_are_remembered(memory: Path) -> None:
    names = ("postgres", "valkey", "s3", "web")
    first = ports.choose(names, memory, {}, print)
    assert len(set(first.values())) == len(names)
    assert ports.choose(names, memory, {}, print) == first


def test_a_remembered_port_that_is_taken_now_is_replaced_and_said_so(memory: Path, taken: int) -> None:
    memory.write_text(f'{{"web": {taken}}}')
    said: list[str] = []
    now = ports.choose(["web"], memory, {}, said.append)["web"]
    assert said == [f"Cổng {taken} của web ở lần chạy trước đã bị chiếm; dùng cổng {now}."]
    assert now != taken


def test_the_environment_decides(memory: Path) -> None:
    free = ports.choose(["valkey"], memory, {}, print)["valkey"]
    assert ports.choose(["postgres"], memory, {"HOCBA_PORT_POSTGRES": str(free)}, print) == {"postgres": free}


def test_a_taken_port_of_the_environment_is_named(memory: Path, taken: int) -> None:
    with pytest.raises(StartRefused) as refusal:
        ports.choose(["s3"], memory, {"HOCBA_PORT_S3": str(taken)}, print)
    message = str(refusal.value)
    assert message.startswith(f"Cổng {taken} (HOCBA_PORT_S3) đang được dùng")
    assert "\n" not in message


def test_one_port_cannot_serve_two(memory: Path) -> None:
    free = str(ports.choose(["web"], memory, {}, print)["web"])
    with pytest.raises(
        StartRefused, match=rf"^HOCBA_PORT_S3={free} trùng với cổng của web \(HOCBA_PORT_WEB\); "
    ):
        ports.choose(["web", "s3"], memory, {"HOCBA_PORT_WEB": free, "HOCBA_PORT_S3": free}, print)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "abc", "80.5", "٣٣٣٣"])
def test_what_is_no_port_is_refused(memory: Path, text: str) -> None:
    with pytest.raises(StartRefused, match="không phải số cổng"):
        ports.choose(["web"], memory, {"HOCBA_PORT_WEB": text}, print)


@pytest.mark.parametrize("content", ["", "[]", '{"web": "x"}', '{"web": 99999}', "{"])
def test_a_damaged_memory_is_forgotten(memory: Path, content: str) -> None:
    memory.write_text(content)
    assert 0 < ports.choose(["web"], memory, {}, print)["web"] < 65536
