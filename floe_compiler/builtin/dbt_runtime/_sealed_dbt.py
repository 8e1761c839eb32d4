"""dbt for the bundle that this file lies in: what was sealed is what runs, and nothing of floe is needed.

    python sealed_dbt.py build --target dev --select marts

Takes dbt's commands and options, and prints what dbt prints. Before dbt starts,

(0) the bundle is the one that FLOE_DIGEST names, if that is set,
(1) every file that dbt reads has the digest that the index lists, and no file was added,
(2) dbt-core and the adapter have the versions that the bundle was compiled with,
(3) the environment has the variables and the secrets that the bundle needs.

Then dbt gets the sealed manifest (`sealed_manifest.py`) and parses nothing. It sees of the environment what the bundle
declares. All that is written lies in FLOE_RUN_DIR, by default below the system's temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

BUNDLE: Final = Path(__file__).resolve().parents[2]
SEALED_MANIFEST: Final = Path(__file__).resolve().with_name("sealed_manifest.py")
READ_BY_DBT: Final = ("dbt_runtime", "profiles", "project", "targets")
SECRET_PREFIX: Final = "DBT_ENV_SECRET_"  # noqa: S105 - dbt's prefix for what it must not show
PASSED_ON: Final = (
    *("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ),
    *("TRACEPARENT", "TRACESTATE", "OPENLINEAGE_NAMESPACE"),
)
"""What dbt's process sees of the machine, and of whoever starts it; `env_var()` sees none of it."""
PACKAGE_FILES: Final = ("packages.yml", "dependencies.yml")
SECRET_OF_A_PACKAGE: Final = re.compile(r"env_var\(\s*['\"](DBT_ENV_SECRET_\w+)['\"]")
REFUSED: Final = 6


def main(arguments: Sequence[str]) -> int:
    """Becomes dbt; returns only where the bundle or the environment does not allow it."""
    index_bytes = (BUNDLE / "compiled_artifacts.json").read_bytes()
    index = json.loads(index_bytes)
    options, command = parsed(arguments, index)
    refusals = [
        *another_bundle(index_bytes, os.environ),
        *altered(index),
        *other_versions(index),
        *missing(index, options.target, os.environ),
    ]
    if refusals:
        for refusal in refusals:
            say(refusal, options.log_format)
        return REFUSED
    start(index, options, command)
    return 0


def parsed(arguments: Sequence[str], index: Mapping[str, Any]) -> tuple[argparse.Namespace, list[str]]:
    """The options that are decided here, and the command that is left for dbt."""
    only = next(iter(index["targets"])) if len(index["targets"]) == 1 else None
    parser = argparse.ArgumentParser("sealed_dbt.py", add_help=False, allow_abbrev=False)
    parser.add_argument("--target", default=os.environ.get("FLOE_TARGET", only))
    parser.add_argument("--target-path", type=Path)
    parser.add_argument("--log-format", default=os.environ.get("DBT_LOG_FORMAT", "default"))
    return parser.parse_known_args(arguments)


def another_bundle(index_bytes: bytes, environ: Mapping[str, str]) -> Iterator[str]:
    """(0): the digest of the index is the name of the bundle."""
    found = f"sha256:{hashlib.sha256(index_bytes).hexdigest()}"
    wanted = environ.get("FLOE_DIGEST", found)
    if found != wanted:
        yield f"this bundle is {found}, and FLOE_DIGEST asks for {wanted}"


def altered(index: Mapping[str, Any]) -> Iterator[str]:
    """(1): what dbt reads, against the index. A file that dbt does not read is nobody's business here."""
    listed = {file["path"]: file["digest"] for file in index["artifacts"]}
    listed = {path: digest for path, digest in listed.items() if path.startswith(tuple(f"{f}/" for f in READ_BY_DBT))}
    present = {path.relative_to(BUNDLE).as_posix() for folder in READ_BY_DBT for path in files(BUNDLE / folder)}
    for path in sorted(listed.keys() | present):
        if path not in present:
            yield f"{path} was sealed in this bundle and is missing"
        elif path not in listed or (BUNDLE / path).is_symlink():
            yield f"{path} was not sealed in this bundle"
        elif f"sha256:{hashlib.sha256((BUNDLE / path).read_bytes()).hexdigest()}" != listed[path]:
            yield f"{path} is not as it was sealed"


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder, links among them, which lead nowhere here."""
    if folder.is_symlink():
        yield folder
        return
    for root, folders, names in os.walk(folder):
        yield from (Path(root, name) for name in names)
        yield from (path for path in (Path(root, name) for name in folders) if path.is_symlink())


def other_versions(index: Mapping[str, Any]) -> Iterator[str]:
    """(2): another version of dbt can mean something else by the same files."""
    for requirement in index["runtime"]["requirements"]:
        name, _, wanted = requirement.partition("==")
        found = installed(name)
        if found != wanted:
            yield f"the bundle was compiled with {requirement}, and {found or 'no version'} is installed here"


def installed(name: str) -> str | None:
    """The version of a distribution, if it is installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def missing(index: Mapping[str, Any], target: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    """(3): everything at once, before dbt asks for the first of it."""
    if target not in index["targets"]:
        problem = f"the bundle has no target {target}" if target else "no target is named (--target or FLOE_TARGET)"
        yield f"{problem}; it has {', '.join(index['targets'])}"
    environment = index["environment"]
    for kind, names in (("variable", environment["variables"]), ("secret", environment["secrets"])):
        for name in names:
            if name not in environ:
                yield f"the {kind} {name} is not set in the environment"


def declared(index: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """All that `env_var()` can see, under the names that the sealed profile and project ask for."""
    environment = index["environment"]
    return {
        **{name: environ[name] for name in environment["variables"]},
        **{SECRET_PREFIX + name: environ[name] for name in environment["secrets"]},
        **environment["constants"],
    }


def for_packages(project_dir: Path) -> dict[str, str]:
    """Stand-ins for the secrets of package files: dbt reads them at every start, and only `dbt deps` needs them."""
    texts = [file.read_text("utf-8", "replace") for file in map(project_dir.joinpath, PACKAGE_FILES) if file.is_file()]
    return dict.fromkeys(SECRET_OF_A_PACKAGE.findall("\n".join(texts)), "floe-not-needed")


def receivers(index: Mapping[str, Any]) -> Iterator[str]:
    """The variables that say where spans and lineage events are sent."""
    pending = [index["plugins"][key]["config"] for key in ("observability", "lineage") if key in index["plugins"]]
    while pending:
        match pending.pop():
            case {"env": str(name)} | {"secret": str(name)}:
                yield name
            case dict() as members:
                pending += members.values()
            case list() as members:
                pending += members


def start(index: Mapping[str, Any], options: argparse.Namespace, command: Sequence[str]) -> None:
    """Replaces this process by one that has the bundle's environment and nothing else of this one's."""
    run_dir = Path(os.environ.get("FLOE_RUN_DIR") or default_run_dir(index, options.target)).absolute()
    target_path = (options.target_path or run_dir / "target").absolute()
    target_path.mkdir(parents=True, exist_ok=True)
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / ".env").touch()  # dbt looks for one from here upwards; the search ends here
    variables = {**for_packages(BUNDLE / index["runtime"]["project"]), **declared(index, os.environ)}
    environ = {
        **{name: os.environ[name] for name in (*PASSED_ON, *receivers(index)) if name in os.environ},
        "FLOE_RUN_DIR": str(run_dir),
        "HOME": str(run_dir),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
        **variables,
    }
    to_dbt = [
        *command,
        *("--project-dir", str(BUNDLE / index["runtime"]["project"])),
        *("--profiles-dir", str(BUNDLE / index["runtime"]["profiles"])),
        *("--target", options.target),
        *("--target-path", str(target_path)),
        *("--log-path", str(target_path)),
        *("--log-format", options.log_format),
        *("--no-partial-parse", "--no-write-json", "--no-use-colors", "--no-send-anonymous-usage-stats"),
    ]
    python = [sys.executable, "-s", "-B", "-X", "utf8", str(SEALED_MANIFEST)]
    asked = [BUNDLE, options.target, target_path / "run_results.json", json.dumps([*variables])]
    os.chdir(run_dir)  # where the relative paths of the profile begin: a DuckDB file
    os.execve(sys.executable, [*python, *map(str, asked), *to_dbt], environ)  # noqa: S606 - a list


def default_run_dir(index: Mapping[str, Any], target: str) -> Path:
    """The same for every run of a product on a target, since a DuckDB file in it is to be found again."""
    return Path(tempfile.gettempdir(), "floe", index["product"]["name"], target)


def say(refusal: str, log_format: str) -> None:
    """As dbt says what it refuses: a line of its log where that is JSON."""
    if log_format == "json":
        print(json.dumps({"info": {"name": "BundleRefused", "level": "error", "msg": refusal}, "data": {}}))
    else:
        print(refusal, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
