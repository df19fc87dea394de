"""Where punches arrive, by MQTT or HTTPS: read leniently, stored once, acknowledged after the commit.

``core`` decides without input or output; ``receive`` is its transaction: messages in, rows and acks out;
``link`` is MQTT; ``worker`` runs the three in a thread of its own.
"""
