"""How many seats a school may have."""

from backend.core.errors import Conflict, Invalid

MOST_SEATS = 2_000


def check_seats(seats: int, taken: int) -> None:
    """Raises Invalid outside 1–2000, Conflict below the number of people who work at the school."""
    if not 1 <= seats <= MOST_SEATS:
        raise Invalid(f"Số chỗ phải từ 1 đến {MOST_SEATS}; xin nhập lại (đang nhập {seats}).")
    if seats < taken:
        raise Conflict(
            f"Trường đang có {taken} người làm việc nên không hạ xuống {seats} chỗ được; "
            f"hãy cho {taken - seats} người thôi làm việc trước, hoặc chọn từ {taken} chỗ trở lên."
        )
