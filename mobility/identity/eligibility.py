"""Whether a person meets a provider's terms, and what would make it so."""

from __future__ import annotations

from datetime import date

from mobility.identity.vault import PersonalData
from providers.values import Terms


def age_on(birth_date: date, on: date) -> int:
    """Completed years. Who was born on 29 February completes one on 1 March (§ 188 (2) BGB)."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def meets(terms: Terms, person: PersonalData | None, on: date) -> tuple[str, ...]:
    """Why not, in German, each with what would make it so; empty when nothing stands against it.

    ``person`` is None for somebody who is not signed in: then every condition is named. ``on`` is
    the local day of the ride. What a rider declares is believed; the provider may check it.
    """
    return tuple(reason for reason in (_age(terms, person, on), _licence(terms, person)) if reason)


def _age(terms: Terms, person: PersonalData | None, on: date) -> str | None:
    if terms.minimum_age <= 0:
        return None
    condition = f"Der Anbieter verlangt ein Mindestalter von {terms.minimum_age} Jahren"
    if person is None:
        return f"{condition}: bitte anmelden und das Geburtsdatum im Profil angeben."
    if person.birth_date is None:
        return f"{condition}: bitte das Geburtsdatum im Profil angeben."
    if age_on(person.birth_date, on) >= terms.minimum_age:
        return None
    day = _birthday(person.birth_date, terms.minimum_age)
    return f"{condition}: möglich ab dem {day:%d.%m.%Y}."


def _birthday(birth_date: date, years: int) -> date:
    try:
        return birth_date.replace(year=birth_date.year + years)
    except ValueError:
        return date(birth_date.year + years, 3, 1)


def _licence(terms: Terms, person: PersonalData | None) -> str | None:
    if not terms.driving_licence:
        return None
    if person is None:
        return "Der Anbieter verlangt einen Führerschein: bitte anmelden und ihn im Profil angeben."
    if person.driving_licence is None:
        return "Der Anbieter verlangt einen Führerschein: bitte ihn im Profil angeben."
    return None
