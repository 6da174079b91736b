"""How what the tests find becomes a verdict: ids, evidence, expected failures, profiles, and what guards them."""
