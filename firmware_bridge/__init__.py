"""The fingerprint sensor on its UART: ZFM / R30x modules and everything that speaks their frames.

Down the wire: ``sensor`` and ``enrolment`` (what a program asks for), ``driver`` (pyfingerprint over a
transport that keeps deadlines), ``instructions`` and ``confirmation`` (tables), ``deframer`` and
``packets`` (bytes), ``link`` (the port). ``emulator`` is the other end of the wire: a sensor on a
pseudo-terminal. ``cli`` is ``kaoqin-bridge``. The package stands alone: it imports nothing else of this
distribution.
"""
