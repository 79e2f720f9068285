"""The API keeps what its OpenAPI document says: every operation, with data that fits and data that does not."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from portal.api_tokens import Scope
from portal.people import Role
from portal.web.api import resources, roots
from portal.web.api.endpoints import OPERATIONS
from tests.api import REQUEST, ROOT, Api, open_api

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    allow_header_conformance,
    negative_data_rejection,
]
#: How many requests of each kind one operation gets; what has many shapes gets more.
EXAMPLES, MANY = 5, {"act_on_ticket": 12}
REFUSED = ("400", "401", "403", "404", "405", "409", "413", "415", "422")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
assert resources
assert roots


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = open_api(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def token(api: Api) -> dict[str, str]:
    return api.token(*Scope, roles=frozenset(Role))


@pytest.fixture(scope="module")
def known(api: Api) -> dict[str, str | int]:
    """A request and its key, so that what is generated finds something."""
    sent = api.post("/requests", REQUEST).json
    assert sent is not None
    api.get("/search", q="flux capacitor", language="fr")
    return {"number": sent["number"], "token": sent["token"], "slug": "reset-password"}


@pytest.fixture(scope="module")
def document(api: Api) -> OpenApiSchema:
    read = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", api.app)
    # A text that is longer than it may be can be longer than anything may be.
    read.config.checks.negative_data_rejection.expected_statuses = [*REFUSED]
    return read


def ask(name: str, mode: GenerationMode, document: OpenApiSchema, token: dict[str, str], known: dict[str, Any]) -> int:
    """Generate requests of one operation, check each answer, and count them."""
    operation = document.find_operation_by_id(name)
    count = 0

    @settings(
        max_examples=MANY.get(name, EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case[Any]) -> None:
        nonlocal count
        count += 1
        if mode.is_positive and count % 5:
            for part in case.path_parameters.keys() & known.keys():
                case.path_parameters[part] = known[part]
        case.call_and_validate(headers=token, checks=CHECKS)

    run()
    return count


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_fits_is_answered_as_the_document_says(
    name: str, document: OpenApiSchema, token: dict[str, str], known: dict[str, str | int]
) -> None:
    assert ask(name, GenerationMode.POSITIVE, document, token, known)


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS.values() if each.query or each.body or each.parts])
def test_what_does_not_fit_is_refused_as_the_document_says(
    name: str, document: OpenApiSchema, token: dict[str, str], known: dict[str, str | int]
) -> None:
    assert ask(name, GenerationMode.NEGATIVE, document, token, known)


@pytest.mark.parametrize("path", sorted({each.path for each in OPERATIONS.values()}))
def test_other_methods_are_refused_with_those_that_there_are(api: Api, path: str, token: dict[str, str]) -> None:
    address = ROOT + path.replace("{number}", "1").replace("{language}", "en").replace("{slug}", "a")
    declared = {each.method for each in OPERATIONS.values() if each.path == path}

    for method in METHODS:
        answered = api.client.open(address, method=method, headers=token)
        if method not in declared:
            assert answered.status_code == 405, method
            assert answered.mimetype == "application/problem+json"
            assert declared <= set(answered.headers["Allow"].split(", "))


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS.values() if each.scope])
def test_without_its_scope_nothing_of_staff_is_told(api: Api, name: str) -> None:
    operation = OPERATIONS[name]
    address = ROOT + operation.path.replace("{number}", "1")
    others = api.token(*(set(Scope) - {operation.scope}), roles=frozenset(Role))

    assert api.client.open(address, method=operation.method, json={}).status_code == 401
    refused = api.client.open(address, method=operation.method, json={}, headers=others)
    assert refused.status_code == 403
    assert refused.json["scope"] == operation.scope.value if refused.json and operation.scope else False
