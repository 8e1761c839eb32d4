"""The published OpenAPI document of the Admin API, and what of an exchange does not match it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

DOCUMENT = Path(__file__).parents[4] / "shared" / "reference" / "dbt-cloud-admin-api-v2.openapi.yaml"
"""Beside the repository; it is not part of it."""
SERVER = "https://cloud.getdbt.com"


def available() -> bool:
    """Whether there is a document to check against."""
    return DOCUMENT.is_file()


def mismatches(
    method: str,
    path: str,
    query: Mapping[str, Any],
    headers: Mapping[str, str],
    body: bytes,
    answer: tuple[int, str, bytes] | None,
) -> Iterator[str]:
    """What is wrong about a request and about its answer (status, media type, body), if it is to be looked at."""
    request = MockRequest(
        SERVER,
        method.lower(),
        path,
        args=dict(query),
        headers=dict(headers),
        data=body or None,
        content_type=headers.get("Content-Type", ""),
    )
    try:
        _document().validate_request(request)
        if answer:
            status, media_type, content = answer
            _document().validate_response(request, MockResponse(content, status, content_type=media_type))
    except OpenAPIError as error:
        yield f"{method} {path}: {_whole(error)}"


@cache
def _document() -> OpenAPI:
    # The document breaks a rule of OpenAPI's own (a default that is null); that is not what is asked here.
    return OpenAPI.from_file_path(str(DOCUMENT), config=Config(spec_validator_cls=None))


def _whole(error: BaseException) -> str:
    """An error and what lies beneath it: openapi-core's own words are short."""
    details = [str(e) for e in getattr(error.__cause__, "schema_errors", ())]
    beneath = [_whole(error.__cause__)] if error.__cause__ else []
    return " <- ".join([str(error), *(d.splitlines()[0] for d in details), *beneath])
