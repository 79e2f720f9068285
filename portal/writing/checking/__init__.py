"""The check of articles: everything is read once, judged by the rules, told in several forms, and mended where it can be."""
