"""Compares what fleetsync publishes about the demo with the expected numbers."""
