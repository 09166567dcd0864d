"""The commands, one a file or folder; `command` of each is what `lorarun VERB` calls."""
