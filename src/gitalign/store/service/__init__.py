"""The database of the service: repositories, jobs, events, tokens, sessions, the audit trail. Apart from the journals."""
