"""Confirmation codes: the first byte of every acknowledgement.

Source: ZFM-20 user manual, section "Definition of confirmation code"; R503 manual v1.2.2 for 20 and above.
"""

from __future__ import annotations

from enum import IntEnum


class Confirmation(IntEnum):
    """The codes a module of the supported profiles may give to the supported instructions."""

    OK = 0x00
    PACKET_ERROR = 0x01
    NO_FINGER = 0x02
    CAPTURE_FAILED = 0x03
    TOO_MESSY = 0x06
    TOO_FEW_FEATURES = 0x07
    NO_MATCH = 0x08
    NOT_FOUND = 0x09
    COMBINE_FAILED = 0x0A
    PAGE_OUT_OF_RANGE = 0x0B
    TEMPLATE_INVALID = 0x0C
    UPLOAD_FAILED = 0x0D
    CANNOT_RECEIVE = 0x0E
    DELETE_FAILED = 0x10
    EMPTY_FAILED = 0x11
    WRONG_PASSWORD = 0x13
    NO_IMAGE = 0x15
    FLASH_ERROR = 0x18
    UNDEFINED = 0x19
    WRONG_ADDRESS = 0x20
    PASSWORD_REQUIRED = 0x21


_MEANINGS = {
    Confirmation.OK: "done",
    Confirmation.PACKET_ERROR: "it received a damaged packet",
    Confirmation.NO_FINGER: "no finger on the sensor",
    Confirmation.CAPTURE_FAILED: "the image could not be taken",
    Confirmation.TOO_MESSY: "the image is too messy",
    Confirmation.TOO_FEW_FEATURES: "the image shows too little of the finger",
    Confirmation.NO_MATCH: "the two fingers do not match",
    Confirmation.NOT_FOUND: "no stored finger matches",
    Confirmation.COMBINE_FAILED: "the captures are not of one finger",
    Confirmation.PAGE_OUT_OF_RANGE: "the slot is beyond the library",
    Confirmation.TEMPLATE_INVALID: "the slot holds no valid template",
    Confirmation.UPLOAD_FAILED: "it cannot send the template",
    Confirmation.CANNOT_RECEIVE: "it cannot receive a template",
    Confirmation.DELETE_FAILED: "the template could not be deleted",
    Confirmation.EMPTY_FAILED: "the library could not be emptied",
    Confirmation.WRONG_PASSWORD: "the password is wrong",
    Confirmation.NO_IMAGE: "there is no valid image",
    Confirmation.FLASH_ERROR: "its flash memory could not be written",
    Confirmation.UNDEFINED: "it does not know the instruction",
    Confirmation.WRONG_ADDRESS: "the address is wrong",
    Confirmation.PASSWORD_REQUIRED: "it wants its password first",
}


def describe(code: int) -> str:
    """A clause for people; codes outside the table are said to be so."""
    return _MEANINGS[Confirmation(code)] if code in _MEANINGS else "a reason unknown to this program"
