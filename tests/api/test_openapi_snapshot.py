"""The whole application's document: complete, valid, and comparable with the stored one."""

import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from mobility.api.motis import geocode, map_stops, plan, refresh, rentals, stoptimes, trip
from tests.api.test_openapi import Json, lacks

app = pytest.importorskip("mobility.app", exc_type=ImportError)
openapi = pytest.importorskip("mobility.openapi", exc_type=ImportError)


MOTIS = (geocode, map_stops, plan, refresh, rentals, stoptimes, trip)


@pytest.fixture(scope="module")
def document() -> Json:
    return app.create_app().openapi()


def test_every_operation_is_complete(document: Json):
    assert lacks(document) == []


def test_the_document_is_valid_openapi(document: Json):
    validate(document)


def test_frameworks_own_error_shape_is_not_promised(document: Json):
    assert "HTTPValidationError" not in str(document)


def test_a_document_is_written_and_checked(tmp_path: Path):
    """The stored one is compared by ``make check``."""
    path = tmp_path / "docs" / "openapi.json"
    assert openapi.main(["--check", str(path)]) == 1
    assert openapi.main(["--write", str(path)]) == 0
    assert openapi.main(["--check", str(path)]) == 0
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert openapi.main(["--check", str(path)]) == 1


def test_the_document_names_whose_data_it_is(document: Json):
    described = document["info"]["description"]
    assert "© OpenStreetMap contributors, [ODbL 1.0](https://www.openstreetmap.org" in described
    assert "DELFI e.V. / gtfs.de, [CC BY 4.0](https://gtfs.de" in described


def test_the_document_leads_to_the_operations_that_another_one_describes(document: Json):
    """Those of MOTIS, each by its name."""
    described = document["info"]["description"]
    paths = [route.path for module in MOTIS for route in module.router.routes]
    questions = {re.sub(r"^/api/[^/]+/", "", path) for path in paths}
    assert {"plan", "map/stops"} < questions
    assert [each for each in questions if f"`{each}`" not in described] == []
    assert "(https://github.com/motis-project/motis/blob/master/openapi.yaml)" in described


def test_a_field_that_is_misspelt_is_refused_and_not_passed_over(document: Json):
    """Operators' pushes alone may carry more: fields of GBFS that we do not use."""
    schemas = document["components"]["schemas"]
    open_to_more = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        for name in _named(operation.get("requestBody", {}))
        if schemas[name].get("additionalProperties") is not False
    }
    assert {path for path in open_to_more if not path.startswith("/v1/provider/")} == set()
    assert schemas["SpendCeiling"]["additionalProperties"] is False


def _named(part: object) -> set[str]:
    """The schemas that a part of the document names."""
    if isinstance(part, list):
        return {name for each in part for name in _named(each)}
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
    return own | _named(list(part.values()))
