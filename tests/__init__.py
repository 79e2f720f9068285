"""The tests; `docs/architecture.md` says what each file shows."""
