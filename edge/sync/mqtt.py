"""The MQTT link of one terminal: one object per connection, thrown away when it breaks.

Speaks MQTT 3.1.1 with clean sessions; nothing rests on what brokers keep. A PUBACK only frees a slot.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge.errors import BadSettings
from edge.roster.certificate import BadCertificate
from edge.sync.link import LinkListener, Login
from edge.sync.tls import broker_context, explain, try_handshake
from models.clock import Clock
from models.wire.topics import Channel, parse, topic

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 5.0
_JOIN_S = 1.0
_QUEUE = 32
_PORTS = {"mqtt": 1883, "mqtts": 8883, "embedded": 1883}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is."""

    host: str
    port: int
    tls: bool


def parse_broker(url: str) -> Broker:
    """The broker that ``mqtt://host[:port]``, ``mqtts://...`` or the demo's ``embedded://...`` names.

    Raises:
        BadSettings: it is neither.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise BadSettings(f'broker "{url}" is none of mqtt://HOST:PORT and mqtts://HOST:PORT') from error
    if not parts.hostname:
        raise BadSettings(f'broker "{url}" names no host')
    return Broker(parts.hostname, port, parts.scheme == "mqtts")


class MqttLink:
    """One connection; ``will`` is what the broker says on the ``state`` topic when it breaks."""

    def __init__(self, login: Login, will: bytes, listener: LinkListener, clock: Clock) -> None:
        self._broker = parse_broker(login.broker_url)
        self._login = login
        self._listener = listener
        self._clock = clock
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_accepted = False
        self._socket_error = ""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.terminal_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_queued_messages_set(_QUEUE)
        client.will_set(topic(login.terminal_id, Channel.STATE), will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_log = self._on_log
        self._client = client
        # Connecting may take seconds, and the uplink has other things to do.
        self._opener = threading.Thread(target=self._connect, name="uplink-connect", daemon=True)

    def open(self) -> None:
        """Connect in the background; ``up`` or ``down`` follows."""
        self._opener.start()

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Send with QoS 1; False if the link could not take it."""
        return self._publish(channel, payload, retain=retain) is not None

    def farewell(self, payload: bytes, timeout_s: float) -> None:
        """Say the last state and wait a little until the broker has it."""
        info = self._publish(Channel.STATE, payload, retain=True)
        if info is not None:
            with suppress(ValueError, RuntimeError):  # the connection broke meanwhile
                info.wait_for_publish(timeout_s)

    def close(self) -> None:
        """Disconnect and end the link's threads; not from a callback."""
        with self._lock:
            self._is_closed = True
            self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()
        self._opener.join(_JOIN_S)

    def _publish(self, channel: Channel, payload: bytes, *, retain: bool) -> paho.MQTTMessageInfo | None:
        info = self._client.publish(topic(self._login.terminal_id, channel), payload, qos=1, retain=retain)
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def _connect(self) -> None:
        try:
            self._show_who_we_are()
            self._client.connect(self._broker.host, self._broker.port, _KEEPALIVE_S)
        except BadCertificate as error:
            self._fail(str(error))
            return
        except (OSError, ValueError) as error:
            self._fail(explain(str(error)))
            return
        with self._lock:
            if not self._is_closed:
                self._client.loop_start()
                return
        self._client.loop_start()
        self._client.disconnect()
        self._client.loop_stop()

    def _show_who_we_are(self) -> None:
        """By certificate where there is one and the broker speaks TLS, else by token."""
        login, certificate = self._login, self._certificate()
        if self._broker.tls:
            self._client.tls_set_context(broker_context(certificate, self._clock.wall_ms()))
        if login.token and not (self._broker.tls and certificate):
            self._client.username_pw_set(login.terminal_id, login.token)

    def _certificate(self) -> Path | None:
        """The file, once it is there."""
        path = self._login.certificate
        return path if path is not None and path.exists() else None

    def _fail(self, reason: str) -> None:
        with self._lock:
            if not self._is_closed:
                self._listener.down(reason)

    # paho calls these with its own untyped objects.

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._listener.down(f"the broker refused the login: {reason}")
            return
        self._is_accepted = True
        self._client.subscribe(
            [
                (topic(self._login.terminal_id, Channel.ACK), 0),
                (topic(self._login.terminal_id, Channel.WANT), 1),
            ]
        )

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self._listener.up()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._listener.down(str(reason) if self._is_accepted else self._refusal(reason))

    def _refusal(self, reason: Any) -> str:
        """Why a broker ended the connection before it let us in.

        In TLS 1.3 it tells only after the handshake what it dislikes about our certificate, and what we had
        sent meanwhile may make the system forget it: then we ask again, and say nothing.
        """
        known = explain(self._socket_error)
        if known != self._socket_error or not self._broker.tls:
            return known or str(reason)
        try:
            context = broker_context(self._certificate(), self._clock.wall_ms())
            try_handshake(self._broker.host, self._broker.port, context, _CONNECT_TIMEOUT_S)
        except (BadCertificate, OSError) as error:
            return explain(str(error))
        return self._socket_error or str(reason)

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        found = parse(message.topic)
        if found is not None:
            self._listener.heard(found.channel, bytes(message.payload))

    def _on_log(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._socket_error = text
