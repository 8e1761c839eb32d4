"""What a plugin promises, one ABC a type. Plugins render; only those that ask dbt or judge its manifest start anything.

A plugin is a class; its configuration is an instance of its `config_model`, whose defaults work offline.
Plugins that render are made without arguments and are handed configurations; a dbt runtime is made for one.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from floe_compiler.model.bundle import BundleHead
from floe_compiler.model.runs import Command, DBTRunResult, EventCallback
from floe_compiler.model.values import EnvRef, SecretRef


class PluginConfig(BaseModel):
    """The configuration of a plugin: unknown keys are refused, nothing is coerced, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoConfig(PluginConfig):
    """For plugins that have nothing to configure."""


class LoadedBy(NamedTuple):
    """Who loads a file that a plugin renders: a line of the bundle's README.

    `file` is a glob below the plugin's folder. `command` is typed in that folder, where `$BUNDLE` is that of the bundle
    and `$RUN_DIR` an empty one to write to. `proof` says what floe's own tests have seen: the tool itself loading the
    file, or no more than a published schema that it matches.
    """

    file: str
    tool: str
    command: str
    proof: Literal["tool", "schema"]


class Plugin(ABC):
    """What every plugin has.

    `summary` is one line for people, `loaded_by` says who loads the files that it renders. `version` says when what
    a built-in renders has changed: it is part of the bundle, the compiler's own version is not. Third-party plugins
    go by their distribution's version.
    """

    summary: ClassVar[str]
    version: ClassVar[str] = "1"
    config_model: ClassVar[type[PluginConfig]] = NoConfig
    loaded_by: ClassVar[tuple[LoadedBy, ...]] = ()


@dataclass(frozen=True, slots=True)
class ProfileOutput:
    """One output of profiles.yml: `values` as the adapter names them, literals or references.

    References are written into the file as `env_var()` calls, never as values.
    """

    values: Mapping[str, str | int | float | bool | EnvRef | SecretRef | list[Any] | dict[str, Any] | None]


Properties = Mapping[str, str | int | float | bool | EnvRef | SecretRef]
"""Named properties of a storage or a catalog, literals or references."""


class ComputePlugin(Plugin):
    """Where SQL executes: renders the output of a target in dbt's profiles.yml."""

    loaded_by: ClassVar[tuple[LoadedBy, ...]] = (LoadedBy("profiles.yml", "dbt", "dbt debug", "tool"),)
    adapter_package: ClassVar[str]
    """The distribution of the dbt adapter, as pip knows it: "dbt-duckdb"."""

    @abstractmethod
    def render_output(self, config: PluginConfig) -> ProfileOutput:
        """The profile output of one target, with `type` and with a literal `schema` (and `database`, where
        the adapter has one), since dbt writes those into the manifest. Connects to nothing."""

    def with_storage(self, output: ProfileOutput, file_io: Properties) -> ProfileOutput:
        """The output of a target, opening the platform's storage too: `file_io` is what its plugin says of itself.

        By default as it is: most warehouses reach their storage by themselves. A storage of which no credentials
        are configured must change nothing.
        """
        return output


Manifests = Mapping[str, Mapping[str, Any]]
"""dbt's manifests in normal form, by target; the first is that of the default target."""


class NativePlugin(Plugin):
    """A plugin that adds to the bundle the files that its own tool loads, so that the tool needs no floe.

    Pure: the same configuration, head and manifests give the same bytes. Connects to nothing, sees no clock and no
    environment; what differs where the bundle runs is a reference, which the file names in the tool's own way.
    """

    @abstractmethod
    def render(self, config: PluginConfig, head: BundleHead, manifests: Manifests) -> Mapping[str, bytes]:
        """The files, by path below `<plugin key>/<name>/` of the bundle. Never the value of a secret."""


class OrchestratorPlugin(NativePlugin):
    """How jobs are scheduled: renders what the orchestrator loads to run the sealed bundle, node by node."""


class StoragePlugin(NativePlugin):
    """Where data is kept."""

    @abstractmethod
    def file_io(self, config: PluginConfig) -> Properties:
        """The properties by which an Iceberg client reads and writes there, merged into the catalog's file.

        `warehouse`, where tables are, is one of them. Computes open the storage by the same properties.
        Source of the names: https://py.iceberg.apache.org/configuration/#fileio
        """


class CatalogPlugin(Plugin):
    """Where the metadata of Iceberg tables is kept."""

    @abstractmethod
    def render(
        self, config: PluginConfig, head: BundleHead, manifests: Manifests, file_io: Properties
    ) -> Mapping[str, bytes]:
        """As `NativePlugin.render`; `file_io` is what the storage plugin says of itself."""


class ObservabilityPlugin(NativePlugin):
    """Where OpenTelemetry traces are sent: renders what the OpenTelemetry SDK is started from."""


class LineagePlugin(NativePlugin):
    """Where OpenLineage events are sent: renders what the OpenLineage client is started from."""


class SemanticLayerPlugin(NativePlugin):
    """How data is consumed: renders the semantic models for the layer that answers queries."""


class IngestionPlugin(NativePlugin):
    """How data is ingested: renders what fills the sources that the dbt project declares."""


class SecretsPlugin(NativePlugin):
    """Where secrets come from."""

    @abstractmethod
    def container_variable(self, config: PluginConfig, head: BundleHead, secret: str) -> Mapping[str, Any]:
        """How a container gets a secret: the `valueFrom` of a Kubernetes EnvVar, a reference and never a value.

        Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
        """


class IdentityPlugin(NativePlugin):
    """Who may do what: renders clients, roles and groups of the product for the identity provider."""


class CancelToken:
    """Asks a running invocation to stop; safe to set from a signal or another thread, any number of times."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()


class DBTRuntimePlugin(Plugin):
    """Where dbt runs. The only plugins that may import dbt or start its binary.

    Failures of the infrastructure raise FloeError; failing nodes are reported in the result. `config` is the
    runtime's own configuration, and `environ` where the `{env:}` and `{secret:}` references in it are looked
    up: neither is what dbt sees, which is the `env` of each call.
    """

    reads_profile: ClassVar[bool] = True
    """Whether dbt reads the rendered profiles.yml. If not, a run needs none of the variables and secrets of the
    targets, `env` holds build constants only, and no `working_dir` is given."""

    def __init__(self, config: PluginConfig | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.config = config if config is not None else self.config_model()
        self.environ: Mapping[str, str] = environ if environ is not None else {}

    def warm_up(self) -> None:
        """Starts what the next call will need, while its caller prepares it. Returns at once; `close` undoes it.
        By default nothing."""

    @abstractmethod
    def compile_project(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        *,
        env: Mapping[str, str] | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        partial_parse_file: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        shifted_clock: bool = False,
        source_dir: Path | None = None,
    ) -> Path:
        """Has dbt write manifest.json and returns its path. Reaches no warehouse.

        `env` is all that `env_var()` can see. `project_dir` may be a copy of the folder that people work in and git
        knows, which is `source_dir`. Writes below `target_path` and `log_path` only (by default below
        `project_dir`). `partial_parse_file` is dbt's own cache, private to one product and target:
        used if present, replaced on success. `timeout` is in seconds. With `shifted_clock` dbt compiles from
        scratch as if at another time and in another invocation: what then differs was rendered from them.
        Raises FloeError: FLOE-C2xx with dbt's message, model and file when dbt refuses the project;
        FLOE-P2xx when the engine cannot run.
        """

    def compile_sql(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        manifest: Path,
        *,
        env: Mapping[str, str] | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        shifted_clock: bool = False,
    ) -> Mapping[str, str]:
        """The SQL that dbt makes of nodes, by unique id, as far as it can without a connection: by default of none.

        `manifest` is what `compile_project` made; the other arguments are as there. Opens no connection: a node that
        needs one is left out, and so is one that fails. With `shifted_clock` as if at another time and in another
        invocation. Raises FloeError: FLOE-P2xx when the engine cannot run.
        """
        return {}

    @abstractmethod
    def run_models(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        select: str | None = None,
        *,
        command: Command = "run",
        manifest: Path | None = None,
        exclude: str | None = None,
        selector: str | None = None,
        full_refresh: bool = False,
        fail_fast: bool = False,
        vars: Mapping[str, Any] | None = None,
        threads: int | None = None,
        env: Mapping[str, str] | None = None,
        working_dir: Path | None = None,
        target_path: Path | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        on_event: EventCallback | None = None,
        sealed_dir: Path | None = None,
    ) -> DBTRunResult:
        """Runs a dbt command and reports every node. `manifest` is a sealed manifest.json to run as it stands.

        `working_dir` is where relative paths of the profile (a DuckDB file) point, `sealed_dir` where the
        `sealed_files` of the compile lie. `on_event` is called in the caller's thread. An option that a runtime
        cannot honour raises FLOE-P204, it is never dropped.
        """

    @abstractmethod
    def deps(
        self,
        project_dir: Path,
        profiles_dir: Path,
        target: str,
        *,
        env: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> None:
        """`dbt deps`: installs into `project_dir` what its package files name. Raises FloeError: FLOE-C205."""

    @abstractmethod
    def supports_parallel_execution(self) -> bool:
        """Whether one instance may be used from several threads at once."""

    @abstractmethod
    def get_runtime_metadata(self) -> dict[str, Any]:
        """`type` (the plugin's name), `engine`, `version`, and what else identifies the engine that runs."""

    def requirements(self, adapter_packages: Iterable[str]) -> tuple[str, ...]:
        """What must be installed where the bundle runs, as `name==version`: by default nothing.

        `adapter_packages` are those of the targets' computes. Raises FloeError: FLOE-P206.
        """
        return ()

    def installed(self, name: str) -> str | None:
        """The version of what a requirement names, as a run would find it here: by default a distribution's."""
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    def sealed_files(self) -> Mapping[str, bytes]:
        """What a run must know of the compile, asked once every target is compiled: by default nothing. Sealed in
        the bundle under `dbt_runtime/<name>/`, by path below it."""
        return {}

    def watched_files(self) -> Iterable[Path]:
        """Files of this machine, such as an engine's binary, that make another compile when they change: by default
        none. Distributions need not be named. Asked after every compile; they are recognised by size and time."""
        return ()

    def close(self) -> None:
        """Ends what the plugin keeps running between calls. It can be used again afterwards."""


Checks = Mapping[str, Mapping[str, Any]]
"""Checks by the platform's names: in each, `name` is the tool's name for it, the other keys are parameters."""


@dataclass(frozen=True, slots=True)
class RefusedCheck:
    """A check that its tool does not accept as written; `parameter` is the key at fault, where it is one."""

    check: str
    message: str
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not satisfy a check: a node, in a file of the dbt project; without a node, the project itself."""

    check: str
    message: str
    node: str | None = None
    file: str | None = None


class DataQualityPlugin(Plugin):
    """How quality is judged: by named checks, in the syntax of the plugin's tool, on the manifest that dbt made.

    The tool may run in a process of its own. It sees nothing of the environment, reaches no network and writes
    below `scratch` only, a private folder that is gone afterwards.
    """

    @abstractmethod
    def render(self, checks: Checks, artifacts: str) -> Mapping[str, bytes]:
        """The tool's own configuration, by file name; `artifacts` is where manifest.json lies from there."""

    @abstractmethod
    def refused(self, checks: Checks, scratch: Path) -> tuple[RefusedCheck, ...]:
        """Everything about the checks that the tool does not accept, found without a manifest."""

    @abstractmethod
    def judge(self, checks: Checks, manifest: Path, scratch: Path) -> tuple[Finding, ...]:
        """Everything that does not satisfy a check, whatever its severity, in any order.

        Raises FloeError: FLOE-C301 where a check could not be carried out, FLOE-C302 where the tool cannot run.
        """
