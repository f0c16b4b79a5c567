"""Disabled pupils whom the school does not assess by the general requirements: their results are optional."""

import msgspec

from backend.records.assessment.schemas import (
    PrimaryResult,
    PrincipalDecision,
    Promotion,
    Reason,
    Result,
)

_WORDS = (
    "Học sinh khuyết tật, không đánh giá theo yêu cầu chung: kết quả không bắt buộc, "
    "việc lên lớp do hiệu trưởng xét theo kế hoạch giáo dục cá nhân."
)


_DECIDED = {
    PrincipalDecision.PROMOTED: "Hiệu trưởng quyết định cho học sinh lên lớp.",
    PrincipalDecision.RETAINED: "Hiệu trưởng quyết định học sinh ở lại lớp.",
}


def without_assessment(result: Result, decided: PrincipalDecision | None = None) -> Result:
    """What stands for a year that need not be complete (TT22 Đ.11, TT27 Đ.8); one that is stays as it is.

    `decided`: what the principal has said about promotion.
    """
    if result.promotion is not Promotion.PENDING:
        return result
    article = "TT27 Đ.8" if isinstance(result, PrimaryResult) else "TT22 Đ.11"
    reasons = (Reason(rule=article, text=_WORDS), *result.reasons)
    if decided is None:
        return msgspec.structs.replace(result, promotion=Promotion.NOT_ASSESSED, missing=(), reasons=reasons)
    said = Reason(rule=article, text=_DECIDED[decided])
    return msgspec.structs.replace(
        result, promotion=Promotion(decided.value), missing=(), reasons=(said, *reasons)
    )
