"""The service that keeps every domain's bandwidth in effect, whoever starts, stops or changes it."""
