"""What we write to a spreadsheet stays text there."""

from __future__ import annotations

import csv
import doctest
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare import _cells
from revshare._cells import CsvWriter, excel_cell, neutral, neutral_row


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠A",
        "-2+3+cmd|' /C calc'!A0",
        "-",
        "+44 20 7946 0000",
        "--5",
        "-1e5",
    ],
)
def test_text_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert neutral(text) == "'" + text
    assert excel_cell(text).startswith("'")


@pytest.mark.parametrize(
    "value", ["", "tea", "12.50", "-12.50", "-1,234.50", "12.5%", "a=b", "'quoted", "été"]
)
def test_other_text_and_numbers_stay(value: str) -> None:
    assert neutral(value) == value


def test_what_is_not_text_stays() -> None:
    assert neutral_row([None, -3, Decimal("-1.5"), True]) == [None, -3, Decimal("-1.5"), True]


def test_excel_gets_no_character_it_refuses() -> None:
    assert excel_cell("a\x00b\x0bc") == "a\ufffdb\ufffdc"
    assert len(excel_cell("x" * 40_000)) == 32_767
    assert excel_cell(7) == 7


@given(st.lists(st.lists(st.text(), min_size=1, max_size=3), max_size=4))
def test_no_cell_of_our_csv_begins_like_a_formula(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    CsvWriter(file).writerows(rows)
    file.seek(0)
    for row in csv.reader(file):
        for cell in row:
            start = cell.lstrip()[:1]
            assert start not in set("=+@＝＋－＠") or cell[0] == "'"
            if start == "-" and cell[0] != "'":
                assert float(cell.replace(",", "").rstrip("%")) <= 0


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(_cells).failed == 0
