"""A tiny city's operators as text, and the orders that tests place with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gtfs.geo import LatLon
from payments.money import Money
from providers.values import LegOrder, Mode, ProviderId, VehicleRef

PROVIDERS_TOML = """
[[provider]]
id = "demo-bus"
kind = "bus"
name = "Demo-Bus"
demo = true
modes = ["bus"]
agency_ids = ["demo-bus"]
vat_percent = 7
ticket_minutes = 120
fares = "fares.toml"

[[provider]]
id = "demo-rad"
kind = "bike"
name = "Demo-Rad"
demo = true
modes = ["bike"]
vat_percent = 19
protocol = "tomp-1.6"
hold_seconds = 600
extends_hold = true
[provider.terms]
minimum_age = 16
[[provider.vehicle_type]]
id = "rad"
mode = "bike"
name = "Stadtrad"
return_rule = "any_station"
pricing_plan_id = "basis"
[[provider.pricing_plan]]
id = "basis"
version = "2026-01"
name = "Basis"
currency = "EUR"
price = "1.00"
day_cap = "9.00"
per_min = [{ start = 0, rate = "0.50", interval = 15 }]
[provider.demo_fleet]
stations = "bike_stations.csv"

[[provider]]
id = "demo-auto"
kind = "car"
name = "Demo-Auto"
demo = true
modes = ["car"]
vat_percent = 19
protocol = "tomp-1.6"
hold_seconds = 600
extends_hold = true
[provider.terms]
minimum_age = 18
driving_licence = true
[[provider.vehicle_type]]
id = "klein"
mode = "car"
name = "Kleinwagen"
electric = true
return_rule = "free_floating"
pricing_plan_id = "klein"
max_range_m = 300000
seats = 4
[[provider.pricing_plan]]
id = "klein"
version = "2026-01"
name = "Klein"
currency = "EUR"
price = "0.00"
per_min = [{ start = 0, rate = "0.20", interval = 1 }]
per_km = [{ start = 0, rate = "0.25", interval = 1 }]
[provider.demo_fleet]
vehicles = "cars.csv"
"""
BIKE_STATIONS_CSV = """station_id,name,lat,lon,capacity,rad
hbf,Hauptbahnhof,53.8671,10.6698,4,2
koberg,Koberg,53.8722,10.6890,4,1
"""
CARS_CSV = """vehicle_ref,vehicle_type_id,lat,lon,range_m
car-1,klein,53.8660,10.6800,250000
car-2,klein,53.8700,10.6900,120000
"""
HBF = LatLon(53.8671, 10.6698)
KOBERG = LatLon(53.8722, 10.6890)


def write_city(folder: Path) -> Path:
    """The city as files; the path of its providers.toml."""
    (folder / "bike_stations.csv").write_text(BIKE_STATIONS_CSV)
    (folder / "cars.csv").write_text(CARS_CSV)
    path = folder / "providers.toml"
    path.write_text(PROVIDERS_TOML)
    return path


def bike_order(key: str, vehicle: str = "hbf-01") -> LegOrder:
    """A bike from Hauptbahnhof to Koberg."""
    departs_at = datetime.now(UTC).replace(microsecond=0)
    return LegOrder(
        key=key,
        rider="pseudonym-1",
        provider_id=ProviderId("demo-rad"),
        mode=Mode.BIKE,
        departs_at=departs_at,
        arrives_at=departs_at + timedelta(minutes=12),
        origin=HBF,
        destination=KOBERG,
        origin_name="Hauptbahnhof",
        destination_name="Koberg",
        price=Money(150),
        vehicle_ref=VehicleRef(vehicle),
        tariff_version="basis/2026-01",
    )


def car_order(key: str, vehicle: str = "car-1") -> LegOrder:
    """A car from Holstentor to Koberg."""
    return replace(
        bike_order(key, vehicle),
        provider_id=ProviderId("demo-auto"),
        mode=Mode.CAR,
        price=Money(500),
        tariff_version="klein/2026-01",
    )


def bus_order(key: str) -> LegOrder:
    """A bus that leaves in ten minutes, on a single ticket of level 2."""
    order = bike_order(key)
    return replace(
        order,
        provider_id=ProviderId("demo-bus"),
        mode=Mode.BUS,
        departs_at=order.departs_at + timedelta(minutes=10),
        arrives_at=order.departs_at + timedelta(minutes=22),
        price=Money(360),
        vehicle_ref=None,
        product="single:2:adult",
        tariff_version="sh-2026-04-01",
    )
