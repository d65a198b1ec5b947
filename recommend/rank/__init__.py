"""RankGraph: one graph over several domains, and a vector of each of its nodes."""
