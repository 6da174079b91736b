"""The reference driver."""
