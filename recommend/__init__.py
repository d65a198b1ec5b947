"""Recommenders: backbones, enhancers, training, honest evaluation, recommendations with reasons."""
