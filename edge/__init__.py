"""The terminal: knows staff by finger, face or PIN, keeps each punch, and delivers it once.

Rooms in the order in which a punch walks: ``camera`` -> ``face``, ``finger``, ``pin`` -> ``punch`` (dedupe,
ledger) -> ``sync`` (outbox, uplink). ``roster`` brings people down, ``kiosk`` is the screen, ``agent`` the
composition root.
"""
