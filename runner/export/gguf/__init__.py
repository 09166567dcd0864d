"""A trained model as one GGUF file for llama.cpp, written and read by the package gguf, an optional dependency."""
