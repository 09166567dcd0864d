"""What an editor asks while a spec is written: what stands at the cursor, and what can be written there."""
