from pathlib import Path

import pytest

from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import IpVersion, Requirement, Settings, Step
from harness.scenario.requirements import load_requirements
from harness.scenario.scenario_file import load_scenario
from harness.scenario.toml_source import InvalidData

REQUIREMENTS = {name: Requirement(name, "RFC 0000", "1", "MUST", "text") for name in ("A06", "B06")}

GOOD = """\
id = "topic/name"
title = "A title"
requirement = ["A06", "B06"]
steps = ["traffic", "liveness"]

[settings]
fragment-size = 576

[offer.ike]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
ke = ["curve25519"]
addke1 = ["private-use-1080", "ml-kem-768"]
transform-type-241 = ["private-use-1024"]

[offer.esp]
encr = ["aes-256-gcm-16"]
sn = ["no-esn"]

[[accept.ike]]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
ke = ["curve25519"]

[[accept.ike]]
encr = ["aes-256-cbc"]
integ = ["hmac-sha2-256-128"]
prf = ["hmac-sha2-256"]
ke = ["ecp384"]

[[expect]]
check = "esp-both-ways"
requirement = "B06"
packets = 5

[[expect]]
check = "authenticated"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "topic" / "name.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def problems(tmp_path: Path, checks: frozenset[str], text: str) -> list[str]:
    path = write(tmp_path, text)
    with pytest.raises(InvalidData) as caught:
        load_scenario(path, REQUIREMENTS, checks)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_everything_a_file_says_arrives(tmp_path: Path, checks):
    scenario = load_scenario(write(tmp_path, GOOD), REQUIREMENTS, checks)
    assert (scenario.id, scenario.topic, scenario.title) == ("topic/name", "topic", "A title")
    assert [requirement.id for requirement in scenario.requirements] == ["A06", "B06"]
    assert scenario.settings == Settings(fragment_size=576)
    assert scenario.steps == (Step.TRAFFIC, Step.LIVENESS)
    assert scenario.roles == tuple(Role)
    assert not scenario.expects_refusal
    (offered,) = scenario.offer.ike
    assert offered.of(TransformType.ADDKE1) == (
        algorithm(TransformType.KE, "private-use-1080"),
        algorithm(TransformType.KE, "ml-kem-768"),
    )
    assert [one.identifier for one in offered.of(TransformType(241))] == [1024]
    assert len(scenario.accept.ike) == 2
    assert scenario.accept.esp == scenario.offer.esp
    first, second = scenario.expect
    assert (first.check, first.requirement, first.arguments) == ("esp-both-ways", "B06", {"packets": 5})
    assert (second.requirement, second.arguments) == ("A06", {})


def test_a_deviation_needs_the_role_that_it_belongs_to(tmp_path: Path, checks):
    text = GOOD.replace("steps =", 'deviation = "ciphertext-short"\nroles = ["responder"]\nrole-reason = "so"\nsteps =')
    assert load_scenario(write(tmp_path, text), REQUIREMENTS, checks).deviation is Deviation.CIPHERTEXT_SHORT
    other = text.replace('["responder"]', '["initiator"]')
    [problem] = problems(tmp_path, checks, other)
    assert problem == "4: as initiator our engine cannot deviate by 'ciphertext-short': leave the role out"
    assert load_scenario(write(tmp_path, GOOD), REQUIREMENTS, checks).deviation is None


def test_two_products_may_be_asked_for_ipv6(root, checks):
    def version(name):
        path = root / "scenarios" / "pairs" / f"{name}.toml"
        return load_scenario(
            path, load_requirements(root / "scenarios" / "requirements.toml"), checks
        ).settings.ip_version

    assert (version("ipv6"), version("classical")) == (IpVersion.IPV6, IpVersion.IPV4)


def test_without_accept_the_halves_are_equal(tmp_path: Path, checks):
    start, end = GOOD.index("[[accept.ike]]"), GOOD.index("[[expect]]")
    scenario = load_scenario(write(tmp_path, GOOD[:start] + GOOD[end:]), REQUIREMENTS, checks)
    assert scenario.accept == scenario.offer


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('title = "A title"', 'title = "A title"\ncolour = "red"', 3, "unknown key 'colour'"),
        ('title = "A title"\n', "", 1, "key 'title' is missing"),
        ('title = "A title"', "title = 7", 2, "'title' must be a string"),
        ('title = "A title"', 'title = " "', 2, "must not be empty"),
        ('id = "topic/name"', 'id = "name"', 1, "not of the form"),
        ('id = "topic/name"', 'id = "other/name"', 1, "not where the file stands: topic/name"),
        ('["A06", "B06"]', '"Z99"', 3, "unknown requirement 'Z99'"),
        ('["A06", "B06"]', "[]", 3, "must not be empty"),
        ('requirement = "B06"', 'requirement = "Z99"', 33, "unknown requirement 'Z99'"),
        (
            '"liveness"]',
            '"livness"]',
            4,
            "unknown step 'livness'; known: traffic, liveness, rekey-child, rekey-ike, delete",
        ),
        ('steps = ["traffic", "liveness"]', 'roles = ["observer"]', 4, "unknown role 'observer'"),
        ('steps = ["traffic", "liveness"]', 'roles = ["initiator"]', 4, "'role-reason'"),
        ('steps = ["traffic", "liveness"]', 'expects = "trouble"', 4, "unknown expects 'trouble'"),
        ('steps = ["traffic", "liveness"]', 'deviation = "bad-manners"', 4, "unknown deviation 'bad-manners'; known: "),
        ('steps = ["traffic", "liveness"]', 'deviation = "ciphertext-short"', 4, "as initiator our engine cannot"),
        ("fragment-size = 576", 'fragment-size = "576"', 7, "must be an integer"),
        ("fragment-size = 576", "fragment-size = true", 7, "must be an integer"),
        ("fragment-size = 576", "fragment-size = 100", 7, "from 500 to 65535"),
        ("fragment-size = 576", "ip-version = 5", 7, "there is no IPv5"),
        ("fragment-size = 576", "ip-version = 7", 7, "'ip-version' must be from 4 to 6"),
        ("fragment-size = 576", "ip-version = 6", 6, "IPv6 is for two products: our engine speaks IPv4 alone"),
        ("fragment-size = 576", "fragment = 576", 7, "unknown key 'fragment'"),
        ('"ml-kem-768"]', '"mlkem768"]', 13, "unknown ADDKE1 algorithm 'mlkem768'; known: none, modp768"),
        ('"ml-kem-768"]', '"private-use-1080"]', 13, "names something twice"),
        ("addke1 =", "addke8 =", 13, "unknown key 'addke8'"),
        ("transform-type-241", "transform-type-6", 14, "unknown key 'transform-type-6'"),
        ("transform-type-241", "transform-type-256", 14, "unknown key 'transform-type-256'"),
        ('ke = ["curve25519"]\naddke1', "addke1", 9, "an IKE proposal needs 'ke'"),
        ('sn = ["no-esn"]', 'sn = ["no-esn"]\nprf = ["hmac-sha2-256"]', 19, "no place in an ESP proposal"),
        ('integ = ["hmac-sha2-256-128"]\n', "", 25, "needs 'integ'"),
        ('["aes-256-cbc"]', '["aes-256-cbc", "aes-256-gcm-16"]', 26, "proposals of their own"),
        ('["aes-256-cbc"]', '["aes-256-gcm-16"]', 27, "takes no 'integ'"),
        ('check = "authenticated"', 'check = "autenticated"', 37, "unknown check 'autenticated'"),
        ('check = "authenticated"', 'check = "authenticated"\npackets = 5', 38, "unknown key 'packets'"),
        ("packets = 5", "packet = 5", 31, "check 'esp-both-ways' needs 'packets'"),
        ("packets = 5", "packets = 0", 34, "from 1"),
        ('check = "authenticated"', 'check = "refused-with"\nnotify = "NOPE"', 38, "unknown notify 'NOPE'"),
        ("[offer.esp]", "[offer.ah]", 16, "unknown key 'ah'"),
        ('steps = ["traffic", "liveness"]', 'parties = "everybody"', 4, "unknown parties 'everybody'; known: engine, "),
        ('steps = ["traffic", "liveness"]', "parties = 7", 4, "'parties' must be a string"),
        ('steps = ["traffic", "liveness"]', 'subject = "weather"', 4, "unknown subject 'weather'; known: "),
        ("fragment-size = 576", 'authentication = "none"', 7, "unknown authentication 'none'; known: "),
        ("fragment-size = 576", 'mode = "beet"', 7, "unknown mode 'beet'; known: "),
    ],
)
def test_a_mistake_refuses_to_load_with_its_line(tmp_path: Path, checks, old, new, line, words):
    assert old in GOOD
    found = problems(tmp_path, checks, GOOD.replace(old, new, 1))
    assert any(one.startswith(f"{line}: ") and words in one for one in found), found


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path, checks):
    text = GOOD.replace('"ml-kem-768"]', '"mlkem768"]').replace("packets = 5", "packets = 0").replace("A title", "")
    assert [int(one.partition(":")[0]) for one in problems(tmp_path, checks, text)] == [2, 13, 34]


def test_a_scenario_without_expectations_says_nothing(tmp_path: Path, checks):
    found = problems(tmp_path, checks, GOOD[: GOOD.index("[[expect]]")])
    assert found == ["1: a scenario needs at least one [[expect]]"]
