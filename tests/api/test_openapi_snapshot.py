"""The whole application's document: complete, and stored as it is served."""

from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.api.test_openapi import lacks

app = pytest.importorskip("mobility.app", exc_type=ImportError)
STORED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_every_operation_is_complete():
    assert lacks(app.create_app().openapi()) == []


def test_the_document_is_valid_openapi():
    validate(app.create_app().openapi())


def test_the_stored_document_is_the_one_that_is_served(tmp_path: Path):
    from mobility.openapi import main  # noqa: PLC0415

    path = tmp_path / "docs" / "openapi.json"
    assert main(["--check", str(path)]) == 1
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0
    assert STORED.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
