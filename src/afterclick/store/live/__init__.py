"""The tail of the log: what was acknowledged and lies in no segment yet, in one SQLite file."""
