"""The run directory: its names, its record, its identity, its lock."""
