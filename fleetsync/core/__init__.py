"""Decides everything that is published: immutable values in, immutable values out.

Pure. It reads no file, network, database or clock, and neither logs nor draws at random; import rules check that.
"""
