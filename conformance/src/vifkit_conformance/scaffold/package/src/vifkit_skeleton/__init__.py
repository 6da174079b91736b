"""A vifkit driver for skeleton."""
