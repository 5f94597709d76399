"""One file for each verb: its options, and what it does with them. A verb is imported when it is typed."""
