"""The dbt runtime `cloud`: jobs of dbt Cloud (the dbt platform), through its Admin API.

https://docs.getdbt.com/dbt-cloud/api-v2

dbt Cloud runs a commit of the project's repository in an environment of its own: connection, credentials,
packages, dbt's version and environment variables are configured there. So the project must be what is committed
and pushed; the run must have checked out that commit; and what dbt Cloud parsed must belong to the files here,
and at run be the very manifest that was sealed. A change in YAML shows in no checksum: the commit covers it. A
variable of dbt Cloud that reaches nothing but SQL shows in no manifest: nothing here can see it change.

Each target has a job, whose commit, commands, target name, schema and threads are overridden for every run. The
`{env:}` and `{secret:}` of the targets are not needed, since dbt Cloud has the credentials. With `shifted_clock`
a second run tells what depends on the invocation or on the minute; what depends on the date alone is refused when
the bundle is run on another day.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import httpx
import orjson
from pydantic import AfterValidator, Field

from floe_compiler._version import __version__
from floe_compiler.builtin.dbt_runtime._cloud_http import Interrupted, Pace, is_loopback
from floe_compiler.builtin.dbt_runtime._cloud_manifest import engine_of, foreign_parts
from floe_compiler.builtin.dbt_runtime._cloud_outcome import Report, Told, keep_logs, manifest_of
from floe_compiler.builtin.dbt_runtime._cloud_runs import Account, Ended, Order
from floe_compiler.builtin.dbt_runtime._git import pushed_commit
from floe_compiler.builtin.dbt_runtime._invocation import Place, option
from floe_compiler.builtin.dbt_runtime._workers import Ending, Patience
from floe_compiler.canonical import NotCanonical, canonical_bytes, parse
from floe_compiler.errors import FloeError, Problem, Where, raise_if_any
from floe_compiler.load.project import DbtProject, load_project
from floe_compiler.load.yaml_door import parse_foreign
from floe_compiler.manifest import normal_form
from floe_compiler.model.runs import Command, DBTRunResult, EventCallback
from floe_compiler.model.values import SecretRef, Sensitive
from floe_compiler.plugins.contracts import CancelToken, DBTRuntimePlugin, LoadedBy, PluginConfig

ADDRESSES: Final = {"us": "https://cloud.getdbt.com", "emea": "https://emea.dbt.com", "au": "https://au.dbt.com"}
PARSE: Final = "dbt parse --no-partial-parse"
TAKES_FULL_REFRESH: Final = frozenset({"build", "run", "seed"})
SOURCE: Final = "source.json"
COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
HOST: Final = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")
MAX_PORT: Final = 65_535
TOKEN: Final = re.compile(r"[!-~]+")
MAX_NAMED: Final = 20
UNKNOWN: Final = "unknown until a run"


def _address(url: str) -> str:
    """Refuses what would show the token to others, and what is more than a host."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"is no address: {error}") from error
    if parsed.scheme != "https" and not (parsed.scheme == "http" and is_loopback(parsed.host)):
        raise ValueError("must begin with https://, or the token could be read on its way")
    if not HOST.fullmatch(parsed.host) or (parsed.port or 0) > MAX_PORT:
        raise ValueError("names no host")
    if parsed.userinfo or parsed.path != "/" or parsed.query or parsed.fragment:
        raise ValueError("must be a host and nothing more, as in https://ab123.us1.dbt.com")
    return url.rstrip("/")


Number = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CloudConfig(PluginConfig):
    """Which jobs of which account, and how patiently they are waited for."""

    account: Annotated[Number, Field(description="The account's number.")]
    jobs: Annotated[dict[str, Number], Field(min_length=1, description="The number of each target's job.")]
    token: Annotated[Sensitive, Field(description="A service token that may run the jobs.")] = SecretRef(
        secret="DBT_CLOUD_TOKEN"  # noqa: S106 - the name of a variable
    )
    region: Annotated[Literal["us", "emea", "au"], Field(description="Where the account is.")] = "us"
    url: Annotated[
        Annotated[str, AfterValidator(_address)] | None,
        Field(description="The account's own address, instead of its region's: https://ab123.us1.dbt.com."),
    ] = None
    env_in_cloud: list[Annotated[str, Field(pattern=r"^DBT_[A-Z0-9_]+$")]] = Field(
        [], description="The build constants that are set in dbt Cloud, with the same values."
    )
    preflight: Annotated[
        bool, Field(description="Have dbt Cloud parse and compare before anything is run, not only along with it.")
    ] = True
    poll_seconds: Annotated[Seconds, Field(description="The first pause between two looks at a run.")] = 5.0
    retry_seconds: Annotated[Seconds, Field(description="How long to try again when there is no answer.")] = 120.0
    wait_seconds: Annotated[Seconds, Field(description="How long a run may take, from request to end.")] = 86_400.0


class CloudDBTPlugin(DBTRuntimePlugin):
    """Has dbt Cloud run dbt."""

    summary: ClassVar[str] = "dbt Cloud jobs, through the Admin API"
    config_model: ClassVar[type[PluginConfig]] = CloudConfig
    reads_profile: ClassVar[bool] = False
    loaded_by = (LoadedBy(SOURCE, "floe", 'floe run "$BUNDLE"', "tool"),)

    def __init__(self, config: PluginConfig | None = None, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(config if config is not None else CloudConfig.model_construct(), environ)
        self._commit: str | None = None
        self._version: str | None = None

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
        """One run of `dbt parse` on the commit that `source_dir` is. dbt Cloud keeps its own partial parses."""
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        written = place.fresh("manifest.json")
        project = _project(place)
        self._refuse_constants(env or {})
        commit = _commit_of(source_dir or project_dir, project)
        why = f"compile of {target}{', once more to tell what varies' if shifted_clock else ''}"
        order = self._order(place, project, commit, (PARSE,), why, timeout=timeout)
        try:
            with self._account() as account:
                ended = account.carry_out(order, Patience(cancel, order.seconds), Told(None))
                keep_logs(ended, place)
                _refuse_unfinished(ended, order)
                manifest = manifest_of(account, ended, order, place)
        except Interrupted as interrupted:
            raise FloeError(_cut_short(interrupted.ending, order)) from None
        document = normal_form(manifest, target)
        _refuse_foreign(document, project, _output(place, project))
        self._commit, self._version = commit, str(document["metadata"].get("dbt_version"))
        written.write_bytes(manifest)
        return written

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
        """`dbt parse` and the command, in one run of the sealed commit; without `sealed_dir`, of the commit that
        `project_dir` is. `manifest` is compared with what dbt Cloud parses: FLOE-P254.

        dbt Cloud tells of no node before the end, and of none at all when a run is cancelled.
        """
        if working_dir is not None:
            raise FloeError(Problem("FLOE-P204", "dbt Cloud has directories of its own: `working_dir` has no meaning."))
        if full_refresh and command not in TAKES_FULL_REFRESH:
            raise FloeError(Problem("FLOE-P204", f"`dbt {command}` knows no full refresh."))
        place = Place.of(project_dir, profiles_dir, target, target_path, log_path)
        project = _project(place)
        self._refuse_constants(env or {})
        commit = _sealed_commit(sealed_dir) if sealed_dir is not None else _commit_of(project_dir, project)
        given = ["--vars", orjson.dumps(dict(vars)).decode()] if vars else []
        parsing = [*PARSE.split(), *given]
        running = ["dbt", command, *_words("--select", select), *_words("--exclude", exclude)]
        running += [*_words("--selector", selector), *given]
        running += ["--full-refresh"] * full_refresh + ["--fail-fast"] * fail_fast
        steps = (shlex.join(parsing), shlex.join(running))
        order = self._order(place, project, commit, steps, f"{command} on {target}", threads=threads, timeout=timeout)
        sealed = normal_form(manifest.read_bytes(), target) if manifest else None
        report = Report(command, order, place, sealed, on_event, time.monotonic())
        try:
            with self._account() as account:
                return self._run(account, report, Patience(cancel, order.seconds))
        except Interrupted as interrupted:
            return report.result(interrupted.ending)

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
        """Refused: dbt Cloud installs packages in its own runs, and what it installs does not come here."""
        hint = "Install them here as well, with `dbt deps`, so that they are sealed; commit package-lock.yml."
        raise FloeError(Problem("FLOE-P204", "dbt Cloud cannot install packages into a folder here.", hint=hint))

    def supports_parallel_execution(self) -> bool:
        """Yes: every call has a run of its own, and dbt Cloud queues what it does not run at once."""
        return True

    def get_runtime_metadata(self) -> dict[str, Any]:
        """The engine is the one that parsed last: an environment of dbt Cloud may change its own at any time."""
        return {
            "type": "cloud",
            "engine": engine_of(self._version) if self._version else UNKNOWN,
            "version": self._version or UNKNOWN,
            "isolation": "remote",
        }

    def sealed_files(self) -> Mapping[str, bytes]:
        """The commit: what dbt Cloud runs is not the sealed project, but this."""
        return {SOURCE: canonical_bytes({"git_sha": self._commit})} if self._commit else {}

    @property
    def _cloud(self) -> CloudConfig:
        """The configuration. Raises FLOE-P240 where there is none, as in a plugin made to be looked at."""
        assert isinstance(self.config, CloudConfig)  # noqa: S101 - the registry pairs plugin and model
        if not {"account", "jobs"} <= self.config.model_fields_set:
            message = "dbt Cloud is not configured: it needs `account` and `jobs`"
            raise FloeError(Problem("FLOE-P240", message))
        return self.config

    def _account(self) -> Account:
        """dbt Cloud as configured. Raises FLOE-P241 when the token is not to be had."""
        cloud = self._cloud
        name = cloud.token.secret if isinstance(cloud.token, SecretRef) else cloud.token.env
        token = self.environ.get(name, "")
        if not TOKEN.fullmatch(token):
            what = "holds characters that no token has" if token else "is not set"
            hint = "It is to hold a service token of dbt Cloud that may run the job."
            raise FloeError(Problem("FLOE-P241", f"the environment variable {name} {what}", hint=hint))
        pace = Pace(poll=cloud.poll_seconds, retry=cloud.poll_seconds / 5, retry_for=cloud.retry_seconds)
        address = cloud.url or ADDRESSES[cloud.region]
        return Account(address, cloud.account, token, f"floe/{__version__}", pace)

    def _order(
        self,
        place: Place,
        project: DbtProject,
        commit: str,
        steps: tuple[str, ...],
        why: str,
        *,
        threads: int | None = None,
        timeout: float | None = None,
    ) -> Order:
        """What the target's job is asked for; schema and threads as the target's profile has them.

        Raises FloeError: FLOE-P204 for a schema that only dbt can compute, FLOE-P240 without a job.
        """
        cloud, output = self._cloud, _output(place, project)
        if place.target not in cloud.jobs:
            message = f"no job of dbt Cloud is configured for the target `{place.target}`"
            raise FloeError(Problem("FLOE-P240", message))
        schema, own_threads = output.get("schema"), output.get("threads")
        if "{{" in str(schema):
            raise FloeError(Problem("FLOE-P204", f"dbt Cloud takes a schema's name, not `{schema}`."))
        return Order(
            job=cloud.jobs[place.target],
            why=f"{why} of {project.name}",
            git_sha=commit,
            target=place.target,
            schema=schema if isinstance(schema, str) else None,
            steps=steps,
            threads=threads if threads is not None else own_threads if isinstance(own_threads, int) else None,
            seconds=min(cloud.wait_seconds, timeout if timeout is not None else cloud.wait_seconds),
        )

    def _refuse_constants(self, env: Mapping[str, str]) -> None:
        """A run cannot be handed variables: each constant must be one that is said to be in dbt Cloud."""
        missing = ", ".join(sorted(env.keys() - set(self._cloud.env_in_cloud)))
        if missing:
            message = f"dbt Cloud cannot be handed the build constants {missing}"
            raise FloeError(Problem("FLOE-P250", message))

    def _run(self, account: Account, report: Report, patience: Patience) -> DBTRunResult:
        """First the proof that dbt Cloud would run what was reviewed, then the run, which proves it again."""
        told = Told(report.on_event)
        if report.sealed is not None and self._cloud.preflight:
            proof = account.carry_out(report.order.only_first_step(), patience, told)
            if cut_short := report.unfinished(proof):
                return cut_short
            report.compare(manifest_of(account, proof, report.order, report.place), f"Nothing was run: {proof.url}")
        ended = account.carry_out(report.order, patience, told)
        return report.unfinished(ended) or report.finished(account, ended)


def _project(place: Place) -> DbtProject:
    return load_project(place.project_dir, ".", Where("dbt_project.yml"))


def _output(place: Place, project: DbtProject) -> Mapping[str, Any]:
    """The target's output in profiles.yml. Raises FLOE-C201 where there is none."""
    try:
        profiles = parse_foreign((place.profiles_dir / "profiles.yml").read_bytes(), file="profiles.yml").value
        output: Mapping[str, Any] = profiles[project.profile]["outputs"][place.target]
    except (OSError, KeyError, TypeError) as error:
        message = f"profiles.yml has no output `{place.target}` in the profile `{project.profile}`"
        raise FloeError(Problem("FLOE-C201", message, Where("profiles.yml"))) from error
    return output


def _commit_of(source_dir: Path, project: DbtProject) -> str:
    return pushed_commit(source_dir, project.files.keys(), [project.layout.packages_dir])


def _sealed_commit(sealed_dir: Path) -> str:
    """The commit that the compile sealed. Raises FLOE-P255."""
    try:
        commit = parse((sealed_dir / SOURCE).read_bytes())["git_sha"]
    except (OSError, NotCanonical, KeyError, TypeError) as error:
        raise FloeError(Problem("FLOE-P255", "the bundle does not say which commit it was compiled from")) from error
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise FloeError(Problem("FLOE-P255", "the bundle names no commit where the commit should be"))
    return commit


def _words(name: str, selection: str | None) -> list[str]:
    """dbt's option with a word for each criterion, so that a blank needs no quotes on the way."""
    return [word for part in option(name, selection) for word in part.split()]


def _refuse_foreign(manifest: Mapping[str, Any], project: DbtProject, output: Mapping[str, Any]) -> None:
    """What dbt Cloud parsed must be these files, for this kind of warehouse."""
    adapter, wanted = manifest["metadata"].get("adapter_type"), output.get("type")
    if adapter != wanted:
        message = f"the target's compute is of the type {wanted}, and dbt Cloud's connection is {adapter}"
        raise FloeError(Problem("FLOE-C256", message))
    problems = sorted(foreign_parts(manifest, project), key=Problem.sort_key)
    rest = len(problems) - MAX_NAMED
    more = [Problem("FLOE-C255", f"so are {rest} more parts of the manifest")] if rest > 0 else []
    raise_if_any([*problems[:MAX_NAMED], *more])


def _refuse_unfinished(ended: Ended, order: Order) -> None:
    """Ends a compile that somebody or something cut short."""
    if ended.ending:
        raise FloeError(_cut_short(ended.ending, order))
    if ended.run.state == "cancelled":
        message = f"run {ended.run.id} was cancelled in dbt Cloud"
        raise FloeError(Problem("FLOE-P203", message, hint=f"Look at {ended.url}"))


def _cut_short(ending: Ending, order: Order) -> Problem:
    if ending == "cancelled":
        return Problem("FLOE-P203", "Cancelled before dbt Cloud had parsed the project.")
    return Problem("FLOE-P202", f"dbt Cloud had not parsed the project after {order.seconds:g} seconds.")
