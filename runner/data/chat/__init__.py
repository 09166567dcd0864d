"""Conversations: records become messages, messages text by a chat template, text ids with the supervised ones marked.

`conversation` reads a record, `template` renders it, `lost` finds what a template drops, `mask` the supervised spans,
`literal` keeps text inside messages from becoming special tokens, `supervise` does these in order, `encode` makes ids.
Only `open_chat`, which looks up what a run renders, knows sources and stores; nothing here knows the loader.
"""
