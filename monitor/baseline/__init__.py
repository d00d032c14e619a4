"""Per-key rolling baselines: events into open windows, closed windows into profiles."""
