"""A container's surroundings without a container engine: a read-only root, nobody in particular, no network.

Made of Linux's namespaces, so it needs root; `AVAILABLE` says whether it can be had.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.tool_environments import ROOT

_UNSHARE: Final = ("unshare", "--mount", "--net", "--propagation", "private")
AVAILABLE: Final = (
    os.geteuid() == 0
    and shutil.which("unshare") is not None
    and subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0
)
_SYSTEM: Final = ("/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr")
_SCRIPT: Final = r"""
set -eu
root=$1; user=$2; shift 2
mount -t tmpfs -o mode=755 none "$root"
while [ "$1" != -- ]; do                 # source, place, ro or rw
  if [ -L "$1" ]; then cp -P "$1" "$root$2"
  else
    mkdir -p "$root$2"
    mount --rbind "$1" "$root$2"
    [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
  fi
  shift 3
done
shift
mount -o remount,ro "$root"
exec chroot --userspec="$user:$user" --groups= "$root" setpriv --no-new-privs --bounding-set=-all "$@"
"""


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes expands it in a command.

    Source: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """
    return re.sub(r"\$\((\w+)\)", lambda found: environment.get(found[1], found[0]), text)


def run_in_container(
    pod: Mapping[str, Any], environment: Mapping[str, str], mounts: Mapping[str, Path], root: Path
) -> subprocess.CompletedProcess[str]:
    """What the pod's only container does. `mounts` are the image's and the volumes' folders by their place; those of
    volumes can be written to. The image's own `floe` is the one under test."""
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    writable = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert writable < set(mounts)
    user = str(pod["securityContext"]["runAsUser"])
    own = {**environment, "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])}
    command = [expanded(word, environment) for word in container["command"]]
    binds: list[str] = []
    for place in filter(os.path.lexists, _SYSTEM):
        binds += [place, place, "ro"]
    binds += ["/dev", "/dev", "rw", "/proc", "/proc", "rw"]
    for place, folder in mounts.items():
        if place in writable:
            os.chown(folder, int(user), int(user))
        binds += [str(folder), place, "rw" if place in writable else "ro"]
    for place in (str(ROOT), sys.base_prefix, sys.prefix):  # last: they may lie below a place that is mounted over
        binds += [place, place, "ro"]
    inside: Sequence[str] = [
        "env",
        "-i",
        "-C",
        container["workingDir"],
        *(f"{k}={v}" for k, v in own.items()),
        *command,
    ]
    return subprocess.run(
        [*_UNSHARE, "sh", "-c", _SCRIPT, "sh", root, user, *binds, "--", *inside],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
