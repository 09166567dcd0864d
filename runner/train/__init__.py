"""Training: one step, the two programs of a phase, and the order of events of a run."""
