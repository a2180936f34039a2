"""MQTT 5 through paho, on the caller's own thread: nothing is queued in memory that the store does not hold."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.config import Broker
from agent.drivers.network import Network, carried, interface, stuck
from agent.errors import ConfigError, DeviceError
from agent.i18n import _
from agent.interfaces import Message

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0  # seconds, for each of TCP, and CONNACK with the subscriptions
GOODBYE_TIMEOUT = 1.0  # seconds
FIRST_FAILURE = 128  # MQTT 5, 2.4: a reason code from here on is a failure
MAXIMUM_PACKET = 1024 * 1024  # bytes: larger ones are not accepted from the broker
SMALLEST_LIMIT = 80 * 1024  # bytes: the contract's largest message with its properties
MOST_UNANSWERED = 100  # messages that the broker has not acknowledged; more make no link faster (measured)
MOST_AT_ONCE = 200  # messages that one exchange returns
ALERT = re.compile(r"\[SSL: \w*ALERT\w*\] (?:(?:sslv3|tlsv1|tlsv13|tls) alert )?(.+?)(?: \(_ssl|$)")


class MqttConnection:
    """A connection to the broker; implements Publisher. Used by one thread."""

    def __init__(  # noqa: PLR0913 - what makes an MQTT session
        self,
        settings: Broker,
        client_id: str,
        *,
        subscriptions: Sequence[str] = (),
        will: Message | None = None,
        session_expiry: int = 0,
        manual_acknowledge: bool = False,
    ) -> None:
        """`session_expiry` seconds the broker keeps the session (0: none); `will` is also published by `close`.

        With `manual_acknowledge` the broker keeps each message until `acknowledge` is called.
        Raises ConfigError where a certificate, key or password file can not be used.
        """
        self._settings = settings
        self._subscriptions = list(subscriptions)
        self._will = will
        self._session_expiry = session_expiry
        self._received: list[paho.MQTTMessage] = []
        self._unacknowledged: list[paho.MQTTMessage] = []
        self._published: dict[int, Message] = {}  # by packet id, until the broker has answered
        self._refused: set[str] = set()  # topics of optional messages, so that each is said once
        self._subscribed = False
        self._answered = False  # there was a CONNACK
        self._most_unanswered = MOST_UNANSWERED
        self._failure: str | None = None
        self._distrust: str | None = None  # why the broker refuses the certificate
        self._client_id = client_id
        self._manual_acknowledge = manual_acknowledge
        self._socket: socket.socket | None = None
        self._network: str | None = None
        self._way: Network | None = None
        self._carried: dict[str, int] = {}  # bytes, by network, of the connections that have ended
        self._client = self._make_client()

    def open(self) -> None:
        """Connect and subscribe. Raises DeviceError with the reason in words."""
        self._count()
        # paho keeps what a broken connection left over and would send it again; the store does that here.
        self._client = self._make_client()
        self._received.clear()
        self._unacknowledged.clear()
        self._published.clear()
        self._subscribed, self._answered = not self._subscriptions, False
        self._failure = self._distrust = None
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._session_expiry
        properties.MaximumPacketSize = MAXIMUM_PACKET
        try:
            self._client.connect(
                self._settings.host,
                self._settings.port,
                self._settings.keepalive_s,
                clean_start=self._session_expiry == 0,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DeviceError(
                _("the broker {address} can not be reached: {reason}").format(address=self._address, reason=reason)
            ) from error
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while not (self._client.is_connected() and self._subscribed):
            self._loop(0.1)
            if time.monotonic() > deadline:
                self.close()
                raise DeviceError(_("the broker {address} does not answer").format(address=self._address))

    def exchange(self, outgoing: Sequence[Message], timeout: float) -> list[Message]:
        """See Publisher."""
        for message in outgoing:
            self._wait_for_room()
            self._publish(message)
        deadline = time.monotonic() + timeout
        self._loop(0.0)
        while not self._received and (remaining := deadline - time.monotonic()) > 0:
            self._loop(remaining)
        self._drain()
        if not self._received:
            self._leave_tunnel()
        messages = [message for message in map(_incoming, self._received) if message is not None]
        self._unacknowledged += self._received
        self._received.clear()
        return messages

    def acknowledge(self) -> None:
        """Let the broker forget what `exchange` has returned so far."""
        for message in self._unacknowledged:
            self._client.ack(message.mid, message.qos)
        self._unacknowledged.clear()

    def close(self) -> None:
        """See Publisher. The will is published by hand, since a clean disconnect makes the broker drop it."""
        # After the broker's own DISCONNECT paho still counts itself connected.
        if not self._client.is_connected() or self._failure is not None:
            return
        try:
            if self._will is not None:
                self._publish(self._will)
                deadline = time.monotonic() + GOODBYE_TIMEOUT
                while self._published and time.monotonic() < deadline:
                    self._loop(0.05)
            self._client.disconnect()
            self._loop(0.0)
        except DeviceError as error:
            log.debug("the goodbye did not arrive: %s", error)

    @property
    def network(self) -> str | None:
        """See Meter."""
        return self._network

    def usage(self) -> dict[str, int]:
        """See Meter."""
        usage = dict(self._carried)
        if self._socket is not None and self._network is not None:
            with suppress(OSError):  # closed
                usage[self._network] = usage.get(self._network, 0) + carried(self._socket)
        return usage

    def _leave_tunnel(self) -> None:
        """Not to wait for the old connection's next attempt, seconds or minutes later, where a new one succeeds."""
        if self._socket is not None and self._way is not None and stuck(self._socket) and self._way.is_there():
            self._failure = _("the broker {address} is reached again; the connection is made anew").format(
                address=self._address
            )
            raise DeviceError(self._failure)

    def _count(self) -> None:
        """The connection is at its end."""
        self._carried = self.usage()
        self._socket = self._network = self._way = None

    @property
    def _address(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=self._manual_acknowledge,
        )
        client.connect_timeout = CONNECT_TIMEOUT
        client.max_inflight_messages = MOST_UNANSWERED
        client.on_log = self._on_log
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = lambda _client, _data, _socket: self._count()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=self._will.retain)
        if self._settings.username:
            client.username_pw_set(self._settings.username, _read_password(Path(self._settings.password_file)))
        if self._settings.tls:
            client.tls_set_context(_tls_context(self._settings))
        return client

    def _on_socket_open(self, _client: paho.Client, _data: Any, connection: Any) -> None:
        # paho leaves Nagle on, which costs 45 ms for each acknowledgement of a large message.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._network = connection, interface(connection.getsockname()[0])
        with suppress(OSError):  # the broker has closed it already, which is said in a moment
            self._way = Network(*connection.getpeername()[:2])

    def _wait_for_room(self) -> None:
        """Not to have more messages unanswered than the broker allows (MQTT 5, 4.9): paho does not look."""
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while len(self._published) >= self._most_unanswered:
            self._loop(0.1)
            if time.monotonic() > deadline:
                raise DeviceError(_("the broker {address} does not answer").format(address=self._address))

    def _publish(self, message: Message) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if message.content_type:
            properties.ContentType = message.content_type
        if message.properties:
            properties.UserProperty = list(message.properties.items())
        info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=properties)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE):
            raise DeviceError(_("the connection to the broker is lost: {reason}").format(reason=_words(info.rc)))
        self._published[info.mid] = message

    def _loop(self, timeout: float) -> None:
        try:
            result = self._client.loop(timeout)
        except (struct.error, IndexError, KeyError, UnicodeDecodeError, RuntimeError, MQTTException) as error:
            # paho lets through whatever a malformed packet leads to.
            self._failure = _("the broker {address} sends what is not MQTT 5: {reason}").format(
                address=self._address, reason=error
            )
        if self._failure is not None:
            raise DeviceError(self._failure)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise DeviceError(_("the connection to the broker is lost: {reason}").format(reason=_words(result)))

    def _drain(self) -> None:
        """Take in what has already arrived, but no flood: paho reads one packet a loop."""
        count = -1
        while count < len(self._received) < MOST_AT_ONCE:
            count = len(self._received)
            self._loop(0.0)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, properties: Any) -> None:
        self._answered = True
        client.on_log = None  # paho would go on to put every packet into words
        if code.is_failure:
            self._failure = _("the broker {address} refuses this device: {reason}").format(
                address=self._address, reason=code.getName()
            )
            return
        self._most_unanswered = min(MOST_UNANSWERED, getattr(properties, "ReceiveMaximum", MOST_UNANSWERED))
        largest = getattr(properties, "MaximumPacketSize", None)
        if largest is not None and largest < SMALLEST_LIMIT:
            self._failure = _(
                "the broker {address} takes packets of {largest} bytes only; set its max_packet_size to {needed}"
            ).format(address=self._address, largest=largest, needed=SMALLEST_LIMIT)
        elif self._subscriptions:
            client.subscribe([(name, SubscribeOptions(qos=1)) for name in self._subscriptions])

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _p: Any) -> None:
        refused = [
            f"{name} ({code.getName()})"
            for name, code in zip(self._subscriptions, codes, strict=False)
            if code.is_failure
        ]
        if refused:
            self._failure = _("the broker refuses the subscription {topics}; check its access list").format(
                topics=", ".join(refused)
            )
        self._subscribed = True

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        # paho counts a refused message as published: only the reason code tells.
        message = self._published.pop(mid, None)
        if message is None or code.value < FIRST_FAILURE:
            return
        refusal = _("the broker refuses messages on {topic}: {reason}; check its access list").format(
            topic=message.topic, reason=code.getName()
        )
        if not message.optional:
            self._failure = refusal
        elif message.topic not in self._refused:
            self._refused.add(message.topic)
            log.warning("%s", refusal)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._received.append(message)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if self._failure is None and self._distrust is not None:
            self._failure = _(
                "the broker {address} refuses this device's certificate ({reason}); check [broker] certificate and key"
            ).format(address=self._address, reason=self._distrust)
        elif self._failure is None and self._settings.tls and not self._answered:
            # In TLS 1.3 a broker looks at the certificate when all seems well; its reason is mostly lost on the way.
            self._failure = _(
                "the broker {address} ended the connection before it answered; perhaps it does not accept this "
                "device's certificate: check its date, its name, and that it was not withdrawn"
            ).format(address=self._address)
        elif self._failure is None:
            self._failure = _("the broker {address} ended the connection: {reason}").format(
                address=self._address, reason=code.getName()
            )

    def _on_log(self, _client: paho.Client, _data: Any, _level: int, text: str) -> None:
        """Why a broker refuses a certificate paho says in its log only."""
        if alert := ALERT.search(text):
            self._distrust = alert[1]


def _incoming(message: paho.MQTTMessage) -> Message | None:
    """None for a topic that is not UTF-8, which nobody can have subscribed to by name."""
    try:
        name = message.topic
    except UnicodeDecodeError:
        return None
    properties = message.properties
    user = dict(getattr(properties, "UserProperty", [])) if properties is not None else {}
    content_type = getattr(properties, "ContentType", "") if properties is not None else ""
    return Message(name, bytes(message.payload), content_type, user, bool(message.retain))


def _words(code: int) -> str:
    return paho.error_string(MQTTErrorCode(code)).rstrip(".")


def _read_password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            _("{path}: the broker's password can not be read ({reason}); check [broker] password_file").format(
                path=path, reason=getattr(error, "strerror", None) or error
            )
        ) from error


def _find(key: str, path: str) -> None:
    """OpenSSL does not say which file it could not open."""
    try:
        if path:
            Path(path).open("rb").close()
    except OSError as error:
        raise ConfigError(
            _("{path}: can not be read ({reason}); check [broker] {key}").format(
                path=path, reason=error.strerror, key=key
            )
        ) from error


def _tls_context(settings: Broker) -> ssl.SSLContext:
    for key in ("ca", "crl", "certificate", "key"):
        _find(key, getattr(settings, key))
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.crl:
            context.load_verify_locations(settings.crl)
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            _("the broker's certificates can not be used ({reason}); check [broker] ca, certificate and key").format(
                reason=error
            )
        ) from error
    return context
