"""The commands that teach, one a file: what a rule or a key means, the JSON Schema, a spec to start from."""
