"""The OpenAPI document is valid 3.1 and names every problem code."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from handlers.errors import PROBLEMS
from handlers.openapi import document


def test_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_document_names_every_problem_code() -> None:
    assert document()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == sorted(PROBLEMS)
