"""Trials: would an article have helped? Queries that people really asked, before and after."""
