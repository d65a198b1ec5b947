"""Hyper-parameters by trial, with the same number of trials for every row."""
