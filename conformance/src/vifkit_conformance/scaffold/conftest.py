"""Keeps `pytest --pyargs vifkit_conformance` from taking the scaffold's test module for one of the suite's."""

collect_ignore = ["package"]
