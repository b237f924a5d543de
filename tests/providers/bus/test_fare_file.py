"""What is read of a file of fares, and what is wrong with one."""

from pathlib import Path

import pytest

from providers.bus.fares import FareDataError, FareTable, read_fares
from tests.providers.bus.test_fares import FARES, TABLE


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('id = "sh-tarif-2025"', 'id = "sh-tarif-2026-04-01"', "edition .* stands there twice"),
        ("valid_from = 2026-04-01", "", "valid_from None stands there twice"),
        ('scheme = "own"', 'scheme = "levels"', "names a product"),
        ('covers = ["sh-tarif"]', 'covers = ["hvv"]', "no tariff hvv"),
        ('"priwallfaehre"]\nvat', '"stadtverkehr-luebeck"]\nvat', "agency .* stands there twice"),
        (
            '{ product = "single:2", rider = "child", amount = "2.00" },',
            "",
            "edition sh-tarif-2025: no price for single:2:child, but for other levels",
        ),
        ('rider = "adult"', 'rider = "dog"', "rider dog has no name"),
        ('timezone = "Europe/Berlin"', 'timezone = "../x"', "field timezone"),
        ("[[tariff]]", "[[tariff", "fares.toml: "),
    ],
)
def test_broken_file(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = FARES.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "fares.toml").write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(FareDataError, match=complaint):
        read_fares(tmp_path / "fares.toml")


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FareDataError, match=r"fares\.toml"):
        read_fares(tmp_path / "fares.toml")


def test_table_is_named_by_its_newest_edition() -> None:
    assert isinstance(TABLE, FareTable)
    assert TABLE.version == "sh-tarif-2026-04-01"
