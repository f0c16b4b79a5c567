"""A disabled pupil who is not assessed: results are optional, the class goes on, and the học bạ says so."""

import pytest

from backend.core.database import TenantSession
from backend.records.assessment import service
from backend.records.assessment.schemas import Promotion, ResultState
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import SheetState
from backend.records.roster import records
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.xml_form import build_xml, validate_xml
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class, student_ids
from tests.records.roster.test_records import typed

AN, BINH = "Lò Thị An", "Cầm Văn Bình"


@pytest.mark.parametrize(("name", "grade"), [("1A", 1), ("9A", 9)])
async def test_nobody_waits_for_results_that_need_not_be(
    small_school: SmallSchool, name: str, grade: int
) -> None:
    async with small_school.session() as session:
        clerk, homeroom, principal = [
            await small_school.actor(session, who) for who in ("clerk", "homeroom", "principal")
        ]
        class_id = await small_school.open_class(session, name, grade)
        await enroll(session, name, [AN, BINH])
        an = (await student_ids(session, class_id))[AN]
        await fill(session, homeroom, class_id, lambda _, code, __: "" if code.endswith("1") else None)
        await lock_class(session, small_school, class_id)
        await service.assess_class(session, class_id)
        assert await promotions(session, class_id) == {AN: Promotion.PENDING, BINH: Promotion.PROMOTED}
        record = await roster.get_record(session, an)
        said = typed(record, disability="Trí tuệ", individual_plan="1", not_assessed="1")
        assert await records.change_pupil(session, clerk, an, said, record.revision) == 3
        await service.assess_class_of_pupil(session, an)
        assert await promotions(session, class_id) == {AN: Promotion.NOT_ASSESSED, BINH: Promotion.PROMOTED}
        assert await service.confirm_class(session, homeroom, class_id) == 2
        assert (await transcripts.freeze_class(session, principal, class_id)).left_out == ()
        assert {one.state for one in await gradebook.list_sheets(session, class_id)} == {SheetState.FINAL}
        version = next(
            one for one in await transcripts.list_versions(session, class_id) if one.full_name == AN
        )
        snapshot = await transcripts.get_snapshot(session, version.id)
    assert snapshot.year.results.completion == "Học sinh khuyết tật, không đánh giá theo yêu cầu chung"
    xml = build_xml(snapshot)
    validate_xml(xml)
    assert "<CO_KHUYET_TAT_KHONG_DANH_GIA>1<" in xml.decode()
    assert "<DUOC_LEN_LOP/>" in xml.decode()


async def test_results_that_are_complete_stand(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", [AN, BINH])
        an = (await student_ids(session, class_id))[AN]
        record = await roster.get_record(session, an)
        said = typed(record, disability="Nghe, nói", not_assessed="1")
        await records.change_pupil(session, clerk, an, said, record.revision)
        await fill(session, homeroom, class_id)
        await lock_class(session, small_school, class_id)
        await service.assess_class(session, class_id)
        results = {one.full_name: one for one in await service.class_results(session, class_id)}
        assert results[AN].result == results[BINH].result
        assert results[AN].state is ResultState.COMPUTED


async def promotions(session: TenantSession, class_id: ClassId) -> dict[str, Promotion]:
    return {one.full_name: one.result.promotion for one in await service.class_results(session, class_id)}
