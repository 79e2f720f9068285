"""The peer of serving: a Flask application that only says hello, under the portal's own gunicorn configuration."""

from dataclasses import replace
from typing import Any

import click
from flask import Flask

from portal.server import Server
from portal.settings import Settings

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Answer with one word."""
    return "hello"


class HelloServer(Server):
    """The portal's server with the other application, and without articles to watch."""

    def load(self) -> Flask:
        """The application, once in each worker."""
        return app

    def load_config(self) -> None:
        """The portal's configuration, without what only a portal has."""
        super().load_config()
        self.cfg.set("worker_exit", lambda _arbiter, _worker: None)

    def _post_worker_init(self, _worker: Any) -> None:
        """Nothing is watched."""


@click.command()
@click.option("--port", type=int, required=True, help="Port to listen on.")
@click.option("--workers", type=int, required=True, help="Server processes; 0 is one per core.")
@click.option("--threads", type=int, required=True, help="Threads of each process.")
def main(port: int, workers: int, threads: int) -> None:
    """Serve until SIGTERM."""
    settings = replace(Settings(), port=port, workers=workers, threads=threads)
    HelloServer(settings, lambda: None).run()


if __name__ == "__main__":
    main()
