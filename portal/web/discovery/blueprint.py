"""The blueprint of what machines ask."""

from flask import Blueprint

blueprint = Blueprint("discovery", __name__)
