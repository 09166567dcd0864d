"""One file per top-level YAML key: types, bounds, defaults, units and documentation."""
