"""Statements as files: CSV, Excel, HTML, PDF and the screen say the same, exactly, and run nothing."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from rich.console import Console
from tests.report.conftest import World
from tests.strategies import make_schedule

import revshare as rs
from revshare.ledger import Ledger
from revshare.report import (
    PeriodStatement,
    books,
    find_sale,
    period_statement,
    sale_proof,
    statement_of,
    statements_of,
    to_csv,
    to_dict,
    to_excel,
    to_html,
    to_pdf,
    to_rich,
)
from revshare.report import _fonts as fonts
from revshare.settlement import settle

pytestmark = pytest.mark.xdist_group("report")
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.fixture(scope="module")
def song(world: World) -> PeriodStatement:
    with Ledger.open(world.path) as ledger:
        return statement_of(ledger, world.song, "2011-03")


def text_of(pdf: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


# ------------------------------------------------------------------------------------------ from the ledger


def test_statements_of_a_ledger_are_what_the_contract_paid(world: World, ledger: Ledger) -> None:
    for deal, split in ((world.shop, world.shop_split), (world.song, world.song_split)):
        paid = dict.fromkeys(split.payees, 0)
        last = None
        for statement in statements_of(ledger, deal):
            assert statement.is_final
            assert statement.differences == ()
            assert [one.payee for one in statement] == list(deal.payees)
            for one in statement:
                paid[one.payee] += one.paid
                last = statement
        assert paid == split.paid()
        assert last is not None
        now = split.statement()
        for one in last:
            assert one.carried_forward == now[one.payee].credit + now[one.payee].due


def test_postgresql_says_the_same(world: World, ledger: Ledger, postgresql_url: str) -> None:
    """Amounts of more than 64 bits included: a wei of coin has 18 decimals."""
    split = rs.RevenueSplit.deploy(world.w3, world.song, account=world.song_split.account, salt="postgresql")
    with Ledger.open(postgresql_url) as other:
        other.record_all(entry.sale for entry in ledger.sales(world.song.name, period="2011-01"))
        settle(other, split, "2011-01", finality=0)
        there, here = statement_of(other, world.song, "2011-01"), statement_of(ledger, world.song, "2011-01")
        assert [replace(one, _lines=((), ())) for one in there] == [
            replace(one, _lines=((), ())) for one in here
        ]
        number = there.sales[1].external_id
        assert sale_proof(other, find_sale(other, number)).verify(world.w3).sale == there.sales[1]
        assert books([there]).paid() == split.paid()


def test_credit_notes_and_credits_show(world: World, song: PeriodStatement, ledger: Ledger) -> None:
    fan = song["fan"]
    assert fan.paid == 0
    assert fan.credited > 0
    assert fan.carried_forward == world.song_split.credit()["fan"]
    # The lines that 2011-02 could not pay for are here: sales first, then credit notes, each by time.
    amounts = [sale.amount for sale in song.sales]
    assert amounts == [10**15, 333_333_333_333_333_333, 1, 1, 0, -2 * 10**15, -7]
    assert song.note == ""
    carried = statement_of(ledger, world.song, "2011-02")
    assert carried.remittance is not None
    assert carried.remittance.state == "carried"
    assert carried.sales == ()
    assert "came to nothing or less" in to_html(carried)


def test_periods_that_were_not_settled_are_named(world: World, ledger: Ledger) -> None:
    with pytest.raises(
        rs.InvalidInput, match="has no settlement of '2011-04': did you mean '2011-01'|2011-03"
    ):
        statement_of(ledger, world.song, "2011-04")
    with pytest.raises(rs.InvalidInput, match="has no settlement of '2011-01': revshare settle"):
        statement_of(ledger, "Nobody", "2011-01")
    with pytest.raises(rs.InvalidInput, match="give the agreement, or the token"):
        statement_of(ledger, world.song.name, "2011-01")
    by_name = statement_of(ledger, world.song.name, "2011-01", token=world.song.token)
    assert {one.payee: one.paid for one in by_name} == {
        one.payee: one.paid for one in statement_of(ledger, world.song, "2011-01")
    }


# ------------------------------------------------------------------------------------------ data


def test_csv_traces_every_line_to_sale_and_transaction(world: World, song: PeriodStatement) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(song), newline="")))
    assert len(rows) == len(song.sales) * len(song.payees)
    assert song.remittance is not None
    for one in song:
        mine = [row for row in rows if row["payee"] == one.payee]
        assert sum(Decimal(row["earned"]) for row in mine) == song.token.decimal(one.earned)
        assert [row["external_id"] for row in mine] == [sale.external_id for sale in song.sales]
    assert {row["remit_tx"] for row in rows} == {song.remittance.tx_hash}
    assert {row["distribute_tx"] for row in rows} == {song.remittance.paid_by}
    assert {row["split"] for row in rows} == {world.song_split.address}
    assert {row["kind"] for row in rows} == {"sale", "credit note"}
    assert {row["description"] for row in rows if row["external_id"].endswith("/1")} == {"'=HYPERLINK(0)"}
    assert {row["payee"] for row in csv.DictReader(io.StringIO(to_csv(song, "ann"), newline=""))} == {"ann"}


def test_plain_data_is_exact(song: PeriodStatement) -> None:
    told = to_dict(song)
    assert told["payees"]["fan"]["credited"] == song.token.format(song["fan"].credited)
    assert Decimal(told["net"]) == Decimal(song.net).scaleb(-18)
    assert sum(Decimal(line["earned"]) for line in told["payees"]["ann"]["lines"]) == Decimal(
        told["payees"]["ann"]["earned"]
    )
    assert list(to_dict(song, "ann")["payees"]) == ["ann"]
    assert "lines" not in to_dict(song, lines=False)["payees"]["ann"]


def test_one_credit_note_is_one(song: PeriodStatement) -> None:
    notes = [sale for sale in song.sales if sale.amount < 0][:1]
    assert len(notes) == 1
    one = replace(song, sales=(*(sale for sale in song.sales if sale.amount >= 0), *notes))
    assert "of which 1 credit note<" in to_html(one)


def test_excel_keeps_every_digit(song: PeriodStatement) -> None:
    openpyxl: Any = import_module("openpyxl")
    content = to_excel(song, "ann")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["statement", "account", "tiers", "transactions", "lines"]
    rows = list(book["lines"].values)
    header, body, total = rows[0], rows[1:-1], rows[-1]
    earned = header.index("earned")
    exact = [song.token.parse(Decimal(str(row[earned]))) for row in (*body, total)]
    assert exact == [*(line.earned for line in song["ann"].lines), song["ann"].earned]
    amounts = [row[header.index("amount")] for row in body]
    assert isinstance(amounts[0], float)  # 0.001: a float shows it exactly
    assert amounts[1] == "0.333333333333333333"  # text: a float would lose digits
    assert body[0][header.index("description")] == "'=HYPERLINK(0)"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    assert not any("<f>" in sheet for sheet in sheets)
    assert openpyxl.load_workbook(io.BytesIO(to_excel(song))).sheetnames[1] == "payees"


class Page(HTMLParser):
    """What a page shows, and what it would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in ("src", "href", "style") or name[:2] == "on"
        ]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_html_shows_everything_and_fetches_nothing(song: PeriodStatement) -> None:
    page = Page(to_html(song))
    shown = " ".join(" ".join(page.words).split())
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags)
    assert page.fetched == []
    assert "url(" not in to_html(song)
    assert '<b>गीत</b> & "tune"' in shown
    for one in song:
        assert song.token.format(one.earned, grouped=True).rstrip("0") in shown
    assert song.remittance is not None
    assert str(song.remittance.tx_hash) in shown
    assert str(song.remittance.paid_by) in shown
    assert song.agreement in shown
    assert "2011-03-01 to 2011-03-31 (UTC)" in shown
    assert "2011-03/4" not in to_html(song, lines=False)


def test_the_screen_shows_it(song: PeriodStatement) -> None:
    out = io.StringIO()
    console = Console(file=out, width=220)
    console.print(to_rich(song))
    console.print(to_rich(song, "fan", lines=True))
    shown = out.getvalue()
    assert "What each payee earned and got (ETH)" in shown
    assert "Account of fan (ETH)" in shown
    assert "2011-03/4" in shown
    assert song.token.format(song["fan"].credited) in shown


@pytest.mark.parametrize("width", [60, 80, 140, 300])
def test_no_digit_is_cut_off_on_a_narrow_screen(song: PeriodStatement, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(to_rich(song, width=width))
    shown = out.getvalue()
    for one in song:
        for units in (one.gross, one.earned, one.paid, one.credited, one.carried_forward):
            assert song.token.format(units, grouped=True, full=True) in shown
        assert one.payee in shown


# ------------------------------------------------------------------------------------------ PDF


def test_pdf_shows_everything(world: World, ledger: Ledger) -> None:
    shop = statement_of(ledger, world.shop, "2010-12")
    pdf, said = to_pdf(shop, "designer")
    assert said == ()
    reader = PdfReader(io.BytesIO(pdf))
    shown = text_of(pdf)
    assert reader.metadata is not None
    assert reader.metadata.title == "Cosmetics to Australia · Statement for 2010-12: designer"
    assert len(reader.pages) > 1
    for words in ("Account of designer (GBPT)", "1,005.10", "Merkle root", "Shares by tier", "1 / "):
        assert words in shown
    assert all(sale.external_id in shown for sale in shop.sales)
    assert shop.remittance is not None
    assert str(shop.remittance.tx_hash) in shown.replace(" ", "")
    assert to_pdf(shop, "designer")[0] == pdf, "the same statement is the same file"


def test_no_figure_runs_off_the_paper() -> None:
    """With 18 decimals and many digits, figures of all payees stand below each other."""
    schedule = rs.Schedule(
        ("ann", "bob"),
        ("0x" + "1" * 40, "0x" + "2" * 40),
        make_schedule((None, (2, 1))).tiers,
        rs.Token(symbol="ETH", decimals=18),
    )
    when = datetime(2011, 3, 1, tzinfo=UTC)
    sales = [rs.Sale("shop", f"{number}", when, 10**26 + 1, "ETH", "x" * 20_000) for number in range(3)]
    large = period_statement(schedule, sales, agreement="A song", period="2011-03", ends_at=when)
    pdf, _ = to_pdf(large)
    assert text_of(pdf).count("200,000,000.000000000000000002") >= 3
    for page in PdfReader(io.BytesIO(pdf)).pages:
        places: list[float] = []

        def note(text: str, cm: Any, tm: Any, font: Any, size: Any, into: list[float] = places) -> None:
            into.append(cm[4] + tm[4])

        page.extract_text(visitor_text=note)
        assert max(places) < 842 - 14 / 25.4 * 72
    assert '<th class="text" scope="col">figure</th>' in to_html(large)


def named(*names: str) -> PeriodStatement:
    schedule = make_schedule((None, (1,) * len(names)), payees=names)
    return period_statement(
        schedule,
        [rs.Sale("shop", "1", datetime(2011, 3, 1, tzinfo=UTC), 10**6, "GBPT", "\u200b\x01tune\n2")],
        agreement="Zoë & Σοφία",
        period="2011-03",
        ends_at=datetime(2011, 4, 1, tzinfo=UTC),
    )


@pytest.mark.skipif(not FONT.is_file(), reason="DejaVu is not there: Debian's fonts-dejavu-core")
def test_names_in_many_scripts_are_in_the_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_PACKAGES", ())
    pdf, said = to_pdf(named("Ébéniste", "София", "Ελένη"), fonts=[FONT])
    assert said == ()
    assert all(name in text_of(pdf) for name in ("Ébéniste", "София", "Ελένη", "Zoë & Σοφία"))


@pytest.mark.skipif(not FONT.is_file(), reason="DejaVu is not there: Debian's fonts-dejavu-core")
@pytest.mark.parametrize("letters", ["0123456789abcdefghijklmnopqrstuvwxyz.,-", "ЁЯСофия"])
def test_figures_beside_names_from_another_font_are_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, letters: str
) -> None:
    """A font that lacks some letters is helped out by another, cell by cell, and digits stay digits."""
    subset: Any = import_module("fontTools.subset")
    small = tmp_path / "Small.ttf"
    subset.main([str(FONT), f"--text={letters}", f"--output-file={small}"])
    monkeypatch.setattr(fonts, "_PACKAGES", ())
    pdf, said = to_pdf(named("Ébéniste", "София", "plain"), fonts=[small, FONT])
    assert said == ()
    shown = text_of(pdf)
    for name in ("Ébéniste", "София", "plain"):
        assert f"{name} 0.333333 0.000000 0.333333 0.000000 0.000000" in shown
    assert "all 0.999999 0.000000 0.999999" in shown


def varying(path: Path) -> Path:
    """A font whose weight varies, of boxes: one for each letter of ASCII and of Cyrillic."""
    builders: Any = import_module("fontTools.fontBuilder")
    pens: Any = import_module("fontTools.pens.ttGlyphPen")
    letters = [*range(0x20, 0x7F), *range(0x400, 0x460), 0xB7, 0x2026, 0xC9, 0xEB, 0xE9, 0x3C3, 0x3AF]
    names = [".notdef", *(f"u{letter:04X}" for letter in letters)]
    pen = pens.TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, 500), (450, 500), (450, 0)):
        pen.lineTo(corner)
    pen.closePath()
    box = pen.glyph()
    made = builders.FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap(dict(zip(letters, names[1:], strict=True)))
    made.setupGlyf(dict.fromkeys(names, box))
    made.setupHorizontalMetrics(dict.fromkeys(names, (500, 50)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    made.setupFvar([("wght", 100, 400, 900, "Weight")], [])
    made.setupGvar({})
    made.setupOS2()
    made.setupPost()
    made.save(path)
    return path


def test_a_font_whose_weight_varies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "_files", lambda _: ())
    pdf, said = to_pdf(named("София", "plain"), fonts=[varying(tmp_path / "Boxes.ttf")])
    assert "no font here has the characters Σ α ο φ," in said[0]
    shown = text_of(pdf)
    for name in ("София", "plain"):
        assert f"{name} 0.50 0.00 0.50 0.00 0.00" in shown


def test_what_no_font_has_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "_files", lambda _: ())
    pdf, said = to_pdf(named("Ébéniste", "София"))
    assert len(said) == 1
    assert "no font here has the characters" in said[0]
    assert "С" in said[0]
    assert "Ébéniste" in text_of(pdf)
    assert "?????" in text_of(pdf)
    (tmp_path / "not.ttf").write_text("no font")
    with pytest.raises(rs.InvalidInput, match="not a TrueType or OpenType font"):
        to_pdf(named("a"), fonts=[tmp_path / "not.ttf"])


def test_fonts_of_a_folder_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not FONT.is_file():
        pytest.skip("DejaVu is not there: Debian's fonts-dejavu-core")
    (tmp_path / "My.ttf").write_bytes(FONT.read_bytes())
    monkeypatch.setenv("REVSHARE_FONTS", str(tmp_path))
    monkeypatch.setattr(fonts, "_PACKAGES", ())
    monkeypatch.setattr(fonts, "_system_folders", list)
    chosen, missing = fonts.choose(["София 日"])
    assert [font.path.name for font in chosen] == ["My.ttf"]
    assert missing == "日"


# ------------------------------------------------------------------------------------------ extras


@pytest.mark.parametrize(
    ("package", "extra", "make"),
    [
        ("openpyxl", "report", to_excel),
        ("jinja2", "report", to_html),
        ("fpdf", "report", to_pdf),
        ("rich", "cli", to_rich),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, extra: str, make: Any
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(rs.MissingExtra) as refused:
        make(named("a"))
    assert refused.value.extra == extra
