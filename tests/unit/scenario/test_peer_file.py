from pathlib import Path

import pytest

from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.family_file import load_family
from harness.scenario.peer_file import load_peers
from harness.scenario.toml_source import InvalidData

PEER = """\
family = "acme"
driver = "vici"
esp-implementation = "userspace"
packages = ["acme"]

[ike]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
integ = ["hmac-sha2-256-128"]
ke = ["ecp384"]

[esp]
encr = ["aes-256-gcm-16"]
integ = ["hmac-sha2-256-128"]
ke = ["ecp384"]
sn = ["no-esn"]

[[version]]
version = "1.0"
title = "Acme 1.0"
suite = "forky"
additional-key-exchange = true
[[version.known-failure]]
scenario = "hybrid/*"
role = "initiator"
requirement = "A06"
reason = "known"
link = "https://example.org/1"

[[version]]
version = "2.0"
title = "Acme 2.0"
suite = "forky"
additional-key-exchange = true
fragmentation = false
roles = ["responder"]
role-reason = "answers only"
[version.ike]
ke = ["ecp384", "ml-kem-768"]
"""

PROFILE = """\
vendor = "Vendor"
product = "Box"
release = "3"
rendered-on = "acme-2.0"
fragment-size = 1200

[policy.ike]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
ke = ["ecp384"]
addke1 = ["ml-kem-768"]

[policy.esp]
encr = ["aes-256-gcm-16"]
sn = ["no-esn"]
"""


def behaviours(*keys: str) -> str:
    return "".join(f'\n[[behaviour]]\nkey = "{key}"\nvalue = "v"\nsource = "a document"\n' for key in keys)


KEYS = ("ike.encr", "ike.prf", "ike.ke", "ike.addke1", "esp.encr", "fragment-size")
ASSUMED = '\n[[behaviour]]\nkey = "esp.sn"\nvalue = "v"\nassumed = true\nnote = "n"\n'


def folder(tmp_path: Path, peer: str = PEER, profile: str | None = None) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "peer.toml").write_text(peer)
    if profile is not None:
        path = tmp_path / "profiles" / "vendor-box-3"
        path.mkdir(parents=True)
        (path / "profile.toml").write_text(profile)
    return tmp_path


def ke(*names: str) -> frozenset:
    return frozenset(algorithm(TransformType.KE, name) for name in names)


def test_one_peer_for_each_version(tmp_path: Path):
    first, second = load_family(folder(tmp_path) / "acme" / "peer.toml")
    assert (first.name, second.name) == ("acme-1.0", "acme-2.0")
    assert first.capabilities.ike[TransformType.KE] == ke("ecp384")
    assert second.capabilities.ike[TransformType.KE] == ke("ecp384", "ml-kem-768")
    assert second.capabilities.esp[TransformType.KE] == ke("ecp384")
    assert (first.capabilities.fragmentation, second.capabilities.fragmentation) == (True, False)
    assert (second.capabilities.roles, second.capabilities.role_reason) == ((Role.RESPONDER,), "answers only")
    (known,) = first.known_failures
    assert (known.scenario, known.role, known.link) == ("hybrid/*", Role.INITIATOR, "https://example.org/1")
    assert known.where == f"{tmp_path / 'acme' / 'peer.toml'}:23"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('ke = ["ecp384"]', 'ke = ["p384"]', 10, "unknown KE algorithm 'p384'"),
        ('sn = ["no-esn"]\n', "", 17, "the capability sheet lacks esp.sn"),
        ('driver = "vici"', 'drivers = "vici"', 2, "unknown key 'drivers'"),
        ('role = "initiator"', 'role = "both"', 25, "unknown role 'both'"),
        ('role-reason = "answers only"\n', "", 36, "'role-reason'"),
        ('version = "2.0"', 'version = "1.0"', 1, "peer 'acme-1.0' is also in"),
    ],
)
def test_a_mistake_refuses_to_load_with_its_line(tmp_path: Path, old, new, line, words):
    assert old in PEER
    with pytest.raises(InvalidData) as caught:
        load_peers(folder(tmp_path, PEER.replace(old, new, 1)))
    lines = str(caught.value).splitlines()
    assert any(one.startswith(f"{tmp_path / 'acme' / 'peer.toml'}:{line}: ") and words in one for one in lines), lines


def test_a_profile_wears_a_real_peer(tmp_path: Path):
    peers = load_peers(folder(tmp_path, profile=PROFILE + behaviours(*KEYS) + ASSUMED))
    peer = peers["emulated/vendor-box-3"]
    assert peer.emulated and not peers["acme-2.0"].emulated
    assert peer.profile is not None
    assert (peer.driver, peer.version, peer.folder) == ("vici", "2.0", tmp_path / "acme")
    assert peer.title == "Vendor Box 3 (emulated)"
    assert peer.profile.fragment_size == 1200
    assert [one.key for one in peer.profile.behaviours if one.assumed] == ["esp.sn"]
    assert peer.known_failures == ()
    assert peer.capabilities.roles == tuple(Role)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROFILE + behaviours(*KEYS), "no [[behaviour]] says where 'esp.sn' comes from"),
        (PROFILE + behaviours(*KEYS, "ike.ke") + ASSUMED, "'ike.ke' has more than one"),
        (
            PROFILE + behaviours(*KEYS) + ASSUMED.replace("assumed = true\n", ""),
            "either a 'source' or 'assumed = true'",
        ),
        (PROFILE + behaviours(*KEYS) + ASSUMED.replace("note", 'source = "s"\nnote'), "either a 'source' or"),
        (PROFILE.replace("acme-2.0", "acme-9") + behaviours(*KEYS) + ASSUMED, "unknown rendered-on 'acme-9'"),
        (PROFILE.replace("acme-2.0", "acme-1.0") + behaviours(*KEYS) + ASSUMED, "acme-1.0 cannot do all of this"),
    ],
)
def test_a_profile_without_sources_or_product_refuses(tmp_path: Path, text, words):
    with pytest.raises(InvalidData) as caught:
        load_peers(folder(tmp_path, profile=text))
    assert words in str(caught.value)
    assert "profile.toml:" in str(caught.value)


def test_the_published_peers_load(root: Path):
    peers = load_peers(root / "peers")
    releases = ["strongswan-5.9", "strongswan-6.0", "strongswan-6.1"]
    strongswans = [name for name in peers if name.startswith("strongswan-")]
    assert sorted(strongswans) == sorted([*releases, *(f"{name}-kernel-esp" for name in releases)])
    kernel = {name for name, peer in peers.items() if peer.esp_implementation == "kernel"}
    others = {"libreswan-4.10", "libreswan-5.2", "openiked-7.2", "openiked-7.4"}
    assert kernel >= others | {f"{name}-kernel-esp" for name in releases}
    assert {name for name, peer in peers.items() if not peer.concurrent} >= others - {"libreswan-5.2"}
    old, middle, new = (peers[f"strongswan-{version}"].capabilities for version in ("5.9", "6.0", "6.1"))
    assert not old.additional_key_exchange and middle.additional_key_exchange and new.additional_key_exchange
    kem = ke("ml-kem-512", "ml-kem-768", "ml-kem-1024")
    assert not kem & middle.ike[TransformType.KE] and kem <= new.ike[TransformType.KE]
    emulated = {name for name, peer in peers.items() if peer.emulated}
    assert emulated == {
        "emulated/cisco-8000-26.1.1",
        "emulated/cloudflare-ipsec-2026.07",
        "emulated/fortinet-fortios-7.6.6",
    }


def test_published_profiles_can_be_worn_as_they_are(root: Path):
    for peer in load_peers(root / "peers").values():
        if peer.profile is not None:
            assert without_unsupported(peer.profile.policy, peer.capabilities) == peer.profile.policy
            assert all(one.assumed or "read 20" in one.source for one in peer.profile.behaviours)


PUBLISHED = """
[[published.ike]]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
ke = ["ecp384"]
[[published.esp]]
encr = ["aes-256-gcm-16"]
sn = ["no-esn"]
"""
PUBLISHED_KEYS = ("ike.encr", "ike.prf", "ike.ke", "esp.encr", "esp.sn")


def sources(*keys: str) -> str:
    entry = '[[published.behaviour]]\nkey = "{}"\nvalue = "x"\nsource = "https://example.org/{{release}}"\n'
    return "".join(entry.format(key) for key in keys)


def with_defaults(text: str) -> str:
    return PEER.replace("[[version]]", f"{text}\n[[version]]", 1)


def test_the_defaults_of_a_family_are_those_of_each_version_that_has_none_of_its_own(tmp_path: Path):
    path = tmp_path / "peer.toml"
    own = (PUBLISHED + sources(*PUBLISHED_KEYS)).replace("[[published", "[[version.published").replace("x", "y")
    path.write_text(with_defaults(PUBLISHED + sources(*PUBLISHED_KEYS)).replace("[version.ike]", f"{own}[version.ike]"))
    first, second = load_family(path)
    assert first.published is not None and second.published is not None
    assert first.published.policy == second.published.policy
    assert [one.key for one in first.published.behaviours] == list(PUBLISHED_KEYS)
    assert (first.published.behaviours[0].value, second.published.behaviours[0].value) == ("x", "y")
    assert first.published.behaviours[0].source == "https://example.org/1.0"
    assert second.published.behaviours[0].source == "https://eyample.org/2.0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PUBLISHED + sources(*PUBLISHED_KEYS[1:]), "no [[behaviour]] says where 'ike.encr' comes from"),
        (PUBLISHED.partition("[[published.esp]]")[0] + sources(*PUBLISHED_KEYS[:3]), "proposal 'esp' is missing"),
        (PUBLISHED.replace("ecp384", "ecp521") + sources(*PUBLISHED_KEYS), "names what the capability sheet lacks"),
        (PUBLISHED.replace("published.ike", "published.ah") + sources(*PUBLISHED_KEYS), "unknown key 'ah'"),
        (
            PUBLISHED + sources(*PUBLISHED_KEYS).replace("{release}", "v1.0"),
            "'ike.ke' names no release of version '2.0'",
        ),
        (PUBLISHED + sources(*PUBLISHED_KEYS).replace("{release}", "2.0.1"), "'esp.sn' names no release of version '1"),
        (PUBLISHED + sources(*PUBLISHED_KEYS).replace("{release}", "11.0"), "names no release of version '1.0'"),
        (PUBLISHED + sources(*PUBLISHED_KEYS).replace("{release}", "2.01"), "names no release of version '2.0'"),
    ],
)
def test_defaults_without_source_or_beyond_the_sheet_refuse(tmp_path: Path, text, words):
    path = tmp_path / "peer.toml"
    path.write_text(with_defaults(text))
    with pytest.raises(InvalidData) as caught:
        load_family(path)
    assert words in str(caught.value)
    assert "peer.toml:" in str(caught.value)


def test_a_version_names_the_release_whose_source_was_read(tmp_path: Path):
    path, text = tmp_path / "peer.toml", with_defaults(PUBLISHED + sources(*PUBLISHED_KEYS))
    path.write_text(text.replace('version = "1.0"', 'version = "1.0"\nrelease = "1.0.7"'))
    first, _ = load_family(path)
    assert first.published is not None
    assert {one.source for one in first.published.behaviours} == {"https://example.org/1.0.7"}
    path.write_text(text.replace('version = "1.0"', 'version = "1.0"\nrelease = "1.07"'))
    with pytest.raises(InvalidData, match=r"peer.toml:\d+: .*release '1.07' is none of version '1.0'"):
        load_family(path)


def test_every_product_has_its_defaults_on_record(root: Path):
    for peer in load_peers(root / "peers").values():
        if not (peer.emulated or peer.is_harness) and peer.capabilities.status:  # without one it is in no pair
            assert peer.published is not None, peer.name
            assert all(one.source.startswith("https://") for one in peer.published.behaviours)
            assert not any("{" in one.source for one in peer.published.behaviours)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('family = "acme"', 'family = "../acme"', 1),
        ('family = "acme"', 'family = "a@b"', 1),
        ('family = "acme"', 'family = "a+b"', 1),
        ('version = "1.0"', 'version = "1/../../x"', 19),
    ],
)
def test_the_name_of_a_peer_is_a_name(tmp_path: Path, old, new, line):
    path = tmp_path / "acme" / "peer.toml"
    path.parent.mkdir()
    path.write_text(PEER.replace(old, new))
    with pytest.raises(InvalidData, match=rf"peer\.toml:{line}: .* may hold letters"):
        load_family(path)


def test_a_folder_that_is_brought_holds_no_link_that_leads_out(root: Path, tmp_path: Path):
    folder = tmp_path / "peers" / "acme"
    folder.mkdir(parents=True)
    (folder / "peer.toml").write_text(PEER)
    (folder / "inside").symlink_to(folder / "peer.toml")
    assert "acme-1.0" in load_peers(root / "peers", tmp_path / "peers")
    (tmp_path / "id_key").write_text("a key of the user's")
    (folder / "templates").mkdir()
    (folder / "templates" / "swanctl.conf.j2").symlink_to(tmp_path / "id_key")
    with pytest.raises(InvalidData, match=r"templates/swanctl\.conf\.j2:1: is a link that leads out"):
        load_peers(root / "peers", tmp_path / "peers")


ONE_HASH = "--hash=sha256:" + 64 * "0"


def test_python_packages_are_pinned(tmp_path: Path):
    """A version's list stands in place of the family's."""
    text = PEER.replace('packages = ["acme"]', f'packages = ["acme"]\npython-packages = ["acme-vpn==1.0 {ONE_HASH}"]')
    text = text.replace('title = "Acme 2.0"', f'title = "Acme 2.0"\npython-packages = ["acme-vpn==2.0 {ONE_HASH}"]')
    peers = load_peers(folder(tmp_path, text))
    assert [peer.python_packages for peer in peers.values()] == [
        (f"acme-vpn==1.0 {ONE_HASH}",),
        (f"acme-vpn==2.0 {ONE_HASH}",),
    ]


@pytest.mark.parametrize(
    "requirement",
    ["acme-vpn==1.0", f"acme-vpn {ONE_HASH}", f"acme-vpn==1.0 {ONE_HASH}\\n--index-url=x", f"-r other {ONE_HASH}"],
)
def test_python_packages_that_are_not_pinned(tmp_path: Path, requirement):
    text = PEER.replace('packages = ["acme"]', f'packages = ["acme"]\npython-packages = ["{requirement}"]')
    with pytest.raises(InvalidData, match=r"peer.toml:5: .*is not of the form 'name==version --hash=sha256:...'"):
        load_peers(folder(tmp_path, text))


def test_what_a_product_has_not(tmp_path: Path):
    text = PEER.replace('title = "Acme 2.0"', 'title = "Acme 2.0"\nstatus = false\necho = false\nidentity = "acme-2"')
    first, second = (peer.capabilities for peer in load_peers(folder(tmp_path, text)).values())
    assert (first.status, first.echo, first.identity) == (True, True, "")
    assert (second.status, second.echo, second.identity) == (False, False, "acme-2")


EXTENSION = """\
extends = "acme-2.0"

[[version]]
version = "3.0"
title = "Acme 3.0"
fragmentation = true
[version.ike]
ke = ["ecp384", "ml-kem-1024"]
"""


def newer(tmp_path: Path, text: str, *names: str) -> Path:
    """A folder outside with a release of a product that is known."""
    outside = tmp_path / "outside"
    (outside / "acme-next").mkdir(parents=True)
    for name in names:
        (outside / "acme-next" / name).write_text("FROM x\n")
    (outside / "acme-next" / "peer.toml").write_text(text)
    return outside


def test_a_newer_release_inherits_what_it_does_not_say(tmp_path: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    outside = newer(tmp_path, EXTENSION)
    peers = load_peers(folder(inside), outside)
    old, new = peers["acme-2.0"], peers["acme-3.0"]
    assert (new.title, new.version, new.brought_in) == ("Acme 3.0", "3.0", outside)
    for same in ("family", "driver", "suite", "packages", "esp_implementation", "concurrent", "folder", "image_folder"):
        assert getattr(new, same) == getattr(old, same)
    assert new.capabilities.fragmentation and not old.capabilities.fragmentation
    assert new.capabilities.roles == old.capabilities.roles == (Role.RESPONDER,)
    assert new.capabilities.ike == {**old.capabilities.ike, TransformType.KE: ke("ecp384", "ml-kem-1024")}
    assert new.capabilities.esp == old.capabilities.esp


def test_a_newer_release_has_the_known_failures_of_the_old_one_and_its_own(tmp_path: Path):
    text = EXTENSION.replace("acme-2.0", "acme-1.0") + (
        '[[version.known-failure]]\nscenario = "esp/esn"\nrequirement = "E01"\nreason = "new"\nlink = "x"\n'
    )
    inside = tmp_path / "inside"
    inside.mkdir()
    peers = load_peers(folder(inside), newer(tmp_path, text))
    assert [known.scenario for known in peers["acme-3.0"].known_failures] == ["esp/esn", "hybrid/*"]


def test_a_newer_release_with_an_image_of_its_own(tmp_path: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    outside = newer(tmp_path, EXTENSION, "Dockerfile")
    new = load_peers(folder(inside), outside)["acme-3.0"]
    assert (new.image_folder, new.folder) == (outside / "acme-next", inside / "acme")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"acme-2.0"', '"acme-9"', r"peer.toml:1: unknown peer 'acme-9'; known: acme-1.0, acme-2.0"),
        ("\n\n[[version]]", '\ndriver = "vici"\n\n[[version]]', r"peer.toml:2: unknown key 'driver'"),
        ('title = "Acme 3.0"\n', "", r"key 'title' is missing"),
        ('version = "3.0"', 'version = "2.0"', r"peer 'acme-2.0' is also in"),
    ],
)
def test_a_newer_release_that_is_none(tmp_path: Path, old, new, words):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(InvalidData, match=words):
        load_peers(folder(inside), newer(tmp_path, EXTENSION.replace(old, new)))


@pytest.mark.parametrize("driver", ["vici", "program"])
def test_a_peer_authenticates_by_certificate_where_its_sheet_says_so(tmp_path: Path, driver):
    path = tmp_path / "peer.toml"
    silent = PEER.replace('"vici"', f'"{driver}"')
    path.write_text(silent)
    (old, _) = load_family(path)
    assert (old.capabilities.certificates, old.capabilities.certificates_reason) == (
        False, "nothing says that its driver can have it authenticate by certificate"
    )  # fmt: skip
    path.write_text(silent.replace("packages", "certificates = true\npackages", 1))
    (old, _) = load_family(path)
    assert (old.capabilities.certificates, old.capabilities.certificates_reason) == (True, "")
    path.write_text(path.read_text().replace('"Acme 1.0"', '"Acme 1.0"\ncertificates = false'))
    with pytest.raises(InvalidData, match="says why in 'certificates-reason'"):
        load_family(path)
