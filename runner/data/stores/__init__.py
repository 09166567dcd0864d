"""Token stores: prepared once from a source, described by meta.json, opened as memory maps."""
