"""The suite, the lab and the plugin."""
