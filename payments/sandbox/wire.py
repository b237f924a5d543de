"""Stripe's wire habits: nested forms in, objects, lists and errors out (docs.stripe.com/api)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]
API_VERSION = "2026-10-28.endive"
_PART = re.compile(r"[^\[\]]+|\[\]")
_DEPTH = 8


class StripeError(Exception):
    """An error body of Stripe's. If ``executed``, it is stored for the idempotency key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        fields = {"type": kind, "code": code, "message": message, "param": param, **more}
        self.body: Json = {
            "error": {name: value for name, value in fields.items() if value is not None}
        }


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> StripeError:
    """A request that fails validation: 400, not stored."""
    return StripeError(400, message, code=code, param=param)


def missing(noun: str, object_id: str, param: str = "id", *, status: int = 404) -> StripeError:
    """An object that is not there."""
    return StripeError(
        status, f"No such {noun}: '{object_id}'", code="resource_missing", param=param
    )


def parse_form(encoded: str) -> Json:
    """``a[b][0]=c`` as nested dicts; a dict whose keys are 0, 1, 2, … becomes a list.

    Raises:
        StripeError: 400, nested too deeply or a name that is both a value and a parent.
    """
    root: Json = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise invalid("Too many parameters.") from error
    for name, value in pairs:
        parts = _PART.findall(name)
        if not parts or len(parts) > _DEPTH:
            raise invalid(f"Invalid parameter name: {name[:80]}", code="parameter_unknown")
        here = root
        for part in parts[:-1]:
            step = here.setdefault(_step(part, here), {})
            if not isinstance(step, dict):
                raise invalid(f"Invalid parameter name: {name[:80]}", code="parameter_unknown")
            here = step
        here[_step(parts[-1], here)] = value
    return {name: _lists(value) for name, value in root.items()}


def _step(part: str, here: Json) -> str:
    return str(len(here)) if part == "[]" else part


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and all(name == str(index) for index, name in enumerate(inner)):
        return list(inner.values())
    return inner


def text(params: Mapping[str, Any], name: str, *, needed: bool = False) -> str | None:
    """A text parameter; absent and empty are None.

    Raises:
        StripeError: 400, missing though needed, or not a text.
    """
    value = params.get(name)
    if value is None or value == "":
        if needed:
            raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return None
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", param=name)
    return value


def need(params: Mapping[str, Any], name: str) -> str:
    """A text parameter that must be there."""
    return text(params, name, needed=True) or ""


def integer(params: Mapping[str, Any], name: str) -> int | None:
    """A whole-number parameter, if given.

    Raises:
        StripeError: 400, not a whole number.
    """
    value = text(params, name)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,15}", value):
        raise invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def metadata(params: Mapping[str, Any]) -> dict[str, str]:
    """The metadata given: a flat dict of texts."""
    given = params.get("metadata") or {}
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise invalid("Invalid metadata", param="metadata")
    return dict(given)


def method_types(params: Mapping[str, Any]) -> list[str]:
    """The types of payment methods allowed, those that exist here; cards where nobody says.

    Raises:
        StripeError: 400, another type, or not a list.
    """
    given = params.get("allowed_payment_method_types") or ["card"]
    known = ("card", "sepa_debit")
    if not isinstance(given, list) or any(each not in known for each in given):
        raise invalid(
            "Invalid allowed_payment_method_types: must be a list of card, sepa_debit",
            param="allowed_payment_method_types",
        )
    return list(given)


def page(objects: Sequence[Json], params: Mapping[str, Any], url: str) -> Json:
    """A list object: newest first, ``limit``, ``starting_after``, ``created[gte|gt|lte|lt]``."""
    limit = integer(params, "limit") or 10
    if not 1 <= limit <= 100:
        raise invalid(f"Invalid limit: {limit}, must be between 1 and 100", param="limit")
    found = [each for each in reversed(objects) if _created(each, params.get("created"))]
    after = text(params, "starting_after")
    if after is not None:
        at = next((i for i, each in enumerate(found) if each["id"] == after), None)
        if at is None:
            raise missing("object", after, "starting_after", status=400)
        found = found[at + 1 :]
    return {
        "object": "list",
        "url": url,
        "has_more": len(found) > limit,
        "data": found[:limit],
    }


def _created(each: Json, bounds: Any) -> bool:
    if bounds is None:
        return True
    if isinstance(bounds, str):
        bounds = {"gte": bounds, "lte": bounds}
    at: int = each["created"]
    tests: dict[str, Callable[[int], bool]] = {
        "gte": lambda bound: at >= bound,
        "gt": lambda bound: at > bound,
        "lte": lambda bound: at <= bound,
        "lt": lambda bound: at < bound,
    }
    return all(
        test(bound) for name, test in tests.items() if (bound := integer(bounds, name)) is not None
    )


def render(value: Any, find: Callable[[str], Json | None], expand: Sequence[str]) -> Any:
    """A copy without private fields (``_…``), with the ids that ``expand`` names replaced."""
    if isinstance(value, list):
        return [render(each, find, expand) for each in value]
    if not isinstance(value, dict):
        return value
    heads: dict[str, list[str]] = {}
    for path in expand:
        head, _, rest = path.partition(".")
        heads.setdefault(head, []).extend([rest] if rest else [])
    shown: Json = {}
    for name, inner in value.items():
        if name.startswith("_"):
            continue
        deeper = heads.get(name)
        if deeper is not None and isinstance(inner, str):
            inner = find(inner) or inner  # noqa: PLW2901 - the object in place of its id
        shown[name] = render(inner, find, deeper or ())
    return shown
