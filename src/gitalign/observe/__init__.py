"""Runs as other systems see them: metrics for Prometheus, spans for OpenTelemetry. Followers of events and reports; nothing is measured here."""
