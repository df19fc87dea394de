"""Where punches arrive, by MQTT or HTTPS: read leniently, stored once, acknowledged after the commit.

``receive`` is the core: messages in, rows and acks out, one transaction of the caller. ``writer`` is the one
thread that calls it for everybody; ``subscriber`` and ``broker`` are MQTT.
"""
