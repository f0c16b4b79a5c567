"""The three answers in words; `say` brings them into the language of whoever asks, `written` a day.

The words of the page's own frame are in its template.
"""

from collections.abc import Callable
from datetime import date

from backend.records.verification.schemas import Answer, Standing

Say = Callable[[str], str]
Written = Callable[[date | None], str]

_STANDINGS = {
    Standing.IN_FORCE: ("Đã chốt và đang có hiệu lực", "ok"),
    Standing.ISSUED: ("Đã phát hành; có hiệu lực từ khi được chốt", "ok"),
    Standing.NOT_ACCEPTED: ("Đã phát hành nhưng Sở Giáo dục và Đào tạo chưa chấp nhận", "warn"),
    Standing.RECALLED: ("Đã được nhà trường thu hồi", "bad"),
    Standing.SUPERSEDED: ("Đã được thay thế bằng phiên bản mới hơn", "warn"),
    None: ("Không tìm thấy bản này trong kho đã phát hành", "warn"),
}
_HEADLINES = {
    Standing.RECALLED: ("Học bạ này đã được nhà trường thu hồi, không còn giá trị", "bad"),
    Standing.SUPERSEDED: ("Học bạ đúng là bản đã phát hành nhưng đã được thay thế", "warn"),
    Standing.NOT_ACCEPTED: ("Học bạ đúng là bản đã phát hành nhưng Sở chưa chấp nhận", "warn"),
    None: ("Chữ ký hợp lệ nhưng tệp không phải bản đang lưu ở đây", "warn"),
}


def headline(answer: Answer, say: Say) -> tuple[str, str]:
    """The whole in one sentence, and its tone."""
    if answer.verdict == "invalid":
        words, tone = "Học bạ không hợp lệ", "bad"
    elif answer.verdict == "indeterminate":
        words, tone = "Chưa xác định được chữ ký có tin cậy không", "warn"
    else:
        words, tone = _HEADLINES.get(answer.standing, ("Học bạ hợp lệ", "ok"))
    return say(words), tone


def answers(answer: Answer, say: Say, written: Written) -> list[dict[str, str]]:
    """Intact, signed by whom, in force: three answers, never mixed."""
    intact = {
        "question": say("Còn nguyên vẹn?"),
        "answer": say(
            "Toàn bộ tệp còn nguyên như khi ký" if answer.intact else "Tệp đã bị thay đổi sau khi ký"
        ),
        "tone": "ok" if answer.intact else "bad",
    }
    trusted = bool(answer.signatures) and all(one.trusted for one in answer.signatures)
    counted = (
        "%(count)s chữ ký, đều xác minh được" if trusted else "%(count)s chữ ký, có chữ ký chưa xác minh được"
    )
    signers = {
        "question": say("Ai ký, khi nào?"),
        "answer": say(counted) % {"count": len(answer.signatures)},
        "detail": "; ".join(dict.fromkeys(one.signer for one in answer.signatures)),
        "tone": "ok" if trusted else "warn",
    }
    words, tone = _STANDINGS[answer.standing]
    in_force = {
        "question": say("Còn hiệu lực?"),
        "answer": say(words),
        "tone": tone,
        "detail": "; ".join(_days(answer, say, written)),
    }
    return [intact, signers, in_force]


def standing(of: Standing, say: Say) -> tuple[str, str]:
    """How a year stands, and its tone."""
    words, tone = _STANDINGS[of]
    return say(words), tone


def _days(answer: Answer, say: Say, written: Written) -> list[str]:
    days: list[tuple[str, date | None]] = [
        ("Phát hành ngày %(day)s", answer.issued_at),
        ("chốt, có hiệu lực từ ngày %(day)s", answer.effective_on),
        ("thu hồi ngày %(day)s", answer.recalled_at),
    ]
    found = [say(words) % {"day": written(day)} for words, day in days if day]
    if answer.replaced_by is not None:
        newer = {"number": answer.replaced_by, "day": written(answer.replaced_at)}
        found.append(say("thay bằng phiên bản %(number)s, phát hành ngày %(day)s") % newer)
    return found
