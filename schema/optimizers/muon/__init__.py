"""Muon: momentum of matrices, orthogonalised (Jordan et al. 2024); AdamW trains the rest."""
