"""The variables that OpenTelemetry reads by itself."""
