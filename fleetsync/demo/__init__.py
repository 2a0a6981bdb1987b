"""Exempelby: an invented municipality whose correct numbers are known, and the stub servers that serve its data.

The expected numbers come from how the municipality was built. They are never computed by fleetsync's own rules.
"""
