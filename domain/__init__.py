"""The words every part of keywatch speaks. Imports nothing of ours and does no I/O."""
