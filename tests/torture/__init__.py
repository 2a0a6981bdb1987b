"""Many invented faults against running installations: what each may do to the published numbers, and a table of what it did."""
