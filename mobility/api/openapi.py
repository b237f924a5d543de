"""The OpenAPI document: every operation with an example of its answer and with its problems."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from mobility.api.errors import BY_STATUS, MEDIA_TYPE, TABLE, TYPE_PREFIX, ProblemType

Json = dict[str, Any]
_METHODS = ("get", "put", "post", "delete", "patch")
_SUCCESS = re.compile(r"2\d\d")
_NEEDS_ROLE = ("/v1/finance/", "/v1/operations/")
_PROBLEM_SCHEMA: Json = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable; other members depend on it.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request's id, which our log knows."},
    },
    "additionalProperties": True,
}


def list_problems() -> tuple[ProblemType, ...]:
    """Every kind of problem there is, by slug."""
    found = {problem.slug: problem for problem in (*BY_STATUS.values(), *TABLE.values())}
    return tuple(found[slug] for slug in sorted(found))


def problems(*which: int | str) -> dict[int | str, Json]:
    """The ``responses=`` of a route, by status or by slug.

    Raises:
        KeyError: there is no such problem.
    """
    by_slug = {problem.slug: problem for problem in list_problems()}
    answers: dict[int | str, Json] = {}
    for item in which:
        problem = BY_STATUS[item] if isinstance(item, int) else by_slug[item]
        answer = answers.setdefault(problem.status, _answer(problem))
        answer["content"][MEDIA_TYPE]["examples"][problem.slug] = _example(problem)
    return answers


def _example(problem: ProblemType) -> Json:
    return {
        "value": {
            "type": TYPE_PREFIX + problem.slug,
            "title": problem.title,
            "status": problem.status,
            "instance": "urn:request:5f0c7a4be0c94b7c8f6a1d2e3b4c5d6e",
        }
    }


def _answer(problem: ProblemType) -> Json:
    return {
        "description": HTTPStatus(problem.status).phrase,
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
        },
    }


def operation_id(route: APIRoute) -> str:
    """``generate_unique_id_function`` of the application: module and function, in camel case."""
    module = str(route.endpoint.__module__).rpartition(".")[2]
    first, *rest = f"{module}_{route.name}".strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def example_of(schema: Json, components: Json) -> Any:
    """An example of a schema, from its own or its parts' ``examples``.

    What an object's own example leaves out is completed with defaults and nulls; where nothing else
    is known of a part that may be null, it is null.

    Raises:
        LookupError: a part of it has no example.
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components)
    for name in ("examples", "enum"):
        if schema.get(name):
            return _with_defaults(schema[name][0], schema)
    for name in ("example", "const", "default"):
        if name in schema:
            return _with_defaults(schema[name], schema)
    return _composed_example(schema, components)


def _with_defaults(example: Any, schema: Json) -> Any:
    if not isinstance(example, dict):
        return example
    defaults = {
        name: part.get("default")
        for name, part in schema.get("properties", {}).items()
        if "default" in part or {"type": "null"} in part.get("anyOf", [])
    }
    return {**defaults, **example}


def _composed_example(schema: Json, components: Json) -> Any:
    for union in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(union, []):
            with contextlib.suppress(LookupError):
                return example_of(part, components)
    if schema.get("type") == "null":
        return None
    if schema.get("type") == "array":
        return [example_of(schema["items"], components)]
    if "properties" in schema:
        return {name: example_of(part, components) for name, part in schema["properties"].items()}
    raise LookupError(f"no example in {schema.get('title', schema)}")


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, item[method]


def _usual_problems(path: str, operation: Json) -> list[int]:
    found = [429, 500, 503]
    if "requestBody" in operation:
        found += [400, 413, 422]
    if operation.get("parameters"):
        found += [422]
    if "{" in path:
        found += [404]
    if operation.get("security"):
        found += [401]
    if path.startswith(_NEEDS_ROLE):
        found += [403]
    return found


def _complete(path: str, operation: Json, components: Json) -> None:
    answers: Json = operation["responses"]
    declared = answers.get("422", {}).get("content", {})
    if "application/json" in declared and MEDIA_TYPE not in declared:
        del answers["422"]
    for status, answer in problems(*_usual_problems(path, operation)).items():
        answers.setdefault(str(status), answer)
    for status, answer in answers.items():
        content = answer.get("content", {}).get("application/json")
        if not _SUCCESS.fullmatch(status) or content is None:
            continue
        if "example" not in content and "examples" not in content:
            try:
                content["example"] = example_of(content["schema"], components)
            except LookupError:
                continue


def install_openapi(app: FastAPI) -> None:
    """Serve a document that is complete: see the module. Call after all routers are included."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                servers=app.servers,
            )
            components = document.setdefault("components", {}).setdefault("schemas", {})
            for _path, operation in _operations(document):
                _complete(_path, operation, components)
            for unused in ("HTTPValidationError", "ValidationError"):
                components.pop(unused, None)
            components["Problem"] = _PROBLEM_SCHEMA
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
