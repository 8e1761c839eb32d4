"""`python -m floe_compiler` is `floe`."""

from floe_compiler.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
