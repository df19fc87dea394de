"""Delivery of punches to the cloud, each once, whatever the network does.

``core`` decides without input or output; ``outbox`` is the ledger seen as what still has to go; ``mqtt`` is
the link; ``uplink`` runs the three in a thread of its own.
"""
