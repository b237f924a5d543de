"""The receipt as a PDF, in German, for riders and their tax advisers."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from mobility.booking.receipt import Receipt, ReceiptLine
from payments.money import Money

_MODES = {
    "bus": "Bus",
    "ferry": "Fähre",
    "bike": "Leihrad",
    "scooter": "Leihroller",
    "car": "Leihauto",
}


def render_receipt(receipt: Receipt, names: dict[str, str], title: str, zone: ZoneInfo) -> bytes:
    """The document; ``names`` are the providers' by id, ``title`` the city's.

    The same receipt gives the same bytes: the document is dated by the booking, not by its making.
    """
    pdf = FPDF(format="A4")
    pdf.set_creation_date(receipt.booked_at)
    pdf.set_title(_text(f"Beleg {receipt.booking_id}"))
    pdf.add_page()
    _line(pdf, f"Beleg – {title}", size=18, height=12, bold=True)
    _line(pdf, f"Buchung {receipt.booking_id}", size=9)
    _line(pdf, f"gebucht am {_day(receipt.booked_at, zone)}", size=9)
    _line(pdf, "Vermittelt im Namen und für Rechnung der genannten Anbieter.", size=9)
    pdf.ln(4)
    for line in receipt.lines:
        _leg(pdf, line, names)
    pdf.ln(2)
    _sum(pdf, "Summe", receipt.total)
    _sum(pdf, "davon abgebucht", receipt.captured)
    if receipt.refunded:
        _sum(pdf, "davon erstattet", receipt.refunded)
    if receipt.outstanding:
        _sum(pdf, "noch offen", receipt.outstanding)
    _line(pdf, f"Ausstoß der Fahrt: {receipt.co2_grams} g CO2-Äquivalent", size=9)
    return bytes(pdf.output())


def _leg(pdf: FPDF, line: ReceiptLine, names: dict[str, str]) -> None:
    name = names.get(line.provider_id, line.provider_id)
    _sum(pdf, f"{_MODES.get(line.mode, line.mode)} – {name}", line.gross, bold=True)
    for calculation in line.calculation:
        _line(pdf, f"    {calculation}", size=9)
    vat = f"enthaltene Umsatzsteuer {line.vat_percent.normalize():f} %: {_amount(line.vat)}"
    _line(pdf, f"    {vat}, Tarif {line.tariff_version}", size=9)
    pdf.ln(2)


def _line(pdf: FPDF, text: str, *, size: int, height: float = 5, bold: bool = False) -> None:
    pdf.set_font("Helvetica", "B" if bold else "", size)
    pdf.multi_cell(0, height, _text(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _sum(pdf: FPDF, text: str, amount: Money, *, bold: bool = False) -> None:
    pdf.set_font("Helvetica", "B" if bold else "", 11)
    pdf.cell(145, 6, _text(text))
    pdf.cell(0, 6, _amount(amount), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _amount(money: Money) -> str:
    return str(money).replace(".", ",")


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%d.%m.%Y um %H:%M Uhr")


def _text(text: str) -> str:
    """What the built-in fonts can show (Latin-1)."""
    plain = text.replace("€", "EUR").replace("–", "-").replace("→", "->")
    return plain.encode("latin-1", "replace").decode("latin-1")
