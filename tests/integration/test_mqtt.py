"""The connection to the broker, against a real mosquitto."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.config import Broker as Settings
from agent.drivers.mqtt import MqttConnection
from agent.errors import ConfigError, DeviceError
from agent.interfaces import Message
from tests.authority import Authority

from .broker import OPEN, Broker, free_port

MakeBroker = Callable[..., Broker]
Connect = Callable[..., MqttConnection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections and closes them after the test."""
    made: list[MqttConnection] = []

    def make(settings: Settings, name: str = "veh-1", **options: Any) -> MqttConnection:
        connection = MqttConnection(settings, name, **options)
        made.append(connection)
        return connection

    yield make
    for connection in made:
        connection.close()


def local(port: int, **more: Any) -> Settings:
    return Settings(host="127.0.0.1", port=port, tls=False, **more)


def receive(connection: MqttConnection, count: int, seconds: float = 10.0) -> list[Message]:
    messages: list[Message] = []
    deadline = time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < deadline:
        messages += connection.exchange([], 0.2)
    return messages


def test_a_message_arrives_with_content_type_and_user_properties(make_broker: MakeBroker, connect: Connect) -> None:
    settings = local(make_broker().port)
    listener = connect(settings, "listener", subscriptions=["a/+"])
    listener.open()
    sender = connect(settings)
    sender.open()
    sender.exchange([Message("a/b", b"{}", "application/json", {"id": "7"})], 0.0)
    assert receive(listener, 1) == [Message("a/b", b"{}", "application/json", {"id": "7"})]


def test_an_absent_broker_is_named_with_its_address(connect: Connect) -> None:
    port = free_port()
    with pytest.raises(DeviceError, match=f"127.0.0.1:{port}.*refused"):
        connect(local(port)).open()


def test_a_wrong_password_is_named(make_broker: MakeBroker, connect: Connect, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("veh-1:right\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    passwords.chmod(0o644)
    broker = make_broker(f"password_file {passwords}\n")
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(DeviceError, match="Not authorized"):
        connect(local(broker.port, username="veh-1", password_file=str(tmp_path / "password"))).open()
    (tmp_path / "password").write_text("right\n")
    connect(local(broker.port, username="veh-1", password_file=str(tmp_path / "password"))).open()


def test_a_publish_that_the_access_list_refuses_is_no_success(
    make_broker: MakeBroker, connect: Connect, tmp_path: Path
) -> None:
    access = tmp_path / "access"
    access.write_text("topic read #\n")
    access.chmod(0o644)
    connection = connect(local(make_broker(f"allow_anonymous true\nacl_file {access}\n").port))
    connection.open()
    with pytest.raises(DeviceError, match=r"fidamia/v1/veh-1/reports.*Not authorized"):
        connection.exchange([Message("fidamia/v1/veh-1/reports", b"{}")], 5.0)


def test_what_is_not_needed_may_be_refused_and_that_is_said_once(
    make_broker: MakeBroker, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = tmp_path / "access"
    access.write_text("topic read #\ntopic write fidamia/v1/veh-1/reports\n")
    access.chmod(0o644)
    connection = connect(local(make_broker(f"allow_anonymous true\nacl_file {access}\n").port))
    connection.open()
    for _time in range(3):
        connection.exchange([Message("fidamia/v1/veh-1/health", b"{}", optional=True)], 0.5)
        connection.exchange([Message("fidamia/v1/veh-1/reports", b"{}")], 0.5)
    assert [record.getMessage() for record in caplog.records] == [
        "the broker refuses messages on fidamia/v1/veh-1/health: Not authorized; check its access list"
    ]


def test_a_killed_broker_is_noticed_and_the_connection_opens_again(make_broker: MakeBroker, connect: Connect) -> None:
    broker = make_broker()
    connection = connect(local(broker.port), subscriptions=["a"])
    connection.open()
    broker.kill()
    with pytest.raises(DeviceError):
        receive(connection, 1, seconds=5)
    broker.start()
    connection.open()
    arrived = connection.exchange([Message("a", b"again")], 0.0) or receive(connection, 1)
    assert [message.payload for message in arrived] == [b"again"]


def test_the_will_is_published_when_the_device_vanishes_and_when_it_leaves(
    make_broker: MakeBroker, connect: Connect
) -> None:
    settings = local(make_broker().port, keepalive_s=5)
    listener = connect(settings, "listener", subscriptions=["state"])
    listener.open()
    will = Message("state", b"offline", retain=True)
    leaving = connect(settings, "leaving", will=will)
    leaving.open()
    leaving.close()
    assert [message.payload for message in receive(listener, 1)] == [b"offline"]
    vanishing = connect(settings, "vanishing", will=will)
    vanishing.open()
    # Never read from or written to again: the broker gives up after one and a half keepalives.
    assert [message.payload for message in receive(listener, 1, seconds=15)] == [b"offline"]


def test_what_was_not_acknowledged_comes_again_to_the_same_session(make_broker: MakeBroker, connect: Connect) -> None:
    settings = local(make_broker().port)
    options: dict[str, Any] = {
        "subscriptions": ["$share/group/a"],
        "session_expiry": 60,
        "manual_acknowledge": True,
    }
    first = connect(settings, "ingest", **options)
    first.open()
    sender = connect(settings)
    sender.open()
    sender.exchange([Message("a", b"1")], 1.0)
    assert len(receive(first, 1)) == 1
    first.close()
    second = connect(settings, "ingest", **options)
    second.open()
    assert [message.payload for message in receive(second, 1)] == [b"1"]
    second.acknowledge()
    second.exchange([], 0.2)
    second.close()
    third = connect(settings, "ingest", **options)
    third.open()
    assert receive(third, 1, seconds=1) == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Good certificates of a broker and a device, and bad ones of both."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    for directory in (authority.directory, *authority.directory.parents[:2]):
        directory.chmod(0o755)  # the broker is another user
    for name in ("server", "server-expired", "server-revoked"):
        authority.certificate(name, "IP:127.0.0.1", expired="expired" in name)
    for name in ("veh-1", "veh-expired", "veh-revoked"):
        authority.certificate(name, f"DNS:{name}", expired="expired" in name)
    authority.revoke("server-revoked")
    authority.revoke("veh-revoked")
    return authority


def secured(authority: Authority, broker: Broker, device: str | None = "veh-1", **more: str) -> Settings:
    own = authority.of(device) if device else {}
    known = {"host": "127.0.0.1", "ca": f"{authority.directory}/ca.pem", "crl": f"{authority.directory}/crl.pem"}
    given: dict[str, Any] = known | own | more
    return Settings(port=broker.port, **given)


def test_tls_with_client_certificates(make_broker: MakeBroker, connect: Connect, authority: Authority) -> None:
    broker = make_broker(authority.listener("server", revoked=True))
    connection = connect(secured(authority, broker), subscriptions=["a"])
    connection.open()
    assert len(connection.exchange([Message("a", b"x" * 60_000)], 0.0) or receive(connection, 1)) == 1
    assert connection.network == "lo"
    assert 120_000 < connection.usage()["lo"] < 150_000
    connection.close()
    assert connection.network is None
    assert connection.usage()["lo"] > 120_000


@pytest.mark.parametrize(
    ("device", "reason"), [("veh-expired", "expired"), ("veh-revoked", "revoked"), (None, "required")]
)
def test_a_certificate_that_the_broker_refuses_is_named(
    make_broker: MakeBroker, connect: Connect, authority: Authority, device: str | None, reason: str
) -> None:
    broker = make_broker(authority.listener("server", revoked=True))
    # The reason arrives, or is lost on the way since the broker does not wait for what is sent meanwhile.
    named = f"refuses this device's certificate .certificate {reason}.; check|perhaps it does not accept this device's"
    with pytest.raises(DeviceError, match=named):
        connect(secured(authority, broker, device)).open()


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (("server", {"ca": "", "crl": ""}), "certificate verify failed"),  # an authority that nobody vouches for
        (("server", {"host": "localhost"}), "not valid for 'localhost'"),
        (("server-expired", {}), "certificate has expired"),
        (("server-revoked", {}), "certificate revoked"),
    ],
)
def test_a_broker_with_a_wrong_certificate_is_not_trusted(
    make_broker: MakeBroker, connect: Connect, authority: Authority, case: tuple[str, dict[str, str]], reason: str
) -> None:
    server, settings = case
    broker = make_broker(authority.listener(server, revoked=True))
    with pytest.raises(DeviceError, match=reason):
        connect(secured(authority, broker, **settings)).open()


def test_certificate_files_that_are_not_there_are_a_configuration_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ca"):
        MqttConnection(Settings(ca=str(tmp_path / "none.pem")), "veh-1")
    with pytest.raises(ConfigError, match="password_file"):
        MqttConnection(local(1883, username="a", password_file=str(tmp_path / "none")), "veh-1")


def test_the_access_list_of_the_guide_keeps_each_device_to_its_own_topics(
    make_broker: MakeBroker, connect: Connect, tmp_path: Path
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    access = tmp_path / "access"
    access.write_text(guide.split("`/etc/mosquitto/fidamia.acl`:")[1].split("```")[1])
    passwords = tmp_path / "passwords"
    passwords.write_text("".join(f"{user}:secret\n" for user in ("veh-1", "veh-2", "central")))
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    for file in (access, passwords):
        file.chmod(0o644)
    (tmp_path / "secret").write_text("secret")
    broker = make_broker(f"password_file {passwords}\nacl_file {access}\nmax_packet_size 131072\n")

    def as_user(user: str, *subscriptions: str) -> MqttConnection:
        settings = local(broker.port, username=user, password_file=str(tmp_path / "secret"))
        connection = connect(settings, user, subscriptions=subscriptions)
        connection.open()
        return connection

    centre = as_user("central", "$share/fidamia-ingest/fidamia/v1/+/reports")
    device = as_user("veh-1", "fidamia/v1/veh-1/ack")
    device.exchange([Message("fidamia/v1/veh-1/reports", b"mine")], 0.5)
    assert [message.payload for message in receive(centre, 1)] == [b"mine"]
    answer = Message("fidamia/v1/veh-1/ack", b"stored")
    centre.exchange([answer], 0.0)
    assert [message.payload for message in receive(device, 1)] == [b"stored"]
    with pytest.raises(DeviceError, match="Not authorized"):
        device.exchange([Message("fidamia/v1/veh-2/reports", b"not mine")], 5.0)
    eavesdropper = as_user("veh-2", "fidamia/v1/veh-1/ack")
    centre.exchange([answer], 0.5)
    assert receive(eavesdropper, 1, seconds=1) == []


CONNACK = bytes([0x20, 3, 0, 0, 0])
SUBACK = bytes([0x90, 4, 0, 1, 0, 1])


class ScriptedBroker:
    """Accepts one client after the other, answers CONNECT and SUBSCRIBE, then says `last` and hangs up."""

    def __init__(self, last: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._last = last
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            with client:
                for answer in (CONNACK, SUBACK, self._last):
                    client.recv(4096)
                    client.sendall(answer)

    def close(self) -> None:
        self._listener.close()


def talk(connection: MqttConnection) -> None:
    for _exchange in range(20):
        connection.exchange([Message("b", b"x")], 0.2)


@pytest.mark.parametrize(
    "last",
    [
        bytes([0xE0, 2, 0x8B, 0]),  # DISCONNECT, server shutting down
        bytes([0xE0, 2, 0x8E, 0]),  # DISCONNECT, session taken over
        bytes([0xE0, 2, 0x42, 0]),  # DISCONNECT, a reason that does not exist
        bytes([0x30, 5, 0, 9, 65, 66, 67]),  # PUBLISH, shorter than it says
        bytes([0x40, 3, 0, 1, 0x42]),  # PUBACK, a reason that does not exist
        bytes([0xF0, 0]),  # AUTH, which nobody asked for
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_whatever_a_broker_says_last_is_a_lost_connection_and_no_bug(connect: Connect, last: bytes) -> None:
    broker = ScriptedBroker(last)
    connection = connect(local(broker.port), subscriptions=["a"], will=Message("state", b"offline"))
    for _attempt in range(2):
        connection.open()
        with pytest.raises(DeviceError):
            talk(connection)
        connection.close()
    broker.close()


def test_a_broker_that_takes_small_packets_only_is_named_with_what_it_must_take(
    make_broker: MakeBroker, connect: Connect
) -> None:
    with pytest.raises(DeviceError, match=r"20000.*max_packet_size"):
        connect(local(make_broker("allow_anonymous true\nmax_packet_size 20000\n").port), subscriptions=["a"]).open()


def test_no_more_is_unanswered_than_the_broker_allows(make_broker: MakeBroker, connect: Connect) -> None:
    settings = local(make_broker(OPEN + "max_inflight_messages 2\n").port)
    listener = connect(settings, "listener", subscriptions=["a/+"])
    listener.open()
    sender = connect(settings)
    sender.open()
    assert sender._most_unanswered == 2
    most = 0
    publish = sender._publish

    def watched(message: Message) -> None:
        nonlocal most
        publish(message)
        most = max(most, len(sender._published))

    sender._publish = watched  # type: ignore[method-assign] # to see what goes out
    sender.exchange([Message("a/b", b"x" * 1000)] * 50, 0.5)
    assert len(receive(listener, 50)) == 50
    assert most == 2
