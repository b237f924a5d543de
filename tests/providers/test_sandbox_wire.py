"""The demo operator's answers against the published TOMP-API 1.6 and GBFS 3.0 schemas."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft4Validator, Draft7Validator

from providers.tomp.client import tomp_headers
from tests.providers.sandboxes import TOKEN, Sandbox

SPECS = Path(__file__).parents[3] / "shared/specs"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not SPECS.exists(), reason="the specifications do not lie beside us"),
]
HEADERS = dict(tomp_headers("mobility", TOKEN))
PLANNING = {
    "from": {"name": "Hbf", "coordinates": {"lat": 53.8671, "lng": 10.6698}},
    "to": {"name": "Koberg", "coordinates": {"lat": 53.8722, "lng": 10.6890}},
    "departureTime": "2026-11-26T08:00:00+01:00",
    "arrivalTime": "2026-11-26T08:12:00+01:00",
    "nrOfTravelers": 1,
    "travelers": [{"isValidated": True}],
    "useAssets": ["car-1"],
    "extraInfo": {"bookingId": "leg_1"},
}


@pytest.fixture(scope="module")
def tomp() -> dict[str, Any]:
    definition = yaml.safe_load((SPECS / "tomp-1.6.yaml").read_text())
    # A tokenDefault fits tokenDeeplink too; OpenAPI's discriminator picks, JSON Schema cannot.
    token = definition["components"]["schemas"]["token"]["properties"]
    token["tokenData"] = {"$ref": "#/components/schemas/tokenDefault"}
    return definition


def check(tomp: dict[str, Any], path: str, method: str, answer: httpx.Response) -> Any:
    """The body, once it fits the response that the definition gives for its status."""
    response = tomp["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = tomp["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    schema = response["content"]["application/json"]["schema"]
    validator = Draft4Validator({"components": tomp["components"], "allOf": [schema]})
    assert [error.message for error in validator.iter_errors(answer.json())] == []
    return answer.json()


def test_a_whole_rental_is_spoken_as_defined(tomp: dict[str, Any], cars: Sandbox):
    with httpx.Client(base_url=cars.url, headers=HEADERS) as http:

        def post(path: str, url: str, body: dict[str, Any]) -> Any:
            return check(tomp, path, "post", http.post(url, json=body))

        assert post("/planning/offers", "/planning/offers", PLANNING)["options"]
        post("/bookings", "/bookings", {"id": "leg_1", "customer": {"externalId": "r"}})
        events = "/bookings/{id}/events"
        post(events, "/bookings/leg_1/events", {"operation": "COMMIT"})
        at = {"time": "2026-11-26T08:00:00+01:00"}
        post("/legs/{id}/events", "/legs/leg_1/events", {"event": "SET_IN_USE", **at})
        ended = post("/legs/{id}/events", "/legs/leg_1/events", {"event": "FINISH", **at})
        assert ended["state"] == "FINISHED"
        check(tomp, "/bookings/{id}", "get", http.get("/bookings/leg_1"))
        refused = http.post("/bookings/leg_1/events", json={"operation": "CANCEL"})
        assert refused.status_code == 403
        check(tomp, events, "post", refused)
        malformed = http.post("/bookings/leg_1/events", json={"operation": "SING"})
        assert malformed.status_code == 400
        check(tomp, events, "post", malformed)


@pytest.mark.parametrize("what", ["available-assets", "stations", "pricing-plans"])
@pytest.mark.parametrize("kind", ["bikes", "cars"])
def test_operator_information_is_as_defined(
    tomp: dict[str, Any], request: pytest.FixtureRequest, kind: str, what: str
):
    sandbox = request.getfixturevalue(kind)
    path = f"/operator/{what}"
    check(tomp, path, "get", httpx.get(sandbox.url + path, headers=HEADERS))


@pytest.mark.parametrize(
    "headers", [{}, {"Api-Version": "2.0"}, {"Authorization": "Bearer other"}], ids=str
)
def test_callers_must_say_who_they_are(bikes: Sandbox, headers: dict[str, str]):
    sent = {**HEADERS, **headers} if headers else {}
    answer = httpx.get(f"{bikes.url}/operator/stations", headers=sent)
    assert answer.status_code in {400, 401}


def test_pushes_are_gbfs_items(bikes: Sandbox):
    state = httpx.get(f"{bikes.url}/sandbox/state").json()
    for name, key in [
        ("vehicle_status", "vehicles"),
        ("station_status", "stations"),
        ("station_information", "stations"),
    ]:
        schema = json.loads((SPECS / f"gbfs/v3.0/{name}.json").read_text())
        items = schema["properties"]["data"]["properties"][key]
        assert [e.message for e in Draft7Validator(items).iter_errors(state[key])] == []
