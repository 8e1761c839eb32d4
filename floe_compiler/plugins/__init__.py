"""The twelve plugin types: their table, their contracts, and the registry that finds and blames plugins."""
