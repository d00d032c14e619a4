"""Where a partition's state is kept, and the fence that gives every event exactly one effect."""
