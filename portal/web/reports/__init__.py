"""Reports on pages: the live board and the history."""

from flask import Blueprint

blueprint = Blueprint("reports", __name__, url_prefix="/<language:language>/desk/reports")
