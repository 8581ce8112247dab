"""What is counted: instruments, durations, histograms."""
