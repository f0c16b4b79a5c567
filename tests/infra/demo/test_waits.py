"""A demo that waits for words which a page does not say any more ends, and says for which."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from backend.records.transcripts.rules import STATE_NAMES
from backend.records.transcripts.schemas import ENDED, VersionState
from infra.demo import tray, waits
from infra.demo.visitor import Refused, Visitor
from infra.demo.waits import ON_ITS_WAY, Watch, in_classes, until
from tests.infra.demo.test_visitor import PAGE, stranger

BATCH = "/ky/lo/0f1e2d3c-0000-4000-8000-000000000001"
#: A tray with a batch, and that batch, which never ends.
RUNNING = (
    f'{PAGE.decode()}<a href="{BATCH}">Lô</a><div class="work work-running"><progress value="1" max="3">'
).encode()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (waits, tray):
        monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(waits, "PATIENCE_SECONDS", 0.1)


@pytest_asyncio.fixture
async def visitor() -> AsyncIterator[Visitor]:
    with stranger([], RUNNING) as url:
        async with Visitor(url, "cntt@truong.example", "bí mật", lambda: True) as found:
            yield found


async def test_what_goes_on_is_waited_for_and_what_stands_still_is_not() -> None:
    done: list[int] = []

    async def ask() -> int:
        return len(done)

    await until(20, Watch("/trang", "“chữ”", ask), done.append)
    assert sum(done) == 20

    async def stands() -> int:
        return 2

    with pytest.raises(Refused, match=r"^/trang: đã đợi .* chỉ đếm được 2 lần “chữ”; hãy xem"):
        await until(3, Watch("/trang", "“chữ”", stands), done.append)


@pytest.mark.parametrize(
    ("key", "place", "words"), [("assessed", "ket-qua", "/ket-qua/"), ("issued", "hoc-ba", "Đã phát hành")]
)
async def test_a_page_of_a_class_without_the_words_is_named(
    visitor: Visitor, key: str, place: str, words: str
) -> None:
    with pytest.raises(Refused) as ended:
        await until(3, in_classes(visitor, key, ["1", "2"]), lambda step: None)
    assert str(ended.value).startswith(f"/lop/1/{place} và 1 lớp khác: ")
    assert words in str(ended.value)
    assert "đếm được 0 lần" in str(ended.value)


async def test_a_batch_that_never_ends_is_named(visitor: Visitor) -> None:
    with pytest.raises(Refused, match=rf"^{BATCH}: đã đợi .* 1 lần học bạ được ký"):
        await tray.sign(visitor, "principal", ["Lớp 1A"], lambda step: None)


def test_whoever_has_come_farther_is_counted_as_well() -> None:
    """The words on the page are the product's: a state that is added there is known here."""
    aside = ENDED | {
        VersionState.FROZEN,
        VersionState.REJECTED,
        VersionState.RECALL_REQUESTED,
        VersionState.TRANSFERRED_OUT,
    }
    assert list(ON_ITS_WAY) == [STATE_NAMES[state] for state in VersionState if state not in aside]
