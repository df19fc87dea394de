"""The MQTT link of one worker: one object per connection, thrown away when it breaks.

Speaks MQTT 3.1.1 with clean sessions and PUBACKs by hand; nothing rests on what brokers keep. Workers share
the topics of the terminals: each message goes to one of them.
"""

from __future__ import annotations

import secrets
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from cloud.ingest.address import BrokerAddress
from cloud.ingest.opening import Message
from cloud.ingest.tls import share_group, worker_context
from models.crashpoint import crashpoint
from models.ids import TerminalId
from models.wire import topics
from models.wire.topics import Channel

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 5.0
_QOS_AT_LEAST_ONCE = 1


class LinkListener(Protocol):
    """Called from the link's own thread."""

    def up(self) -> None:
        """Connected, and our topics are subscribed."""

    def down(self, reason: str) -> None:
        """The connection is over, or was refused."""

    def came(self, message: Message, mid: int, qos: int) -> None:
        """A message; while this blocks, the broker holds back the next."""


class BrokerLink:
    """One connection to the broker of ``address``; ``listens``: it takes messages, and not only tells."""

    def __init__(self, address: BrokerAddress, listener: LinkListener, *, listens: bool = True) -> None:
        self._address = address
        self._listens = listens
        self._listener = listener
        self._group = share_group(None)
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"ingest-{secrets.token_hex(8)}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.username_pw_set(address.user, address.password)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def open(self) -> None:
        """Connect and start the link's thread; ``up`` or ``down`` follows.

        Raises:
            OSError: nobody answered, or the certificate to show cannot be used.
        """
        if self._address.scheme == "mqtts":
            self._client.tls_set_context(worker_context(self._address.certificate))
            self._group = share_group(self._address.certificate)
        self._client.connect(self._address.host, self._address.port, _KEEPALIVE_S)
        self._client.loop_start()

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish to a terminal, with QoS 1 if it is to be retained; whether the link took it."""
        qos = _QOS_AT_LEAST_ONCE if retain else 0
        return self._client.publish(topics.topic(terminal, channel), payload, qos, retain).rc == 0

    def puback(self, mid: int, qos: int) -> bool:
        """Give the broker its slot back; whether the link took it."""
        return self._client.ack(mid, qos) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def share_states(self) -> None:
        """The retained states have come: from now on each state goes to one worker, as punches do."""
        if self._listens:
            self._client.unsubscribe(topics.every(Channel.STATE))

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
        if not self._listens:
            self._listener.up()
            return
        # Retained states come by a subscription of one's own only; see ``share_states``.
        shared = (topics.shared(channel, self._group) for channel in (Channel.UP, Channel.STATE))
        wanted = (*shared, topics.every(Channel.STATE))
        self._client.subscribe([(each, _QOS_AT_LEAST_ONCE) for each in wanted])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self._listener.up()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._listener.down(str(reason))

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        crashpoint("message_received")
        came = Message.of(message.topic, message.payload, retained=message.retain)
        self._listener.came(came, message.mid, message.qos)
