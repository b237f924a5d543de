"""What each problem ``type`` means; the types are links that work."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from mobility.api.errors import TYPE_PREFIX
from mobility.api.openapi import list_problems

router = APIRouter(tags=["problems"])


class ProblemView(BaseModel):
    """A kind of problem."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])


class ProblemList(BaseModel):
    """Every kind of problem this API answers with."""

    problems: list[ProblemView]


_KINDS = {
    kind.slug: ProblemView(type=TYPE_PREFIX + kind.slug, title=kind.title, status=kind.status)
    for kind in list_problems()
}


@router.get("/problems", response_model=ProblemList, summary="List the kinds of problem")
async def list_kinds() -> ProblemList:
    """All types that a problem document can have here."""
    return ProblemList(problems=list(_KINDS.values()))


@router.get("/problems/{slug}", response_model=ProblemView, summary="Explain a kind of problem")
async def show(slug: str) -> ProblemView:
    """What a problem document's ``type`` leads to."""
    if slug not in _KINDS:
        raise HTTPException(404)
    return _KINDS[slug]
