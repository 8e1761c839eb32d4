"""Frozen models: what the inputs say, what a bundle says, what a run says. `schemas/` is generated from here."""
