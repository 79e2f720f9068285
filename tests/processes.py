"""Processes of the tests, forked from one that has loaded the portal already, so that each need not load it itself."""

import multiprocessing

#: As `multiprocessing`'s own contexts: `Process`, `Barrier`, `Queue`.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["portal.app", "tests.conftest"])
