"""What writers find at the desk: what is to do, drafts, and texts beside their translations."""

from flask import Blueprint

blueprint = Blueprint("writers", __name__, url_prefix="/<language:language>/desk/writers")
