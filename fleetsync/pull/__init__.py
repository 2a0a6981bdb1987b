"""How the outside is read: the contract of a connector, one client for all, one reader for all files.

Refuses to decide: it fetches parts whole, normalises and stages them; whether they are believed is judged elsewhere.
"""
