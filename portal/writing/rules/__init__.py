"""The rules that articles are checked by: a module for each matter, with its `RULES` and what finds them broken."""
