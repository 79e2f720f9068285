"""Daily sums: what reports are read from, counted again and again until nothing of a day can change any more."""

from portal.daily.counting import Daily

__all__ = ["Daily"]
