"""Importing: all or nothing, once, the same by every path and from every kind of file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import revshare as rs
from revshare.ledger import imports
from revshare.ledger.imports import _run, _table
from tests.imports.conftest import GOOD, HEADER, Write, mapping, row


def sales_of(ledger: rs.Ledger) -> list[rs.Sale]:
    return [entry.sale for entry in ledger.sales()]


# ------------------------------------------------------------------------------------------ one line


def test_a_line_becomes_a_sale(ledger: rs.Ledger, write: Write) -> None:
    report = ledger.import_sales(
        write([row(Date="2011-07-01 08:26:00", Note="green, “loose”\n1 kg")]), mapping()
    )
    (sale,) = sales_of(ledger)
    assert (sale.source, sale.external_id, sale.amount, sale.token) == ("shop", "1001/1", 300, "GBPT")
    assert sale.occurred_at.isoformat() == "2011-07-01T07:26:00+00:00"
    assert (sale.zone, sale.territory, sale.agreement) == ("Europe/London", "Australia", "Australia")
    assert dict(sale.metadata) == {"note": "green, “loose”\n1 kg"}
    assert (report.lines, report.sales, report.new, report.known, report.skipped) == (1, 1, 1, 0, 0)
    assert report.totals["Australia"]["GBPT"].net == 300
    (manifest,) = ledger.imports()
    assert (manifest.file_hash, manifest.lines, dict(manifest.totals)) == (report.file_hash, 1, {"GBPT": 300})
    assert ledger.verify().ok


def test_every_line_of_a_document_counts_even_an_exact_copy(ledger: rs.Ledger, write: Write) -> None:
    ledger.import_sales(write([row(), row(), row(Invoice="1002"), row()]), mapping())
    assert [sale.external_id for sale in sales_of(ledger)] == ["1001/1", "1001/2", "1002/1", "1001/3"]


def test_lines_are_numbered_before_filters_drop_any(ledger: rs.Ledger, write: Write) -> None:
    rows = [row(), row(Note="post"), row()]
    report = ledger.import_sales(write(rows), mapping(filters=[{"column": "Note", "drop": ["post"]}]))
    assert [sale.external_id for sale in sales_of(ledger)] == ["1001/1", "1001/3"]
    assert (report.lines, report.skipped, report.sales) == (3, 1, 2)


def test_what_is_wrong_in_a_dropped_line_does_not_matter(ledger: rs.Ledger, write: Write) -> None:
    rows = [row(), row(Note="total", Invoice="", Qty="", Price="x", Date="?", Country="")]
    report = ledger.import_sales(write(rows), mapping(filters=[{"column": "Note", "keep": ["tea"]}]))
    assert report.new == 1


def test_ids_of_several_columns_cannot_be_confused(ledger: rs.Ledger, write: Write) -> None:
    columns = GOOD["columns"] | {"external_id": ["Invoice", "Note"]}
    rows = [row(Invoice="a/b", Note="c"), row(Invoice="a", Note="b/c"), row(Invoice="a%2Fb", Note="c")]
    ledger.import_sales(write(rows), mapping(columns=columns, number_lines=False))
    assert len({sale.external_id for sale in sales_of(ledger)}) == 3


def test_amounts_in_another_currency_are_rounded_half_even_and_kept(ledger: rs.Ledger, write: Write) -> None:
    columns = {**GOOD["columns"], "amount": "Price", "currency": "Note"}
    del columns["quantity"], columns["unit_price"]
    rated = mapping(
        columns=columns,
        metadata=None,
        currencies={
            "EUR": {"rate": "0.5", "rate_source": "ECB 2011-03-01"},
            "GBP": {"rate": "1", "rate_source": "par"},
        },
    )
    prices = [
        ("0.01", 0),
        ("0.03", 2),
        ("0.05", 2),
        ("-0.01", 0),
        ("-0.03", -2),
        ("1.01", 50),
        ("1.0101", 51),
    ]
    ledger.import_sales(write([row(Price=price, Note="EUR") for price, _ in prices]), rated)
    found = sales_of(ledger)
    assert [sale.amount for sale in found] == [units for _, units in prices]
    assert {(sale.currency, sale.rate, sale.rate_source) for sale in found} == {
        ("EUR", "0.5", "ECB 2011-03-01")
    }
    assert [sale.metadata["original_amount"] for sale in found] == [price for price, _ in prices]


def test_cp1252_is_read_when_it_is_declared(ledger: rs.Ledger, write: Write) -> None:
    path = write([row(Note="café €5")], encoding="cp1252")
    with pytest.raises(rs.ImportRefused, match="cp1252"):
        ledger.import_sales(path, mapping())
    ledger.import_sales(path, mapping(file={"encoding": "cp1252"}))
    assert sales_of(ledger)[0].metadata["note"] == "café €5"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators_and_marks_are_found_out(separator: str, encoding: str, write: Write) -> None:
    path = write([row(Note="a,b;c|d")], delimiter=separator, encoding=encoding)
    (sale,) = imports.read_sales(path, mapping())
    assert sale.metadata["note"] == "a,b;c|d"


# ------------------------------------------------------------------------------------------ routes

ROUTES = [
    {"agreement": "rest"},
    {"agreement": "oz", "territory": "Australia"},
    {"agreement": "tea", "sku": ["tea", "mate"]},
    {"agreement": "oz tea", "territory": ["Australia", "NZ"], "sku": "tea"},
]


@pytest.mark.parametrize(
    ("territory", "sku", "agreement"),
    [
        ("Peru", "cups", "rest"),
        ("Australia", "cups", "oz"),
        ("Peru", "tea", "tea"),
        ("Australia", "tea", "oz tea"),
        ("NZ", "tea", "oz tea"),
        ("", "", "rest"),
    ],
)
def test_the_most_specific_route_wins(territory: str, sku: str, agreement: str, write: Write) -> None:
    columns = GOOD["columns"] | {"sku": "Note"}
    path = write([row(Country=territory, Note=sku)])
    (sale,) = imports.read_sales(path, mapping(columns=columns, metadata=None, routes=ROUTES))
    assert sale.agreement == agreement


def test_a_tie_is_an_error_and_names_both(write: Write) -> None:
    columns = GOOD["columns"] | {"sku": "Note"}
    path = write([row(Note="mate")])
    with pytest.raises(rs.ImportRefused, match=r"routes\[1\] \(oz\) and routes\[2\] \(tea\) alike"):
        list(imports.read_sales(path, mapping(columns=columns, metadata=None, routes=ROUTES)))


def test_lines_without_a_route_are_errors_unless_they_are_to_be_skipped(write: Write) -> None:
    path = write([row(), row(Country="Peru", Price="?"), row(Country="Iceland")])
    with pytest.raises(rs.ImportRefused) as caught:
        imports.preview_sales(path, mapping())
    assert {(bad.line, bad.column) for bad in caught.value.problems} == {(3, "Country"), (3, "Price")}
    report = imports.preview_sales(path, mapping(unrouted="skip"))
    assert (report.lines, report.skipped, set(report.totals)) == (3, 1, {"Australia", "Islands"})


# ------------------------------------------------------------------------------------------ all or nothing


def test_one_bad_line_among_thousands_leaves_nothing(ledger: rs.Ledger, write: Write) -> None:
    rows = [row() for _ in range(3 * _table.CHUNK)]
    rows[-1][2] = "NaN"
    rows[5][3] = "1,5"
    with pytest.raises(rs.ImportRefused) as caught:
        ledger.import_sales(write(rows), mapping())
    assert [(bad.line, bad.column) for bad in caught.value.problems] == [(7, "Price"), (len(rows) + 1, "Qty")]
    assert not sales_of(ledger)
    assert not ledger.imports()


def test_every_problem_is_counted_and_the_first_are_kept(ledger: rs.Ledger, write: Write) -> None:
    path = write([row(Qty="x", Price="y")] * 700)
    with pytest.raises(rs.ImportRefused) as caught:
        ledger.import_sales(path, mapping())
    assert (caught.value.count, len(caught.value.problems)) == (1400, 1000)
    assert "1,400 problems" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 60
    with pytest.raises(rs.ImportRefused) as caught:
        ledger.import_sales(path, mapping(), most_problems=None)
    assert len(caught.value.problems) == 1400


def test_the_same_file_again_does_nothing(database: str, write: Write) -> None:
    path = write([row(), row(Invoice="1002")])
    with rs.Ledger.open(database) as ledger:
        ledger.import_sales(path, mapping())
        head = ledger.head()
        report = ledger.import_sales(path, mapping())
        assert (report.again, report.new, report.known, report.lines) == (True, 0, 2, 2)
        assert ledger.head() == head
        assert len(ledger.imports()) == 1


def test_one_file_imported_by_several_at_once_counts_once(database: str, write: Write) -> None:
    path = write([row(Invoice=str(number)) for number in range(2000)])
    with rs.Ledger.open(database) as ledger, ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: ledger.import_sales(path, mapping()), range(4)))
        assert sorted(report.again for report in reports) == [False, True, True, True]
        assert sum(report.new for report in reports) == ledger.totals()["GBPT"].count == 2000
        assert len(ledger.imports()) == 1
        assert ledger.verify().ok


def test_the_same_sales_in_another_file_are_known(database: str, write: Write) -> None:
    with rs.Ledger.open(database) as ledger:
        ledger.import_sales(write([row(), row(Invoice="1002")]), mapping())
        longer = write([row(), row(Invoice="1002"), row(Invoice="1003")], "longer.csv")
        report = ledger.import_sales(longer, mapping())
        assert (report.again, report.new, report.known) == (False, 1, 2)
        assert ledger.verify().ok
        assert ledger.totals()["GBPT"].count == 3


def test_the_same_id_with_other_content_is_a_conflict_and_nothing_is_recorded(
    database: str, write: Write
) -> None:
    with rs.Ledger.open(database) as ledger:
        ledger.import_sales(write([row()]), mapping())
        other = write([row(Invoice="1000"), row(Price="1.60")], "other.csv")
        with pytest.raises(rs.ConflictError) as caught:
            ledger.import_sales(other, mapping())
        assert caught.value.fields == ("amount",)
        assert (caught.value.existing.amount, caught.value.given.amount) == (300, 320)
        assert ledger.totals()["GBPT"].count == 1


def test_a_file_that_changed_since_its_preview_is_refused(ledger: rs.Ledger, write: Write) -> None:
    path = write([row()])
    preview = imports.preview_sales(path, mapping())
    write([row(), row()])
    with pytest.raises(rs.ImportRefused, match="changed since it was previewed"):
        ledger.import_sales(path, mapping(), expect=preview.file_hash)


def test_progress_is_told_up_to_the_end(ledger: rs.Ledger, write: Write) -> None:
    told: list[tuple[int, int]] = []
    path = write([row()] * 2000)
    ledger.import_sales(path, mapping(), progress=lambda done, total: told.append((done, total)))
    assert len(told) >= 3
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


# ------------------------------------------------------------------------------------------ kinds of file


def typed() -> dict[str, list[Any]]:
    return {
        "Invoice": ["1001", "1001", "1002"],
        "Date": [
            datetime.fromisoformat(when) for when in ("2011-03-01 10:00", "2011-07-01 08:26:05", "2011-12-31")
        ],
        "Qty": [2, -1, 12],
        "Price": [1.5, 0.25, 2.0],
        "Country": ["Australia", "Iceland", "New Zealand"],
        "Note": ["tea", None, "été"],
    }


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for cells in zip(*typed().values(), strict=True):
        book.active.append(cells)
    book.create_sheet("Hidden").sheet_state = "hidden"
    book.save(path)
    return path


def parquet(path: Path) -> Path:
    pq.write_table(pa.table(typed()), path)
    return path


KINDS: dict[str, Callable[[Path], object]] = {
    "excel": lambda folder: workbook(folder / "sales.xlsx"),
    "parquet": lambda folder: parquet(folder / "sales.parquet"),
    "pyarrow": lambda _: pa.table(typed()),
    "pandas": lambda _: pd.DataFrame(typed()),
    "pandas objects": lambda _: pd.DataFrame(typed(), dtype=object),
    "polars": lambda _: pl.DataFrame(typed()),
    "polars decimals": lambda _: pl.DataFrame(typed()).with_columns(pl.col("Price").cast(pl.Decimal(10, 4))),
    "narrow floats": lambda _: pl.DataFrame(typed()).with_columns(pl.col("Price").cast(pl.Float32)),
    "categories": lambda _: pl.DataFrame(typed()).with_columns(pl.col("Country").cast(pl.Categorical)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_sales(
    kind: str, tmp_path: Path, write: Write, ledger: rs.Ledger
) -> None:
    columns = typed()
    columns["Note"][1] = ""
    path = write([list(map(str, cells)) for cells in zip(*columns.values(), strict=True)])
    source = KINDS[kind](tmp_path)
    expected = list(imports.read_sales(path, mapping(locale="plain")))
    assert list(imports.read_sales(source, mapping())) == expected
    ledger.import_sales(source, mapping())
    assert sales_of(ledger) == expected
    assert ledger.import_sales(source, mapping()).again


def test_a_formula_is_taken_from_the_cache_when_the_mapping_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "sales.xlsx")
    book = openpyxl.load_workbook(path)
    book.active["C2"] = "=1+1"
    book.save(path)
    with pytest.raises(rs.ImportRefused, match=r"line 2, column Qty: '=1\+1' is a formula"):
        list(imports.read_sales(path, mapping()))


def test_only_paths_and_frames_are_sources(ledger: rs.Ledger, tmp_path: Path) -> None:
    for source in (3, None, b"bytes", [1, 2], pl.DataFrame(typed()).lazy()):
        with pytest.raises(rs.InvalidInput, match="a path or a data frame"):
            ledger.import_sales(source, mapping())
    with pytest.raises(rs.InvalidInput, match="no such file"):
        ledger.import_sales(tmp_path / "none.csv", mapping())
    with pytest.raises(rs.InvalidInput, match="is a directory"):
        ledger.import_sales(tmp_path, mapping())


# ------------------------------------------------------------------------------------------ by both paths


def cells() -> st.SearchStrategy[list[str]]:
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    price = st.decimals(-1000, 1000, places=2).map(lambda value: f"{value:f}")
    return st.tuples(
        st.sampled_from(["1", "2", "C3", "été", "a/b"]),
        st.datetimes(datetime.fromisoformat("2011-04-01"), datetime.fromisoformat("2011-10-01")).map(
            lambda when: when.isoformat(sep=" ")
        ),
        st.integers(-99, 99).map(str),
        price,
        st.sampled_from(["Australia", "New Zealand", "Iceland"]),
        text,
    ).map(list)


@settings(max_examples=8)
@given(st.lists(cells(), min_size=1, max_size=30))
def test_the_bulk_path_records_what_recording_one_by_one_does(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("bulk") / "sales.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    how = mapping(locale="plain")
    with rs.Ledger.open("sqlite://") as bulk, rs.Ledger.open("sqlite://") as single:
        bulk.import_sales(path, how)
        expected = [oracle(row, rows[:index]) for index, row in enumerate(rows)]
        single.record_all(expected)
        assert sales_of(bulk) == expected == sales_of(single)
        assert [entry.seq for entry in bulk.sales()] == [entry.seq for entry in single.sales()]
        assert [sale.leaf() for sale in sales_of(bulk)] == [sale.leaf() for sale in expected]
        assert digests(bulk) == digests(single)
        assert bulk.verify().ok
        # And each knows what the other recorded.
        assert single.import_sales(path, how).known == len(rows)
        assert bulk.record_all(expected).known == len(rows)


def digests(ledger: rs.Ledger) -> list[bytes]:
    with ledger._reading() as connection:
        return [
            bytes(link[0]) for link in connection.exec_driver_sql("SELECT digest FROM links ORDER BY number")
        ]


def oracle(cells: list[str], before: list[list[str]]) -> rs.Sale:
    """The sale of one line, the plain way."""
    document, when, quantity, price, country, note = cells
    from zoneinfo import ZoneInfo

    amount = int(quantity) * Decimal(price) * 100
    assert amount == int(amount)
    return rs.Sale(
        "shop",
        f"{document}/{1 + sum(earlier[0] == document for earlier in before)}",
        datetime.fromisoformat(when).replace(tzinfo=ZoneInfo("Europe/London")),
        int(amount),
        "GBPT",
        metadata={"note": note},
        agreement="Australia" if country == "Australia" else "Islands",
        territory=country,
        zone="Europe/London",
    )


# ------------------------------------------------------------------------------------------ anything at all


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    line = b'1,2011-03-01,2,1.50,Australia,"t"\n'
    return {
        ".csv": b"Invoice,Date,Qty,Price,Country,Note\n" + line * 3,
        ".xlsx": workbook(folder / "good.xlsx").read_bytes(),
        ".parquet": parquet(folder / "good.parquet").read_bytes(),
    }


@pytest.fixture(scope="module")
def empty_ledger() -> Iterator[rs.Ledger]:
    with rs.Ledger.open("sqlite://") as opened:
        yield opened


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_by_name_and_leaves_nothing(
    tmp_path: Path, whole_files: dict[str, bytes], empty_ledger: rs.Ledger, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from(sorted(whole_files)))
    content = bytearray(whole_files[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 10_000)) % (len(content) or 1)
        match data.draw(st.sampled_from(["set", "cut", "remove", "insert"])):
            case "set":
                content[place : place + 1] = bytes([data.draw(st.integers(0, 255))])
            case "cut":
                del content[place:]
            case "remove":
                del content[place : place + data.draw(st.integers(1, 9))]
            case "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(bytes(content))
    try:
        report = imports.preview_sales(path, mapping())
    except rs.ImportRefused as refused:
        assert refused.count == len(refused.problems) > 0
        with pytest.raises(rs.ImportRefused):
            empty_ledger.import_sales(path, mapping())
        assert not sales_of(empty_ledger)
        assert not empty_ledger.imports()
    else:
        assert len(list(imports.read_sales(path, mapping()))) == report.sales


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([*rs.SaleMapping.model_fields, "other"]),
)
def test_a_mapping_of_any_data_is_refused_by_name(value: Any, key: str) -> None:
    try:
        made = rs.SaleMapping.model_validate(GOOD | {key: value})
    except rs.MappingError as error:
        assert error.problems
        return
    assert rs.SaleMapping.loads(made.to_toml()) == made


def test_mappings_are_written_and_read_back(tmp_path: Path) -> None:
    whole = mapping(
        locale="fr",
        file={"separator": ";", "header": 2, "sheet": "Ventes"},
        filters=[{"column": "Note", "drop": ["", "total"]}],
        constants={"channel": "web", "currency": "EUR"},
        currencies={"EUR": {"rate": "0.87", "rate_source": "ECB 2011-03-01"}},
    )
    for name in ("shop.toml", "shop.json"):
        whole.save(tmp_path / name)
        assert rs.SaleMapping.load(tmp_path / name) == whole
        assert rs.SaleMapping.load(tmp_path / name).digest() == whole.digest()
    assert whole.digest() != mapping().digest()
    assert json.loads((tmp_path / "shop.json").read_text("utf-8"))["file"]["separator"] == ";"


def test_the_importer_takes_a_mapping_in_every_form(ledger: rs.Ledger, write: Write, tmp_path: Path) -> None:
    path = write([row()])
    mapping().save(tmp_path / "shop.toml")
    assert ledger.import_sales(path, tmp_path / "shop.toml").new == 1
    assert ledger.import_sales(path, GOOD).again
    assert _run.imported_before(ledger, path, str(tmp_path / "shop.toml")) is not None
