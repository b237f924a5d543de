"""The receipt as a PDF, in German, for riders and their tax advisers."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

from mobility.booking.bill_split import BillShare
from mobility.booking.receipt import Receipt, ReceiptLine
from payments.money import Money
from providers.price_item import ItemKind

_MODES = {
    "bus": "Bus",
    "ferry": "Fähre",
    "bike": "Leihrad",
    "scooter": "Leihroller",
    "car": "Leihauto",
}
_ITEMS = {
    ItemKind.BASE: "Grundpreis",
    ItemKind.TIME: "Zeit",
    ItemKind.DISTANCE: "Strecke",
    ItemKind.TICKET: "Fahrkarte",
    ItemKind.PASS: "mit hinterlegter Berechtigung",
    ItemKind.CAP: "Höchstpreis je 24 Stunden",
    ItemKind.DAY_CAP: "Höchstpreis am Tag",
    ItemKind.ROUNDING: "Rundung",
    ItemKind.ASKED_LESS: "vom Anbieter weniger verlangt",
    ItemKind.ENDED_BY_US: "von uns beendet, nicht weiter berechnet",
}
_UNITS = {"ride": "Fahrt", "person": "Person"}
_MOVEMENTS = {
    "charge": "abgebucht",
    "later_charge": "nachgebucht",
    "refund": "erstattet",
    "guarantee": "nach Fahrgastgarantie erstattet",
    "taken_back": "von der Bank zurückgeholt",
    "rebate": "über dem Tagesdeckel erstattet",
    "rebooking": "über dem festen Preis der Umbuchung erstattet",
    "goodwill": "aus Kulanz erstattet",
}

_PLAIN = str.maketrans(
    {"€": "EUR", "–": "-", "→": "->", "•": "*", "Ł": "L", "ł": "l", "ı": "i", "Đ": "D", "đ": "d"}
)
"""Letters that have no plain one beneath their marks, as Unicode has it, and our own signs."""
_INDENT_MM = 3.5
_TEXT_MM = 145


def render_receipt(receipt: Receipt, names: dict[str, str], title: str, zone: ZoneInfo) -> bytes:
    """The document; ``names`` are the providers' by id, ``title`` the city's.

    The same receipt gives the same bytes: the document is dated by the booking, not by its making.
    """
    pdf = _begin(receipt, "Beleg", title, zone)
    _line(pdf, "Vermittelt im Namen und für Rechnung der genannten Anbieter.")
    pdf.ln(4)
    for line in receipt.lines:
        _leg(pdf, line, names, zone)
    pdf.ln(2)
    _sum(pdf, "Summe", receipt.total)
    for percent in sorted({line.vat_percent for line in receipt.lines if line.gross}):
        of_rate = [line for line in receipt.lines if line.vat_percent == percent]
        vat = Money.total((line.vat for line in of_rate), receipt.total.currency)
        net = Money.total((line.net for line in of_rate), receipt.total.currency)
        tax = f"Umsatzsteuer {_percent(percent)}: {_amount(vat)}"
        _detail(pdf, f"netto {_amount(net)}, {tax}")
    _sum(pdf, "abgebucht", receipt.captured)
    if receipt.refunded:
        _sum(pdf, "erstattet", receipt.refunded)
    for what, amount in (
        ("noch offen", receipt.outstanding - receipt.too_little),
        ("zu wenig, um es abzubuchen", receipt.too_little),
    ):
        if amount:
            _sum(pdf, what, amount)
    for movement in receipt.movements:
        what = f"{_MOVEMENTS[movement.kind]} am {_day(movement.at, zone)}"
        by = f" ({movement.paid_with})" if movement.paid_with else ""
        _detail(pdf, f"{what}: {_amount(movement.amount)}{by}")
    _line(pdf, f"Ausstoß der Fahrt: {receipt.co2_grams} g CO2-Äquivalent")
    return bytes(pdf.output())


def render_split(
    receipt: Receipt, shares: Sequence[BillShare], title: str, zone: ZoneInfo
) -> bytes:
    """Who bears how much of a bill, with the tax in it; the shares add up to the bill."""
    pdf = _begin(receipt, "Geteilte Rechnung", title, zone)
    pdf.ln(4)
    for share in shares:
        _sum(pdf, share.label, share.amount, bold=True)
        for rate in share.rates:
            tax = f"enthaltene Umsatzsteuer {_percent(rate.vat_percent)}: {_amount(rate.vat)}"
            _detail(pdf, f"{_amount(rate.gross)}, {tax}")
    pdf.ln(2)
    _sum(pdf, "Summe, mit der Buchung bezahlt", receipt.paid)
    return bytes(pdf.output())


def _begin(receipt: Receipt, kind: str, title: str, zone: ZoneInfo) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.set_creation_date(receipt.booked_at)
    pdf.set_title(_text(f"{kind} {receipt.booking_id}"))
    pdf.add_page()
    _line(pdf, f"{kind} – {title}", size=18, height=12, bold=True)
    _line(pdf, f"Buchung {receipt.booking_id}")
    _line(pdf, f"gebucht am {_day(receipt.booked_at, zone)}")
    return pdf


def _leg(pdf: FPDF, line: ReceiptLine, names: dict[str, str], zone: ZoneInfo) -> None:
    name = names.get(line.provider_id, line.provider_id)
    _sum(pdf, f"{_MODES.get(line.mode, line.mode)} – {name}", line.gross, bold=True)
    if line.began_at is not None:
        _detail(pdf, f"Fahrt am {_day(line.began_at, zone)}")
    for calculation in line.calculation:
        _detail(pdf, f"{calculation}")
    for item in line.items:
        price = f"{item.units} x {_UNITS.get(item.unit, item.unit)} x {_exact(item.unit_price)}"
        _detail(pdf, f"{_ITEMS[item.kind]}: {price} = {_exact(item.amount)}")
    if line.off is None:
        _detail(pdf, f"nicht nachrechenbar: {line.off_because}")
    elif line.off:
        _detail(pdf, f"Abweichung von der Nachrechnung: {_amount(line.off)}")
    vat = f"enthaltene Umsatzsteuer {_percent(line.vat_percent)}: {_amount(line.vat)}"
    _detail(pdf, f"netto {_amount(line.net)}, {vat}, Tarif {line.tariff_version}")
    pdf.ln(2)


def _line(pdf: FPDF, text: str, *, size: int = 9, height: float = 5, bold: bool = False) -> None:
    pdf.set_font("Helvetica", "B" if bold else "", size)
    pdf.multi_cell(0, height, _text(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _detail(pdf: FPDF, text: str) -> None:
    """Indented, also where it goes on in a second line."""
    pdf.set_x(pdf.l_margin + _INDENT_MM)
    _line(pdf, text)


def _sum(pdf: FPDF, text: str, amount: Money, *, bold: bool = False) -> None:
    """With the amount at the end of the text's last line."""
    pdf.set_font("Helvetica", "B" if bold else "", 11)
    lines = pdf.multi_cell(
        _TEXT_MM, 6, _text(text), align="L", dry_run=True, output=MethodReturnValue.LINES
    )
    assert isinstance(lines, list)
    *first, last = lines
    for line in first:
        pdf.cell(_TEXT_MM, 6, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.cell(_TEXT_MM, 6, last)
    pdf.cell(0, 6, _amount(amount), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _amount(money: Money) -> str:
    return str(money).replace(".", ",")


def _exact(major: Decimal) -> str:
    """An amount in major units that may be less than a cent."""
    places = max(2, -int(major.normalize().as_tuple().exponent))
    return f"{major:.{places}f}".replace(".", ",")


def _percent(percent: Decimal) -> str:
    return f"{percent.normalize():f} %"


def _day(at: datetime, zone: ZoneInfo) -> str:
    """By the city's clock; in the hour that comes twice in a year, with which of the two it is."""
    local = at.astimezone(zone)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    which = f" ({local:UTC%z})" if twice else ""
    return f"{local:%d.%m.%Y um %H:%M Uhr}{which}"


def _text(text: str) -> str:
    """What the built-in fonts can show (Latin-1): other letters without their marks."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text).translate(_PLAIN)))


def _letter(one: str) -> str:
    for form in (one, unicodedata.normalize("NFD", one)[0]):
        if form.isascii() or form.encode("latin-1", "ignore"):
            return form
    return "?"
