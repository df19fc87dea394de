"""What is known of a model of sensor beyond what it tells about itself.

Capacity, packet size and security level are read from the sensor when it is opened and win over this table,
which gives the emulator its body and the driver the one figure no instruction tells: the size of a template.
Source: R305/R307 data sheet, ZFM-20 user manual section "System configuration parameter".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of sensor.

    Attributes:
        capacity: slots of its library, numbered from 0.
        buffers: character buffers, numbered from 1.
        template_bytes: size of a template, and of each buffer.
        packet_code: size of data packets: 32 << code bytes.
        baud_n: speed as a multiple of 9600 baud.
    """

    name: str
    capacity: int
    buffers: int
    template_bytes: int
    system_id: int
    security_level: int
    packet_code: int
    baud_n: int


R307 = Profile(
    name="R307",
    capacity=1000,
    buffers=2,
    template_bytes=512,
    system_id=0x0009,
    security_level=3,
    packet_code=2,
    baud_n=6,
)

PROFILES = {profile.name: profile for profile in (R307,)}


def packet_bytes(packet_code: int) -> int:
    """Content bytes of a data packet for the code 0 to 3 that ReadSysPara gives."""
    return 32 << packet_code
