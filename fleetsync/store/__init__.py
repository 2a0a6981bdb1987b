"""The store: everything that is kept, and all SQL.

Stores and returns values of the core; no rule of the core is written as a query.
"""
