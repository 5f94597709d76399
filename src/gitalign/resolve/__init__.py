"""Settling conflicts without a person: what is known of earlier ones, and rungs of the ladder the operator allows."""
