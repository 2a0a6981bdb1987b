"""What is remembered: all SQL, on SQLite and on PostgreSQL.

Refuses to judge: nouns go in and come out, and no rule of the core is written as a query.
"""
