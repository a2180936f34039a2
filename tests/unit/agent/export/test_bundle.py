"""From the vehicle's store over a USB stick into the centre's."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
import pytest
import time_machine
from click.testing import CliRunner, Result

from agent import config as settings
from agent.cli.main import main as fidamia
from agent.domain import Blurring, Evidence
from agent.export import bundle
from agent.export.bundle import MANIFEST, SIGNATURE
from agent.interfaces import Message
from agent.store.store import Store
from agent.sync.delivery import Delivery
from central.cli import main as central
from central.ingest import Ingest
from central.store import EmbeddedStore
from tests.authority import Authority
from tests.unit.builders import DEVICE, PREFIX, identifier, report, write_config

PICTURE = 100_000  # bytes: several pieces
BEFORE: tuple[list[str], int, list[str]] = ([identifier(1)], 0, [])
ALL = ([identifier(1), identifier(3), identifier(4)], 1, [identifier(1), identifier(3)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.certificate(DEVICE, f"DNS:{DEVICE}")
    authority.certificate("veh-other", "DNS:veh-other")
    authority.certificate("veh-expired", "DNS:veh-expired", expired=True)
    return authority


@pytest.fixture
def store(tmp_path: Path, authority: Authority) -> Iterator[Store]:
    """Five reports: one the centre has but for its picture, one it refused, one that waits with its picture, one that
    waits without, one that was dropped.
    """
    configure(tmp_path, authority)
    store = Store(tmp_path / "store")
    for number in range(1, 6):
        picture = Evidence(np.random.default_rng(number).bytes(PICTURE), 64, 48, Blurring("faces 1", 0, 0))
        given = picture if number in (1, 3) else None
        store.append(report(number, evidence=given and given.facts, evidence_withheld=None), given)
        if number == 1:
            deliver(store, tmp_path, pictures=False)
    store.outbox.reject([identifier(2)], "no such label")
    store.losses.add("report", "quota", store.outbox.remove([5]))
    yield store
    store.close()


class End:
    """One end of a connection in memory."""

    def __init__(self, out: list[Message], into: list[Message]) -> None:
        self._out, self._in = out, into

    def open(self) -> None: ...

    def exchange(self, outgoing: Sequence[Message], timeout: float) -> list[Message]:
        assert timeout >= 0
        self._out += [one for one in outgoing if not one.topic.endswith("/state")]
        arrived = list(self._in)
        self._in.clear()
        return arrived

    def acknowledge(self) -> None: ...

    def close(self) -> None: ...


def deliver(store: Store, folder: Path, pictures: bool = True) -> None:
    """Over the network."""
    up: list[Message] = []
    down: list[Message] = []
    centre = EmbeddedStore(folder / "central")
    ingest = Ingest(End(down, up), centre, PREFIX)
    delivery = Delivery(store, End(up, down), DEVICE, PREFIX, may_send_pictures=lambda: pictures)
    for second in range(10):
        delivery.step(float(second))
        ingest.step()
    centre.close()


def configure(folder: Path, authority: Authority, signer: str = DEVICE) -> None:
    own = "".join(f'{name} = "{value}"\n' for name, value in authority.of(signer).items())
    write_config(folder, broker=f'host = "broker.example.org"\n{own}')
    (folder / "central.toml").write_text(
        f'[broker]\nhost = "broker.example.org"\nca = "{authority.directory}/ca.pem"\n'
        f'[store]\ndirectory = "{folder / "central"}"\n'
    )


def export(store: Store, name: str = "stick.zip") -> Result:
    folder = store.directory.parent
    return run(fidamia, "queue", "export", "--config", folder / "agent.toml", folder / name)


def take_in(folder: Path, *names: str) -> Result:
    return run(central, "import", "--config", folder / "central.toml", *(folder / name for name in names))


def run(command: object, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(one) for one in arguments])  # type: ignore[arg-type]
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def held(folder: Path) -> tuple[list[str], int, list[str]]:
    """What the centre has: reports, losses, and the pictures that are what the device says."""
    store = EmbeddedStore(folder / "central", read_only=True)
    features, losses = store.features(), store.losses()
    names = [feature["id"] for feature in features]
    pictures = [name for name in names if (path := store.picture(DEVICE, name)) and path.stat().st_size == PICTURE]
    store.close()
    return names, len(losses), pictures


def test_what_the_centre_has_not_goes_over_a_stick(tmp_path: Path, store: Store) -> None:
    assert export(store).stdout == f"2 reports written to {tmp_path}/stick.zip\n"
    result = take_in(tmp_path, "stick.zip")
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path}/stick.zip: 2 reports, 2 pictures, 1 losses; 0 refused\n"
    assert held(tmp_path) == ALL
    assert [entry.state for entry in store.outbox.entries()] == ["settled", "rejected", "pending", "pending"]


def test_what_comes_over_stick_and_network_is_there_once(tmp_path: Path, store: Store) -> None:
    export(store)
    take_in(tmp_path, "stick.zip")
    before = held(tmp_path)
    deliver(store, tmp_path)
    assert take_in(tmp_path, "stick.zip").exit_code == 0
    assert held(tmp_path) == before
    assert {entry.state for entry in store.outbox.entries()} == {"settled", "rejected"}
    assert store.pictures.pending(10) == []


def test_a_stick_that_is_read_twice_changes_nothing(tmp_path: Path, store: Store) -> None:
    export(store)
    assert take_in(tmp_path, "stick.zip", "stick.zip").exit_code == 0
    assert held(tmp_path) == ALL


def rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def another_device(members: dict[str, bytes]) -> None:
    members[MANIFEST] = members[MANIFEST].replace(DEVICE.encode(), b"veh-9")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_device, "digest failure|verification failure"),
        (lambda members: members.update({"1": members["1"].replace(b"pothole", b"graffit")}), "not what was signed"),
        (lambda members: members.update({"1": b"x" * 70_000}), "70000 bytes|bytes"),
        (lambda members: members.pop("1"), "There is no item named '1'"),
        (lambda members: members.pop(MANIFEST), "no item named 'manifest.json'"),
        (lambda members: members.pop(SIGNATURE), "no item named 'manifest.p7s'"),
        (lambda members: members.update({SIGNATURE: b"nothing"}), "stick.zip: "),
    ],
)
def test_a_bundle_that_was_changed_is_refused(
    tmp_path: Path, store: Store, change: Callable[[dict[str, bytes]], object], reason: str
) -> None:
    export(store)
    rewrite(tmp_path / "stick.zip", change)
    result = take_in(tmp_path, "stick.zip")
    assert result.exit_code == 1
    assert any(part in result.stderr for part in reason.split("|")), result.stderr
    assert "0 report(s) were taken in before that; the device still has all of it" in result.stderr
    assert held(tmp_path) == BEFORE


def broken(packing: int) -> bytes:
    """An archive of which a byte was changed on the way."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", packing) as archive:
        archive.writestr(MANIFEST, b"{}" * 1000)
    content = bytearray(whole.getvalue())
    content[60] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"not a zip at all" * 1000,
        broken(zipfile.ZIP_DEFLATED),
        broken(zipfile.ZIP_BZIP2),
        broken(zipfile.ZIP_LZMA),
        None,
    ],
)
def test_what_is_no_bundle_is_a_sentence_and_the_next_is_taken_in(
    tmp_path: Path, store: Store, content: bytes | None
) -> None:
    export(store)
    if content is not None:
        (tmp_path / "other.zip").write_bytes(content)
    result = take_in(tmp_path, "other.zip", "stick.zip")
    assert result.exit_code == 1
    assert "other.zip" in result.stderr
    assert "2 reports" in result.stdout


@pytest.mark.parametrize(
    ("signer", "reason"),
    [("veh-other", f"it says it comes from {DEVICE}, but 'veh-other' has signed it"), ("veh-expired", "expired")],
)
def test_only_the_device_itself_can_sign_with_a_certificate_that_is_good(
    tmp_path: Path, store: Store, authority: Authority, signer: str, reason: str
) -> None:
    configure(tmp_path, authority, signer)
    export(store)
    result = take_in(tmp_path, "stick.zip")
    assert result.exit_code == 1
    assert reason in result.stderr


def test_an_authority_of_somebody_else_vouches_for_nobody(tmp_path: Path, store: Store) -> None:
    export(store)
    (tmp_path / "else").mkdir()
    other = Authority(tmp_path / "else")
    stick, settings = tmp_path / "stick.zip", tmp_path / "central.toml"
    result = run(central, "import", "--config", settings, "--ca", other.directory / "ca.pem", stick)
    assert result.exit_code == 1
    assert held(tmp_path) == BEFORE


def test_a_bundle_for_another_prefix_is_refused(tmp_path: Path, store: Store) -> None:
    export(store)
    settings = (tmp_path / "central.toml").read_text().replace("[store]", 'prefix = "other/v1"\n[store]')
    (tmp_path / "central.toml").write_text(settings)
    result = take_in(tmp_path, "stick.zip")
    assert result.exit_code == 1
    assert f"a message for '{PREFIX}/{DEVICE}/reports'" in result.stderr


def test_without_a_certificate_nothing_is_written(tmp_path: Path, store: Store) -> None:
    write_config(tmp_path)
    result = export(store)
    assert result.exit_code == 1
    assert "nothing was written: a .zip is signed with [broker] certificate and key" in result.stderr
    assert not list(tmp_path.glob("*stick*"))


def test_a_key_that_can_not_be_used_is_a_sentence(tmp_path: Path, store: Store, authority: Authority) -> None:
    text = (tmp_path / "agent.toml").read_text().replace(f"{DEVICE}.key", "veh-other.key")
    (tmp_path / "agent.toml").write_text(text)
    assert authority.of("veh-other")["key"] in text
    result = export(store)
    assert result.exit_code == 1
    assert "it can not be signed" in result.stderr
    assert not list(tmp_path.glob("*stick*"))


def test_the_manifest_names_no_place(tmp_path: Path, store: Store) -> None:
    export(store)
    with zipfile.ZipFile(tmp_path / "stick.zip") as archive:
        manifest = msgspec.json.decode(archive.read(MANIFEST))
        assert len(manifest["messages"]) == len(archive.namelist()) - 2
        assert manifest["device"] == DEVICE


def test_a_device_whose_certificate_was_withdrawn_is_not_believed(
    tmp_path: Path, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Authority(tmp_path_factory.mktemp("withdrawn"))
    own.certificate(DEVICE, f"DNS:{DEVICE}")
    own.revoked()
    configure(tmp_path, own)
    toml = tmp_path / "central.toml"
    toml.write_text(toml.read_text().replace("[store]", f'crl = "{own.directory}/crl.pem"\n[store]'))
    assert export(store).exit_code == 0
    assert take_in(tmp_path, "stick.zip").exit_code == 0
    own.revoke(DEVICE)
    refused = take_in(tmp_path, "stick.zip")
    assert refused.exit_code == 1
    assert "revoked" in refused.stderr


def test_files_that_are_not_there_are_named(tmp_path: Path, store: Store, authority: Authority) -> None:
    assert export(store).exit_code == 0
    result = run(central, "import", "--config", tmp_path / "central.toml", "--ca", "none.pem", tmp_path / "stick.zip")
    assert "none.pem: No such file or directory" in result.stderr
    toml = tmp_path / "agent.toml"
    toml.write_text(toml.read_text().replace(f"{DEVICE}.key", "none.key"))
    assert "none.key: No such file or directory" in export(store).stderr


@pytest.mark.parametrize("now", [0.0, 4.5e9])
def test_a_device_whose_clock_is_wrong_can_export(tmp_path: Path, store: Store, now: float) -> None:
    with time_machine.travel(now):
        bundle.write(tmp_path / "stick.zip", store, DEVICE, settings.load(tmp_path / "agent.toml").broker)
    assert zipfile.ZipFile(tmp_path / "stick.zip").testzip() is None


def test_a_link_in_the_place_of_the_half_written_file_is_not_followed(tmp_path: Path, store: Store) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".stick.zip.partial").symlink_to(tmp_path / "precious")
    assert export(store).exit_code == 0
    assert (tmp_path / "precious").read_text() == "kept"


def test_what_would_unpack_without_end_is_not_begun(tmp_path: Path, store: Store) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(MANIFEST, bytes(1000))
    result = take_in(tmp_path, "bomb.zip")
    assert result.exit_code == 1
    assert "not stored, nor deflated" in result.stderr
    assert held(tmp_path) == BEFORE
    store.close()
