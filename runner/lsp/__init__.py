"""`lorarun lsp`: the linter in an editor. What is found, known and fixed comes from `schema`; here it is translated."""
