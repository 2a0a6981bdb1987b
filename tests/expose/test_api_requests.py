"""Requests that are made from the description of the API, in bulk: every answer is one that the description allows."""

import os
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fleetsync.expose.web import create_app
from tests.expose import example_page as e

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
REQUESTS = int(os.environ.get("API_REQUESTS", "4"))  # of each address; API_REQUESTS=500 looks longer
TOKEN = {"Authorization": "Bearer tea"}


@pytest.fixture(scope="module")
def described() -> Any:
    app = create_app(e.page_setup().services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, headers=TOKEN)


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@hypothesis.settings(max_examples=REQUESTS, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_every_answer_is_as_described(case):
    case.call_and_validate(headers=TOKEN, checks=CHECKS)
