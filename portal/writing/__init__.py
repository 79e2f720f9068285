"""What writers do with articles: check, translate, preview, import and export them, and see what is to do."""
