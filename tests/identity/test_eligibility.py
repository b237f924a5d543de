from datetime import date

import pytest

from mobility.identity.eligibility import age_on, meets
from mobility.identity.vault import DrivingLicence, LicenceStatus, PersonalData
from providers.values import Terms

CAR = Terms(minimum_age=18, driving_licence=True)
TODAY = date(2026, 11, 25)


def person(born: str | None = None, *, licence: bool = False) -> PersonalData:
    return PersonalData(
        email="anna@example.org",
        birth_date=date.fromisoformat(born) if born else None,
        driving_licence=DrivingLicence(LicenceStatus.DECLARED, TODAY) if licence else None,
    )


AGE = "Der Anbieter verlangt ein Mindestalter von 18 Jahren: "
LICENCE = "Der Anbieter verlangt einen Führerschein: "


@pytest.mark.parametrize(
    ("who", "reasons"),
    [
        (
            None,
            (
                AGE + "bitte anmelden und das Geburtsdatum im Profil angeben.",
                LICENCE + "bitte anmelden und ihn im Profil angeben.",
            ),
        ),
        (
            person(),
            (
                AGE + "bitte das Geburtsdatum im Profil angeben.",
                LICENCE + "bitte ihn im Profil angeben.",
            ),
        ),
        (person("2008-11-26", licence=True), (AGE + "möglich ab dem 26.11.2026.",)),
        (person("2008-11-25", licence=True), ()),
        (person("1991-04-23"), (LICENCE + "bitte ihn im Profil angeben.",)),
        (person("1991-04-23", licence=True), ()),
    ],
)
def test_a_car_asks_for_age_and_licence(who: PersonalData | None, reasons: tuple[str, ...]):
    assert meets(CAR, who, TODAY) == reasons


def test_a_bus_asks_for_nothing():
    assert meets(Terms(), None, TODAY) == ()


def test_who_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march():
    assert meets(CAR, person("2008-02-29", licence=True), date(2026, 2, 28)) == (
        AGE + "möglich ab dem 01.03.2026.",
    )
    assert meets(CAR, person("2008-02-29", licence=True), date(2026, 3, 1)) == ()
    assert age_on(date(2008, 2, 29), date(2028, 2, 29)) == 20
