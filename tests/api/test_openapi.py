from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mobility.api.openapi import example_of, problems

Json = dict[str, Any]
BODILESS = {"204", "304"}


def lacks(document: Json) -> list[str]:
    """What an operation must have and does not; empty when the document is complete."""
    found: list[str] = []
    seen: set[str] = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path.startswith(("/v1/trial", "/v1/provider/raw")):
                continue
            where = f"{method.upper()} {path}"
            found += [f"{where}: {part}" for part in _parts_lacking(operation)]
            found += [f"{where}: {part}" for part in _examples_lacking(operation, document)]
            if operation["operationId"] in seen:
                found.append(f"{where}: operationId is not its own")
            seen.add(operation["operationId"])
    return found


def _parts_lacking(operation: Json) -> list[str]:
    lacking = [part for part in ("operationId", "summary", "tags") if not operation.get(part)]
    media = {
        status: set(answer.get("content", {}))
        for status, answer in operation["responses"].items()
        if status[0] in "45"
    }
    lacking += [
        f"problem {needed}"
        for needed in ("429", "500")
        if "application/problem+json" not in media.get(needed, set())
    ]
    if operation.get("security") and "401" not in media:
        lacking.append("problem 401")
    if "requestBody" in operation and not {"400", "413", "422"} <= set(media):
        lacking.append("problems of a body")
    return lacking


def _examples_lacking(operation: Json, document: Json) -> list[str]:
    lacking = []
    for status, answer in operation["responses"].items():
        if status[0] != "2" or status in BODILESS:
            continue
        for media, content in answer.get("content", {}).items():
            examples = [item["value"] for item in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            if not examples:
                lacking.append(f"example of {status} {media}")
            schema = {**content.get("schema", {}), "components": document["components"]}
            if media == "application/json":
                lacking += [
                    f"example of {status} does not fit: {error.message}"
                    for example in examples
                    for error in Draft202012Validator(schema).iter_errors(example)
                ]
    return lacking


def test_an_example_is_made_of_its_parts():
    components: Json = {
        "Leg": {"properties": {"mode": {"enum": ["bus", "bike"]}, "n": {"examples": [3]}}}
    }
    schema: Json = {
        "properties": {
            "legs": {"type": "array", "items": {"$ref": "#/components/schemas/Leg"}},
            "note": {"anyOf": [{"type": "string", "examples": ["x"]}, {"type": "null"}]},
        }
    }
    assert example_of(schema, components) == {"legs": [{"mode": "bus", "n": 3}], "note": "x"}
    whole: Json = {"properties": {"n": {"default": None}, "m": {}}, "examples": [{"m": 1}]}
    assert example_of(whole, {}) == {"n": None, "m": 1}
    assert example_of({"anyOf": [{"type": "string"}, {"type": "null"}]}, {}) is None
    with pytest.raises(LookupError):
        example_of({"type": "string"}, {})


def test_problems_of_one_status_stand_together():
    answers = problems("hold-expired", "vehicle-unavailable", 404)
    assert set(answers) == {404, 409}
    examples = answers[409]["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"hold-expired", "vehicle-unavailable"}
    with pytest.raises(KeyError):
        problems("invented")
