"""The phrase bank: what may stand in it, whose it is, what fits a sheet."""

import pytest

from backend.core.errors import Forbidden, Invalid, NotFound
from backend.records.phrases import rules, service
from backend.records.phrases.schemas import MAX_PHRASE, NAME, NewPhrase, Phrase
from backend.records.phrases.starting import starting_phrases
from tests.factories.small_school import SmallSchool, enroll

GOOD = "{tên} học đều, chữ viết sạch."


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (NewPhrase(text="  "), "Hãy ghi câu mẫu"),
        (NewPhrase(text="{ten} ngoan."), "chỉ có {tên} được thay"),
        (NewPhrase(text="{tên} {{lớp}} ngoan."), "chỉ có {tên} được thay"),
        (NewPhrase(text="Gọi 0912345678 nhé."), "không ghi số định danh"),
        (NewPhrase(text="ă" * (MAX_PHRASE + 1)), "quá giới hạn"),
        (NewPhrase(text=GOOD, grade_level="13"), "chọn khối lớp"),
        (NewPhrase(text=GOOD, level="A"), "chọn mức đánh giá"),
    ],
)
def test_what_cannot_stand_in_a_phrase(new: NewPhrase, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("{", r"\{")):
        rules.checked(new)


@pytest.mark.parametrize("grade", range(1, 13))
def test_every_school_begins_with_phrases_that_may_stand_in_it(grade: int) -> None:
    found = starting_phrases(grade)
    assert len({one.text for one in found}) == len(found) > 5
    for one in found:
        assert rules.checked(NewPhrase(text=one.text, level=one.level)).text == one.text
        assert one.text.startswith(NAME)
    levels = {one.level for one in found}
    assert levels == ({"T", "H", "C"} if grade <= 5 else {"", "Đ", "CĐ"})


def test_what_fits_a_sheet_one_s_own_first() -> None:
    kept = [
        Phrase(id=None, text="Của trường.", shared=True),
        Phrase(id=None, text="Toán khối 4.", subject_code="TOAN", grade_level=4, shared=False),
        Phrase(id=None, text="Tiếng Việt.", subject_code="TV", shared=False),
        Phrase(id=None, text="Khối 5.", grade_level=5, shared=False),
    ]
    found = [one.text for one in rules.fitting(kept, "TOAN", 4)]
    assert found[:2] == ["Toán khối 4.", "Của trường."]
    assert found[2:] == [one.text for one in starting_phrases(4)]


async def test_whose_a_phrase_is(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị An"])
        teacher, other, principal = [
            await small_school.actor(session, who) for who in ("homeroom", "music", "principal")
        ]
        await service.add_phrase(session, teacher, NewPhrase(text=GOOD))
        await service.add_phrase(session, principal, NewPhrase(text="Của trường.", shared=True))
        with pytest.raises(Forbidden, match="câu mẫu chung"):
            await service.add_phrase(session, teacher, NewPhrase(text="Của tôi.", shared=True))
        with pytest.raises(Invalid, match="có tên học sinh Lò Thị An"):
            await service.add_phrase(session, teacher, NewPhrase(text="Em lò thị an rất ngoan."))
        own, shared = await service.list_phrases(session, teacher)
        assert [(one.text, one.shared) for one in (own, shared)] == [(GOOD, False), ("Của trường.", True)]
        assert [one.text for one in await service.list_phrases(session, other)] == ["Của trường."]
        assert own.id is not None
        assert shared.id is not None
        with pytest.raises(NotFound):
            await service.remove_phrase(session, other, own.id)
        with pytest.raises(Forbidden, match="bỏ câu mẫu chung"):
            await service.remove_phrase(session, teacher, shared.id)
        await service.remove_phrase(session, teacher, own.id)
        await service.remove_phrase(session, principal, shared.id)
        assert await service.list_phrases(session, teacher) == []
