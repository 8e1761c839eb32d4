"""The published OpenAPI document of the Admin API, and what of an exchange does not match it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

DOCUMENT = Path(__file__).parents[4] / "shared" / "reference" / "dbt-cloud-admin-api-v2.openapi.yaml"
"""Beside the repository; it is not part of it."""
SERVER = "https://cloud.getdbt.com"


class Asked(NamedTuple):
    """A request. `operation` is the operationId that it is meant for."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Answered(NamedTuple):
    """An answer."""

    status: int
    media_type: str
    body: bytes


def available() -> bool:
    """Whether there is a document to check against."""
    return DOCUMENT.is_file()


def prepare() -> None:
    """Reads the document, which takes a second, before somebody waits for an answer."""
    _document()


def mismatches(asked: Asked, answered: Answered | None) -> Iterator[str]:
    """What is wrong about a request and about its answer, if that is to be looked at."""
    api, parameters = _document()
    unknown = asked.query.keys() - parameters[asked.operation]
    if unknown:
        yield f"{asked.operation}: no such query parameter: {', '.join(sorted(unknown))}"
    request = MockRequest(
        SERVER,
        asked.method.lower(),
        asked.path,
        args=dict(asked.query),
        headers=dict(asked.headers),
        data=asked.body or None,
        content_type=asked.headers.get("Content-Type", ""),
    )
    try:
        api.validate_request(request)
        if answered:
            response = MockResponse(answered.body, answered.status, content_type=answered.media_type)
            api.validate_response(request, response)
    except OpenAPIError as error:
        yield f"{asked.operation}: {_whole(error)}"


@cache
def _document() -> tuple[OpenAPI, Mapping[str, set[str]]]:
    """The document with every object closed, since a misspelt key would pass otherwise; and the query parameters
    of every operation."""
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_bytes())
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    operations = [
        operation for item in document["paths"].values() for operation in item.values() if isinstance(operation, dict)
    ]
    parameters = {
        operation["operationId"]: {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        for operation in operations
    }
    # It breaks a rule of OpenAPI's own (a default that is null); that is not what is asked here.
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None)), parameters  # type: ignore[arg-type]


def _whole(error: BaseException) -> str:
    """An error and what lies beneath it."""
    beneath = [_whole(error.__cause__)] if error.__cause__ else []
    return " <- ".join([str(error), *beneath])
