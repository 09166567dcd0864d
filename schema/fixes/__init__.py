"""Fixes of a spec's text: applied, shown as a difference, or silenced by a comment."""
