"""Slugs that change: articles renamed or retired in all languages, links and redirects with them."""
