"""The pages: each view reads its input, calls one use case and renders."""
