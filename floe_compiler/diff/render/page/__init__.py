"""The parts of the page: markup, style, script, and the picture of the lineage. Read as texts, so no disk is needed."""
