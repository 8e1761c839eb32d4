"""The documents, held to the code. `python -m tests.docs --write` draws anew what is drawn from it."""
