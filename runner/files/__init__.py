"""Bytes that a kill cannot spoil: atomic files, folders hidden until sealed, storage errors in one sentence."""
