"""Checkpoints: orbax behind one door, sealed, fingerprinted, described by a manifest."""
