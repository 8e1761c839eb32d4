"""Jaeger, which receives OpenTelemetry's protocol itself. Source: https://www.jaegertracing.io/docs/latest/apis/

Two files say the same: the declarative configuration of the OpenTelemetry SDK
(https://opentelemetry.io/docs/specs/otel/configuration/data-model/, file format 1.0), and the environment variables
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) for SDKs that read no such file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import yaml
from pydantic import Field

from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.values import EnvRef, SecretRef, Sensitive
from floe_compiler.plugins.contracts import LoadedBy, Manifests, ObservabilityPlugin, PluginConfig

Url = Annotated[str, Field(pattern=r"^https?://[^\s/@'\"$`\\]+/?$")]
HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]*$")]

FILE_FORMAT: Final = "1.0"
KEPT: Final = "file://${FLOE_RUN_DIR}/telemetry/spans.jsonl"
SEND_EVERY: Final = 1_000
"""Milliseconds: a run is over before the SDK's own five seconds are."""


class JaegerConfig(PluginConfig):
    """Where spans go beside the run directory. The defaults send nothing."""

    endpoint: Annotated[
        Url | EnvRef | None,
        Field(description="Where Jaeger, or another collector, receives OTLP: `http://jaeger:4317`. Unset, none does."),
    ] = None
    protocol: Annotated[
        Literal["grpc", "http/protobuf"],
        Field(description="OTLP over gRPC (port 4317) or over HTTP (port 4318)."),
    ] = "grpc"
    headers: Annotated[
        dict[HeaderName, Sensitive],
        Field(description="What is sent along, in small letters: `authorization`. References only."),
    ] = {}
    sampling: Annotated[
        float, Field(ge=0, le=1, description="The share of the runs that are sent; all of them are kept locally.")
    ] = 1.0
    resource_attributes: Annotated[
        dict[AttributeName, str | EnvRef],
        Field(description="What else is said of every span: `team`, `cloud.region`."),
    ] = {}


class Jaeger(ObservabilityPlugin):
    """Renders what an OpenTelemetry SDK is started from."""

    summary = "Jaeger, or any collector that receives OTLP; without an endpoint, a file in the run directory"
    config_model = JaegerConfig
    loaded_by = (
        LoadedBy(
            "otel-sdk.yaml",
            "OpenTelemetry SDK (Python, with opentelemetry-configuration)",
            'OTEL_CONFIG_FILE=otel-sdk.yaml FLOE_RUN_DIR="$RUN_DIR" opentelemetry-instrument python -c pass',
            "tool",
        ),
        LoadedBy(
            "otel.env", "OpenTelemetry SDK", "set -a; . ./otel.env; opentelemetry-instrument python -c pass", "tool"
        ),
    )

    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        assert isinstance(config, JaegerConfig)  # noqa: S101 - the registry pairs plugin and model
        return {"otel-sdk.yaml": _declarative(config, head), "otel.env": _environment(config, head)}


def _declarative(config: JaegerConfig, head: BundleHead) -> bytes:
    attributes = {
        name: value if isinstance(value, EnvRef) else value.replace("$", "$$")
        for name, value in _attributes(config, head).items()
    }
    kept = {"simple": {"exporter": {"otlp_file/development": {"output_stream": KEPT}}}}
    sent = [{"batch": {"schedule_delay": SEND_EVERY, "exporter": _exporter(config)}}] if config.endpoint else []
    document = {
        "file_format": _Quoted(FILE_FORMAT),
        "resource": {"attributes": [{"name": name, "value": _filled(value)} for name, value in attributes.items()]},
        "propagator": {"composite": [{"tracecontext": None}, {"baggage": None}]},
        "tracer_provider": {
            "processors": [kept, *sent],
            "sampler": {"parent_based": {"root": {"trace_id_ratio_based": {"ratio": config.sampling}}}},
        },
    }
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=10_000)
    return text.encode("ascii")


def _exporter(config: JaegerConfig) -> dict[str, Any]:
    assert config.endpoint is not None  # noqa: S101 - asked before
    endpoint = _filled(config.endpoint).rstrip("/")
    headers = [{"name": name, "value": _filled(value)} for name, value in sorted(config.headers.items())]
    more = {"headers": headers} if headers else {}
    if config.protocol == "grpc":
        return {"otlp_grpc": {"endpoint": _Quoted(endpoint), **more}}
    return {"otlp_http": {"endpoint": _Quoted(f"{endpoint}/v1/traces"), **more}}


def _environment(config: JaegerConfig, head: BundleHead) -> bytes:
    service, *attributes = _attributes(config, head).items()
    encoded = ",".join(f"{name}={_filled(v) if isinstance(v, EnvRef) else quote(v)}" for name, v in attributes)
    variables = {
        "OTEL_SERVICE_NAME": str(service[1]),
        "OTEL_RESOURCE_ATTRIBUTES": encoded,
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": str(config.sampling),
        "OTEL_TRACES_EXPORTER": "otlp" if config.endpoint else "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    if config.endpoint:
        variables |= {
            "OTEL_BSP_SCHEDULE_DELAY": str(SEND_EVERY),
            "OTEL_EXPORTER_OTLP_PROTOCOL": config.protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": _filled(config.endpoint),
        }
    if config.endpoint and config.headers:
        pairs = (f"{name}={_filled(value)}" for name, value in sorted(config.headers.items()))
        variables["OTEL_EXPORTER_OTLP_HEADERS"] = ",".join(pairs)
    return "".join(f'{name}="{value}"\n' for name, value in variables.items()).encode()


def _attributes(config: JaegerConfig, head: BundleHead) -> dict[str, str | EnvRef]:
    """What identifies the product; the target and the bundle's digest are known where it runs, and added there.

    The names: https://opentelemetry.io/docs/specs/semconv/resource/
    """
    return {
        "service.name": head.product.name,
        "service.namespace": head.platform.name,
        "service.version": head.product.version,
        **dict(sorted(config.resource_attributes.items())),
    }


def _filled(value: str | EnvRef | SecretRef) -> str:
    """A reference as both files name an environment variable."""
    match value:
        case EnvRef(env=name) | SecretRef(secret=name):
            return _Quoted(f"${{{name}}}")
    return _Quoted(value)


class _Quoted(str):
    """Stays text: a value that is filled in is not read as a number, whatever it looks like."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes what must stay text in quotes."""


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)
