"""The subcommands of `vifkit-conformance`, one a module."""
