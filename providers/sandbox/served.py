"""Which operator a request is for: a process may serve several by the same routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from providers.sandbox.faults import Faults
from providers.sandbox.rules import Operator

SERVED = "demo_operator"


@dataclass(frozen=True, slots=True)
class Served:
    """An operator, what it is to do wrong, and the token that opens it."""

    operator: Operator
    faults: Faults
    token: str


def served_by(request: Request) -> Served:
    """Whom the application of this request serves; it stands in the request's scope."""
    return cast("Served", request.scope[SERVED])


async def _operator(request: Request) -> Operator:
    return served_by(request).operator


async def _faults(request: Request) -> Faults:
    return served_by(request).faults


OperatorDep = Annotated[Operator, Depends(_operator)]
FaultsDep = Annotated[Faults, Depends(_faults)]
