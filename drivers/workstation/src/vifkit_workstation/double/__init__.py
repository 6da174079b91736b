"""A double of vmrun: a program of its own, on real .vmx files, that keeps which machines run between its calls."""
