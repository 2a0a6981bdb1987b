"""Measures fleetsync beside other programs that do the same job, in one run on one machine. See README.md."""
