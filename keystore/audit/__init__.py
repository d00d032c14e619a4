"""The key audit: what is known of every key, the controls it is held to, and the report."""
