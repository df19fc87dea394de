"""What the terminal and the cloud agree on, byte for byte.

Pure values: ids, the clock's protocol, Punch, Person, Template envelope, OfficeRecord, AttendanceDay, and
``wire`` (topics, messages, codec). Nothing here does input or output; ``models.clock`` alone reads the clock.
The face networks' identity cards are in ``networks.toml``; their weights come from packages.
"""
