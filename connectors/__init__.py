"""One file per kind of source; the file's name is the kind.

A connector sees the contract, the decoding of values, the reader of files and the core's model, and nothing else.
"""
