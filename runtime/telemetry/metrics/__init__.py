"""Metrics: instruments, durations, histograms."""
