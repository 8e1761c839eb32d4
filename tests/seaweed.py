"""SeaweedFS on loopback: a real server of S3 and of Iceberg's REST catalog, OAuth 2 included, from the package index.

Source: https://github.com/seaweedfs/seaweedfs/wiki/Quick-Start-with-weed-mini
"""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.tool_environments import program

KEY_ID, KEY = "tram-key", "rain-on-the-rails-7"
_SERVERS = ("master", "volume", "filer", "s3", "s3.port.iceberg", "admin")
_GRPC = 10_000
"""How far above its port each server has another one."""


class Seaweed(NamedTuple):
    """Where it listens."""

    s3: str
    catalog: str


@contextmanager
def seaweed(folder: Path, *, table_bucket: str, bucket: str) -> Iterator[Seaweed]:
    """Runs until the block ends; everything is written below the folder."""
    ports = dict(zip(_SERVERS, _free_ports(len(_SERVERS)), strict=True))
    identity = {
        "name": "tram",
        "credentials": [{"accessKey": KEY_ID, "secretKey": KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    flags = [f"-{name if 'port' in name else f'{name}.port'}={port}" for name, port in ports.items()]
    command = [
        program("lake", "weed"), "mini", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.config=s3.json",
        f"-tableBucket={table_bucket}", f"-bucket={bucket}", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false",
        "-master.telemetry=false", *flags,
    ]  # fmt: skip
    server = Seaweed(f"http://127.0.0.1:{ports['s3']}", f"http://127.0.0.1:{ports['s3.port.iceberg']}")
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        _wait(process, f"{server.catalog}/v1/config?warehouse={table_bucket}", folder / "server.log")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not come up:\n{log.read_text()[-3000:]}")


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 500):
        if len(found) < count and all(_is_free(number) for number in (port, port + _GRPC)):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
