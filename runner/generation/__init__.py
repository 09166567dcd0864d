"""Text from a model: what is loaded (`target`), how a prompt becomes ids (`prompt`), how the next token is chosen
(`sampling`), the loop (`decode`), and text as it is made (`stream`). What is printed is the command's business.
"""
