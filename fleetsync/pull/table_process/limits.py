"""What the process may take. Both sides name these in messages."""

MEMORY_BYTES = 1024 * 2**20
"""Beside the file itself. A list of 300,000 rows and 20 columns takes about half of it."""
CPU_SECONDS = 60
"""Of computing, so that a busy machine refuses nothing. A list of 300,000 rows and 20 columns takes about a quarter of it."""
OUT_OF_MEMORY = 3
"""The exit code of a process that noticed that it needs more memory."""
MAX_TEXT_BYTES = 256 * 2**20
"""Of all cells of a table together."""
