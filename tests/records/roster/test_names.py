"""The order of a Vietnamese class list."""

import itertools
import random
from collections.abc import Callable

import pytest

from backend.core.text import plain
from backend.records.roster.names import class_key, name_key

#: Written down by hand: letters by the Vietnamese alphabet (a ă â … d đ e ê … o ô ơ … u ư), and then the tone.
GIVEN_NAMES = (
    "An Ánh Ăn Ân Ấn Bình Châu Chi Cường Dung Dũng Dương Đan Đạt Đức Em Hà Hạ Hải Hân Hiền Hoa Hoà Hoá "
    "Hồng Hưng Kiên Lan Long Minh Oanh Ông Ơn Phúc Quân Sơn Tâm Thảo Uyên Ước Vy Ý Yến"
).split()
TONES = ["Ma", "Mà", "Mả", "Mã", "Má", "Mạ"]


def ordered(names: list[str], key: Callable[[str], str] = name_key) -> list[str]:
    mixed = names[:]
    random.Random(7).shuffle(mixed)
    return sorted(mixed, key=key)


def test_letters_in_the_order_of_the_alphabet() -> None:
    # "An" before "Ánh": the letters a, n and then h; a tone decides between equal letters only.
    assert ordered(GIVEN_NAMES) == GIVEN_NAMES


def test_tones_in_the_order_of_dictionaries() -> None:
    assert ordered(TONES) == TONES


@pytest.mark.parametrize(
    "names",
    [
        ["Nguyễn Văn An", "Trần An", "Lê Thị Bình", "Bùi Chi"],
        # all pupils called Hà stand before those called Hạ, whatever their families
        ["Bùi Thị Hà", "Vũ Thị Hà", "An Thị Hạ"],
        ["Bùi Hoa Anh", "Bùi Hoà Anh", "Bùi Hoàng Anh", "Đỗ Anh"],
        ["Lê An", "Lê An An", "Lê Văn An"],
        ["An", "Lê An"],
    ],
)
def test_given_name_first_then_the_words_before_it(names: list[str]) -> None:
    for order in itertools.permutations(names):
        assert sorted(order, key=name_key) == names


def test_where_a_tone_is_written_makes_no_difference() -> None:
    assert name_key("Lê Hoà") == name_key("Lê Hòa")
    assert name_key("Lê Thuý") == name_key("Lê Thúy")
    assert name_key("Lê Thu\u0309y") == name_key("Lê Thủy")


def test_keys_of_names_are_digits_alone_so_that_no_collation_can_disturb_them() -> None:
    for name in [*GIVEN_NAMES, "H’ Ƀlŭn Niê Kđăm", "Ksơ\u0306r Bơ\u0306", "O'Neil-Smith", "  ", ""]:
        assert set(name_key(name)) <= set("0123456789")


def test_classes_by_number_and_then_by_letter() -> None:
    names = ["1A", "1B", "2A", "2A2", "2A10", "2B", "9/1", "10/2", "10A1", "10A2", "10A10", "12C"]
    assert ordered(names, class_key) == names


def test_search_without_accents() -> None:
    assert plain("ĐẶNG Thuỳ Dương") == "dang thuy duong"
