"""The plan: a spec compiled for a number of devices, and its printing."""
