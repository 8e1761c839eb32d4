"""dbt's worker, under watch: see `loopback_only`."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.loopback_only import watch  # noqa: E402 - it lies where no process of dbt would look

sys.path.remove(str(ROOT))
watch()
runpy.run_path(str(ROOT / "floe_compiler" / "builtin" / "dbt_runtime" / "_dbt_worker.py"), run_name="__main__")
