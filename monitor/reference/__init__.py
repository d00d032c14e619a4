"""Pages of docs/reference made from code: ``python -m monitor.reference`` writes all of them.

What code cannot say by itself, the words for people, is beside it here: a setting, command, detector or
error reason without words fails a test.
"""
