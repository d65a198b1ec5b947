"""Honest evaluation: ranks, metrics, comparisons and what lists are like."""
