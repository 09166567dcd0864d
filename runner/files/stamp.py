"""A stamp says cheaply whether a file may have changed since it was read: its size and times, not its content."""

from __future__ import annotations

import os


def stamp_of(found: os.stat_result) -> str:
    """Return the stamp of the file that a stat is of.

    Size, time of the last write, and time of the last change to the file itself, which no copying program sets back.
    """
    return f"{found.st_size}/{found.st_mtime_ns}/{found.st_ctime_ns}"
