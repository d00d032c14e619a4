"""How well detection does on corpora whose truth is known: labels -> replay -> tally -> report."""
