"""What writers do next: how the articles stand, what people asked in vain, who writes about it, and where to begin."""
