"""Fingers at the door: the only room that speaks to the sensor's bridge.

``press`` makes one statement of one press, ``audit`` compares the sensor's library with the gallery,
``worker`` runs both in a thread, ``enrolment`` takes a new finger.
"""
