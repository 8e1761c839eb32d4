"""The ADBC driver through which the Rust engine reaches a database.

https://arrow.apache.org/adbc/main/format/driver_manifests.html

The engine asks for a driver by name and finds it through a manifest, a TOML file of that name. DuckDB's driver is
DuckDB itself: a `libduckdb`, or the extension module of DuckDB's Python package, which floe brings along. A driver
that is not found the engine downloads in the middle of a run, so every driver must be there before.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from floe_compiler.errors import FloeError, Problem


class Driver(NamedTuple):
    """What the engine asks for, and the function by which the library is entered, where the engine has to be told."""

    name: str
    entrypoint: str = ""


DUCKDB: Final = "duckdb"
DRIVERS: Final = {
    DUCKDB: Driver("duckdb", "duckdb_adbc_init"),
    "snowflake": Driver("adbc_driver_snowflake"),
    "bigquery": Driver("adbc_driver_bigquery"),
    "databricks": Driver("adbc_driver_databricks"),
    "spark": Driver("adbc_driver_spark"),
    "postgres": Driver("adbc_driver_postgresql"),
    "redshift": Driver("adbc_driver_redshift"),
}
"""By dbt's name for the adapter."""
NO_DRIVER: Final = Path("libSystem.B.dylib" if sys.platform == "darwin" else "libc.so.6")
"""A library that every system has, and that is no driver."""
NO_PROXY: Final = "http://127.0.0.1:9"
"""The port `discard`, at which nothing listens."""


def driver_environment(adapter: str, configured: Path | None, scratch: Path) -> dict[str, str]:
    """The variables by which the engine finds the driver. `configured` is a folder of driver manifests, or a driver.

    Writes a manifest into `scratch` where there is none. Raises FloeError FLOE-P222.
    """
    driver = DRIVERS.get(adapter, Driver(adapter))
    if configured is None:
        return _duckdb_of_python(driver, scratch) if adapter == DUCKDB else _missing(adapter, driver)
    if configured.is_dir():
        if not (configured / f"{driver.name}.toml").is_file():
            return _missing(adapter, driver, f"{configured} has no {driver.name}.toml")
        return {"ADBC_DRIVER_PATH": str(configured)}
    if not configured.is_file():
        return _missing(adapter, driver, f"{configured} does not exist")
    return _manifest(driver, configured, scratch)


def no_driver(adapter: str, scratch: Path) -> dict[str, str]:
    """The variables by which the engine finds no driver at all, and cannot download one: so it reaches no database.

    A manifest that names a library without the function of a driver ends the engine's search; a proxy that nobody
    is ends the download that it tries next.
    """
    return {**_manifest(DRIVERS.get(adapter, Driver(adapter)), NO_DRIVER, scratch), "ALL_PROXY": NO_PROXY}


def _duckdb_of_python(driver: Driver, scratch: Path) -> dict[str, str]:
    """The extension module needs the symbols of a libpython, which nothing but a Python process has loaded."""
    module = importlib.util.find_spec("_duckdb")
    if module is None or module.origin is None:
        return _missing(DUCKDB, driver)
    python = next((path for path in _libpythons() if path.is_file()), None)
    if python is None:
        return _missing(DUCKDB, driver, "this Python has no libpython that DuckDB's module could be loaded with")
    return {**_manifest(driver, Path(module.origin), scratch), "LD_PRELOAD": str(python)}


def _libpythons() -> Iterator[Path]:
    values = sysconfig.get_config_vars()
    for folder in (values.get("LIBDIR"), values.get("LIBPL")):
        for name in (values.get("INSTSONAME"), values.get("LDLIBRARY")):
            if folder and name and ".so" in name:
                yield Path(folder) / name


def _manifest(driver: Driver, library: Path, scratch: Path) -> dict[str, str]:
    lines = ["manifest_version = 1", "[Driver]", f"shared = {json.dumps(str(library))}"]
    if driver.entrypoint:
        lines.append(f"entrypoint = {json.dumps(driver.entrypoint)}")
    folder = scratch / "drivers"
    folder.mkdir(exist_ok=True)
    (folder / f"{driver.name}.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return {"ADBC_DRIVER_PATH": str(folder)}


def _missing(adapter: str, driver: Driver, why: str = "") -> dict[str, str]:
    message = f"There is no ADBC driver `{driver.name}`, through which the Rust engine reaches {adapter}"
    brings = "pip install duckdb, or get libduckdb from https://duckdb.org/install" if adapter == DUCKDB else ""
    hint = (
        f"Install it{f' ({brings})' if brings else ''}, and name the library, or the folder that holds "
        f"{driver.name}.toml: `dbt_runtime: {{use: fusion, config: {{adbc_driver_path: /opt/adbc}}}}`."
    )
    raise FloeError(Problem("FLOE-P222", f"{message}{f': {why}' if why else ''}.", hint=hint))
