"""A fleet of honest keys with attacks and honest changes put in, for measuring detection.

``python -m sample_streams.corpus --seed N --size small|full --out DIR`` writes ``events.jsonl.gz`` (native
events in shipping order), ``labels.json`` (who did what, never inside the events), ``plan.mmdb`` and
``lists/``. The same seed and size give the same events and labels, byte for byte.
"""
