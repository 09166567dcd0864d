"""How findings are written: one format a file, named as `--format` names it; report.py is their table."""
