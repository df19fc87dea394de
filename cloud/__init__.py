"""The service: takes punches in, joins them with leave and trip, and judges days by dated rules.

Rooms in the order in which a punch walks: ``ingest`` -> ``attendance`` (recompute) <- ``rules`` (pure), then
``reports`` and ``web``. ``people``, ``office`` and ``terminals`` hold the other facts; ``db`` the tables.
"""
