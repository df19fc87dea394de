"""One file a step, named NNNN_what.py; the number is the revision."""
