"""The MQTT link of one terminal: one object per connection, thrown away when it breaks.

Speaks MQTT 3.1.1 with clean sessions; nothing rests on what brokers keep. A PUBACK only frees a slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge.errors import BadSettings
from models.ids import TerminalId
from models.wire.topics import Channel, parse, topic

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 5.0
_QUEUE = 32
_PORTS = {"mqtt": 1883, "mqtts": 8883, "embedded": 1883}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Login:
    """Who the terminal is to the broker: its id is user name and client id, its token the password."""

    terminal_id: TerminalId
    token: str
    broker_url: str


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


class LinkListener(Protocol):
    """Called from the link's own thread: hand the news on and return."""

    def up(self) -> None:
        """Connected, and our topics are subscribed."""

    def down(self, reason: str) -> None:
        """The connection is over, or was refused."""

    def heard(self, channel: Channel, payload: bytes) -> None:
        """A message on one of our topics."""


class MqttLink:
    """One connection; ``will`` is what the broker says on the ``state`` topic when it breaks."""

    def __init__(self, login: Login, will: bytes, listener: LinkListener) -> None:
        self._broker = parse_broker(login.broker_url)
        self._terminal_id = login.terminal_id
        self._listener = listener
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
        if login.token:
            client.username_pw_set(login.terminal_id, login.token)
        if self._broker.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def open(self) -> None:
        """Connect and start the link's thread; ``up`` or ``down`` follows.

        Raises:
            OSError: nobody answered.
        """
        self._client.connect(self._broker.host, self._broker.port, _KEEPALIVE_S)
        self._client.loop_start()

    def publish(
        self, channel: Channel, payload: bytes, *, retain: bool = False
    ) -> paho.MQTTMessageInfo | None:
        """Send with QoS 1; None if the link could not take it."""
        info = self._client.publish(topic(self._terminal_id, channel), payload, qos=1, retain=retain)
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def close(self) -> None:
        """Disconnect and end the link's thread; not from a callback."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    # paho calls these with its own untyped objects.

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._listener.down(str(reason))
            return
        self._client.subscribe(
            [(topic(self._terminal_id, Channel.ACK), 0), (topic(self._terminal_id, Channel.WANT), 1)]
        )

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self._listener.up()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._listener.down(str(reason))

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        found = parse(message.topic)
        if found is not None:
            self._listener.heard(found.channel, bytes(message.payload))
