"""From an identified person to a durable punch: dedupe, ledger, recorder.

The ledger is one SQLite file with one connection owned by one thread. Nobody is told "recorded" before the
commit is on the disk. Nothing is deleted but what the cloud acknowledged 90 days ago.
"""
