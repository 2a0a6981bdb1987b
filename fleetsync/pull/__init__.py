"""Reads the sources: the contract of a connector, the HTTP client, the reader of files and the decoding of values.

It fetches parts whole, normalises and stages them. Whether a pull is plausible and is applied is decided elsewhere.
"""
