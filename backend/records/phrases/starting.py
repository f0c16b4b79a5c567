"""Phrases that come with the product, written for it: by stage and level. No school's and nobody's data."""

from backend.records.phrases.schemas import Phrase

_PRIMARY = {
    "T": (
        "{tên} nắm vững kiến thức, vận dụng tốt vào bài tập và tích cực phát biểu.",
        "{tên} tiếp thu nhanh, trình bày bài rõ ràng, biết giúp đỡ bạn trong giờ học.",
        "{tên} đọc to, rõ, diễn đạt mạch lạc; cần giữ thói quen đọc sách mỗi ngày.",
        "{tên} tính toán nhanh, chính xác, biết kiểm tra lại kết quả.",
    ),
    "H": (
        "{tên} hoàn thành các yêu cầu của môn học; cần mạnh dạn phát biểu hơn.",
        "{tên} có tiến bộ về chữ viết và cách trình bày; cần đọc kĩ đề trước khi làm.",
        "{tên} hiểu bài, làm được bài cơ bản; cần luyện thêm các bài vận dụng.",
    ),
    "C": (
        "{tên} cần luyện đọc và viết thêm mỗi ngày; thầy cô và gia đình cùng hỗ trợ em.",
        "{tên} chưa nắm chắc kiến thức cơ bản; cần ôn lại bài và hỏi thầy cô khi chưa hiểu.",
    ),
}
_SECONDARY = {
    "": (
        "{tên} học đều, nắm chắc kiến thức, vận dụng tốt vào bài tập.",
        "{tên} tư duy tốt, chủ động tìm hiểu; cần trình bày bài chặt chẽ hơn.",
        "{tên} có nhiều tiến bộ so với đầu năm; cần giữ nhịp học đều ở nhà.",
        "{tên} nắm được kiến thức cơ bản; cần luyện thêm bài vận dụng.",
        "{tên} còn thiếu tập trung trong giờ; cần hoàn thành đủ bài tập được giao.",
        "{tên} cần ôn lại kiến thức nền và trao đổi với thầy cô khi chưa hiểu bài.",
    ),
    "Đ": (
        "{tên} tham gia tích cực, thực hiện đúng yêu cầu, có ý thức hợp tác với bạn.",
        "{tên} đạt yêu cầu; cần luyện tập thường xuyên để tự tin hơn.",
    ),
    "CĐ": ("{tên} chưa đạt yêu cầu của môn học; cần luyện tập thêm theo hướng dẫn của thầy cô.",),
}


def starting_phrases(grade_level: int) -> list[Phrase]:
    """What every school begins with in a grade."""
    stage = _PRIMARY if grade_level <= 5 else _SECONDARY
    return [
        Phrase(id=None, text=text, grade_level=grade_level, level=level)
        for level, texts in stage.items()
        for text in texts
    ]
