"""Tables and lengths of time as people read them."""

import pytest

from fairlead.commands.table import age, cell, percent, table, width


def test_columns_are_aligned_text_left_and_numbers_right() -> None:
    text = table(("NAME", "COUNT"), [("a", 5), ("longer", 12_345)])
    assert text.splitlines() == ["NAME     COUNT", "a            5", "longer  12,345"]


def test_a_table_without_rows_is_its_headers() -> None:
    assert table(("A", "B"), []) == "A  B"


def test_no_line_ends_in_blanks() -> None:
    assert table(("A", "B"), [("x", "y" * 9), ("x", "z")], left=2).splitlines()[2] == "x  z"


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        table(("A", "B"), [("x",)])


def test_wide_and_combining_characters_keep_the_columns() -> None:
    assert width("客服") == 4
    assert width("e\u0301") == 1
    lines = table(("A", "N"), [("客服", 1), ("ab", 2)]).splitlines()
    assert len({width(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (0, "0"),
        (1_234_567, "1,234,567"),
        (True, "True"),
        (1.5, "1.5"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.00085, "850 us"),
        (0.25, "250.0 ms"),
        (3.21, "3.2 s"),
        (119, "119.0 s"),
        (120, "2.0 min"),
        (7_200, "2.0 h"),
        (172_800, "2.0 d"),
        (-5, "-5.0 s"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_share_of_nothing_is_a_dash() -> None:
    assert percent(1, 3) == "33.3 %"
    assert percent(0, 0) == "-"
