"""The HTTP interface: `/api/v1`, and the routes of the original requests."""
