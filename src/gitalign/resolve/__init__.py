"""Settling conflicts without a person: what is known of earlier ones, and automatic resolvers the operator allows."""
