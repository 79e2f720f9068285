"""`portal search`: searching itself, and how good it is."""

from portal.commands.quality import calibrate, evaluate
from portal.commands.search import search
from portal.commands.search_check import search_check

__all__ = ["search"]

for command in (evaluate, calibrate, search_check):
    search.add_command(command)
