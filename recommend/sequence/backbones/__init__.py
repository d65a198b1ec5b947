"""Backbones: item vectors of a history in, user vectors after every position out."""
