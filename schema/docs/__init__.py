"""What the rules and the keys say of themselves: for `lorarun explain`, for editors, and for the generated pages."""
