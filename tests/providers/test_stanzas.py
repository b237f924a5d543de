"""An operator is a stanza of data; what does not hold together is refused at boot, by name."""

from pathlib import Path

import httpx
import pytest

from providers.bike.adapter import BikeShare
from providers.car.adapter import CarShare
from providers.registry import open_provider
from providers.stanza import ProviderStanza, StanzaError, get_stanza, read_stanzas
from providers.values import ReturnRule, VehicleType
from tests.providers.city import PROVIDERS_TOML

LUEBECK = Path(__file__).parents[2] / "mobility/cities/luebeck/providers.toml"


def open_bare(stanza: ProviderStanza, url: str | None = "http://operator") -> object:
    return open_provider(
        stanza,
        base_url=url,
        token=None,
        http=httpx.AsyncClient(),
        fares=None,
    )


def test_stanzas_become_values(stanzas: dict[str, ProviderStanza]):
    assert stanzas["demo-auto"].vehicle_types() == (
        VehicleType(
            id="klein",
            mode="car",
            name="Kleinwagen",
            electric=True,
            return_rule=ReturnRule.FREE_FLOATING,
            pricing_plan_id="klein",
            max_range_m=300_000,
            seats=4,
        ),
    )
    assert stanzas["demo-auto"].terms_value().driving_licence
    assert stanzas["demo-rad"].get_plan("rad").version == "2026-01"


def test_kinds_get_their_adapters(stanzas: dict[str, ProviderStanza]):
    assert isinstance(open_bare(stanzas["demo-rad"]), BikeShare)
    assert isinstance(open_bare(stanzas["demo-auto"]), CarShare)


def test_a_missing_part_is_named(stanzas: dict[str, ProviderStanza]):
    with pytest.raises(StanzaError, match="demo-rad: no address"):
        open_bare(stanzas["demo-rad"], url=None)
    with pytest.raises(StanzaError, match="demo-bus: no fare table"):
        open_bare(stanzas["demo-bus"])


def test_the_newest_version_of_a_plan_is_sold_and_older_ones_stay_known(tmp_path: Path):
    newer = PROVIDERS_TOML.replace(
        "[provider.demo_fleet]\nstations",
        '[[provider.pricing_plan]]\nid = "basis"\nversion = "2027-01"\nname = "Basis"\n'
        'price = "2.00"\n[provider.demo_fleet]\nstations',
    )
    path = tmp_path / "providers.toml"
    path.write_text(newer)
    stanza = get_stanza(path, "demo-rad")
    assert stanza.get_plan("rad").version == "2027-01"
    assert [plan.version for plan in stanza.pricing_plans()] == ["2026-01", "2027-01"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "bike"', 'kind = "balloon"', "kind"),
        ('protocol = "tomp-1.6"', 'protocol = "tomp-9"', "protocol"),
        ('protocol = "tomp-1.6"', "", "needs a protocol"),
        ('id = "demo-auto"', 'id = "demo-rad"', "demo-rad stands there twice"),
        ('id = "demo-auto"', 'id = "../etc"', "id"),
        ('modes = ["bike"]', 'modes = ["car"]', "does not serve car"),
        ('pricing_plan_id = "basis"', 'pricing_plan_id = "gone"', "no pricing plan gone"),
        ('price = "1.00"', 'price = "-1.00"', "price"),
        ("minimum_age = 16", "minimum_aeg = 16", "minimum_aeg"),
        ("hold_seconds = 600", 'hold_seconds = "600"', "hold_seconds"),
        ("ticket_minutes = 120", "", "needs fares and ticket_minutes"),
        ("[[provider]]", "[[provider", "providers.toml"),
        ('day_cap = "9.00"', 'day_cap = "9.00"\nday_zone = "Europe/Berlin"', "a price by time"),
        ('price = "1.00"\nday_cap = "9.00"', 'day_zone = "Europe/Berlin"', "a price by time"),
        (
            'price = "1.00"\nday_cap = "9.00"',
            'day_cap = "9.00"\nday_zone = "Mars/Utopia"',
            "no time zone 'Mars/Utopia'",
        ),
    ],
)
def test_what_does_not_hold_together_is_refused(tmp_path: Path, old: str, new: str, said: str):
    path = tmp_path / "providers.toml"
    path.write_text(PROVIDERS_TOML.replace(old, new, 1))
    with pytest.raises(StanzaError, match=said):
        read_stanzas(path)


def test_the_demo_city_is_readable():
    assert {stanza.kind for stanza in read_stanzas(LUEBECK)} == {"bus", "bike", "car"}
