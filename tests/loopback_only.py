"""Floe, with every process of a run under watch: whoever reaches for the network ends with 97 at once.

`python tests/loopback_only.py run BUNDLE ...` is `floe run BUNDLE ...`. Python tells of every connection and of every
name that is looked up before it is made; gRPC's own code does not, so that importing it counts as reaching.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any, Final

REACHED: Final = 97
WATCHED: Final = ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
UNIX: Final = 1


def watch() -> None:
    """From here on this process stays away from the network."""
    sys.addaudithook(_judge)


def _judge(event: str, arguments: tuple[Any, ...]) -> None:
    connects = event == "socket.connect" and arguments[0].family != UNIX
    if connects or event in WATCHED or (event == "import" and arguments[0] == "grpc"):
        print(f"reached for the network: {event} {arguments}", file=sys.stderr, flush=True)
        os._exit(REACHED)


def _floe() -> None:
    from floe_compiler.builtin.dbt_runtime import _workers
    from floe_compiler.cli.main import main
    from floe_compiler.run import telemetry

    watch()
    _workers.PROGRAM = Path(__file__).with_name("loopback_only_dbt.py")  # type: ignore[misc]
    telemetry.PROGRAM = "tests.loopback_only_emit"  # type: ignore[misc]
    sys.exit(main())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    _floe()


def run(module: str) -> None:
    """A program of floe, watched."""
    watch()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
