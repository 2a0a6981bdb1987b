"""Exempelby: an invented municipality with a known truth, and the stand-ins that serve it.

Refuses the rules: its truth comes from how the world was made, never from asking the core.
"""
