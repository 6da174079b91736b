"""The package that `vifkit-conformance new` writes stands in `package`, whole and checked as all else is."""
