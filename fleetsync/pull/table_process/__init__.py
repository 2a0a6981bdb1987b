"""A process of its own that reads workbooks and XML, with a bound on its memory and its time.

Such a file can be small and ask for any amount of memory: a cell in the last column of the last row, one long text that is
referred to a million times, an archive that unpacks to gigabytes. What is known of such files is refused before they are
read; what is not known ends this process and not the daemon. It starts in a tenth of a second because it imports nothing
else of the application: `fleetsync.pull.files.table_reader` starts it and speaks to it.
"""
