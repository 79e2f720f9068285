"""How fast the portal indexes, searches and serves, as ratios against a peer of the same run."""
