"""What a finished run leaves for other programs, and the proof that it is the trained model."""
