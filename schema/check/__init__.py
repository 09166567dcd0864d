"""The check of a spec against the generated JSON Schema, on the located tree: values, renamed keys, overrides."""
