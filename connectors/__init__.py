"""One file per kind of source; the file's name is the kind.

A connector sees the contract, the reader of files and the nouns, and nothing else of the house.
"""
