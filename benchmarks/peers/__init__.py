"""keywatch beside rules and algorithms that others use, on the same corpora, at the same false alert rate.

See docs/evaluation.md for what each peer is given, and :mod:`benchmarks.peers.__main__` for the command.
"""
