"""Keeps pytest from taking the directory netqos for the package: whoever is imported first has the name."""

import netqos  # noqa: F401
