"""MQTT side of the ingest: batches and states to the writer; acks, then PUBACKs, back.

Broker-neutral: MQTT 3.1.1, clean session, nothing kept by the broker that we could not lose.
"""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future
from functools import partial

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.ingest.address import BrokerAddress
from cloud.ingest.opening import Message
from cloud.ingest.receive import Received
from cloud.ingest.writer import IngestWriter, NotStored
from models.ids import TerminalId
from models.wire import topics
from models.wire.topics import Channel

_KEEPALIVE_S = 30
_RECONNECT_MAX_S = 30
_QOS_AT_LEAST_ONCE = 1

log = structlog.get_logger()


class Subscriber:
    """Listens to all terminals, together with any other worker of the same group.

    A broker that is away is tried again for ever, a little later each time and not in step with others.
    """

    def __init__(self, address: BrokerAddress, writer: IngestWriter) -> None:
        self._address = address
        self._writer = writer
        self._connected = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"ingest-{secrets.token_hex(8)}",
            protocol=MQTTv311,
            clean_session=True,
            manual_ack=True,
        )
        self._client.username_pw_set(address.user, address.password)
        if address.scheme == "mqtts":
            self._client.tls_set()
        jitter = secrets.randbelow(1_000) / 1_000
        self._client.reconnect_delay_set(1 + jitter, _RECONNECT_MAX_S * (1 + jitter))  # type: ignore[arg-type]
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name="ingest-mqtt", daemon=True)
        self.sessions = 0

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._connected.is_set()

    def start(self) -> None:
        """Connect in the background, now or as soon as the broker is there."""
        self._client.connect_async(self._address.host, self._address.port, _KEEPALIVE_S)
        self._thread.start()

    def stop(self) -> None:
        """Leave the broker; messages that were taken are still stored and acknowledged to nobody."""
        self._client.disconnect()
        self._thread.join()

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish to a terminal; whether there was a broker to take it."""
        if not self.connected:
            return False
        qos = _QOS_AT_LEAST_ONCE if retain else 0
        return self._client.publish(topics.topic(terminal, channel), payload, qos, retain).rc == 0

    def _run(self) -> None:
        self._client.loop_forever(retry_first_connection=True)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("broker_refused", reason=str(reason))
            return
        client.subscribe(
            [
                (topics.shared(Channel.UP), _QOS_AT_LEAST_ONCE),
                (topics.every(Channel.STATE), _QOS_AT_LEAST_ONCE),
            ]
        )
        self.sessions += 1
        self._connected.set()
        log.info("broker_connected", host=self._address.host, port=self._address.port)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if self._connected.is_set():
            log.warning("broker_lost", reason=str(reason))
        self._connected.clear()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            # Blocks while the database is behind: the broker then holds back the terminals.
            done = self._writer.submit(Message(message.topic, bytes(message.payload), message.retain))
        except NotStored:
            return
        done.add_done_callback(partial(self._answer, message.topic, message.mid, message.qos))

    def _answer(self, topic: str, mid: int, qos: int, done: Future[Received]) -> None:
        """After the commit: our ack, then PUBACK. Without a commit neither: the terminal sends again."""
        if done.exception() is not None:
            return
        ack = done.result().ack
        parsed = topics.parse(topic)
        if ack is not None and parsed is not None:
            self.tell(parsed.terminal_id, Channel.ACK, ack)
        self._client.ack(mid, qos)
