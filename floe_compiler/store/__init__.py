"""Bundles on disk: the folder form, the single-file form, and the content-addressed store that holds them.

A package below the stages: it knows names, bytes and locks, and nothing of what a bundle means.
"""
