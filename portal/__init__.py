"""A multilingual knowledge base and self-service portal whose unanswered searches become L1 tickets."""
