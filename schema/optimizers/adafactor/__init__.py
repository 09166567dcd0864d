"""Adafactor: second moments of matrices as an outer product of two vectors (Shazeer and Stern 2018)."""
