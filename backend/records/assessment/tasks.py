"""Assessment in the background."""

from backend.core.jobs import Lane, Work, task
from backend.records.assessment import service


@task("assessment.assess_class_of_sheet", "Tính kết quả của lớp", lane=Lane.INTERACTIVE)
async def assess_class_of_sheet(work: Work) -> None:
    """A sheet was locked: assess its class if it was the last one."""
    async with work.finish() as session:
        await service.assess_class_of_sheet(session, work.subject_id)


@task("assessment.assess_class", "Tính lại kết quả của lớp", lane=Lane.INTERACTIVE)
async def assess_class(work: Work) -> None:
    """Other readings hold in the year of the class: assess again what nobody has confirmed yet."""
    async with work.finish() as session:
        await service.assess_class(session, work.subject_id)


@task("assessment.assess_class_of_pupil", "Tính lại kết quả của lớp", lane=Lane.INTERACTIVE)
async def assess_class_of_pupil(work: Work) -> None:
    """Whether a pupil is assessed was changed: their results follow."""
    async with work.finish() as session:
        await service.assess_class_of_pupil(session, work.subject_id)


@task("assessment.withdraw_confirmation", "Bỏ xác nhận kết quả của lớp", lane=Lane.INTERACTIVE)
async def withdraw_confirmation(work: Work) -> None:
    """A sheet was opened again: the results of its class have to be confirmed once more."""
    async with work.finish() as session:
        await service.withdraw_confirmation_of_sheet(session, work.subject_id)
