"""The text of a spec: YAML with places, its scalars, edits, comments and secrets; and findings, which point into it."""
