"""docker-compose.yml is what peers/ says."""

from harness.lab.compose import generated_files, has_service, sample_connection
from harness.lab.docker.images import peer_context
from harness.scenario.peer_file import load_peers


def test_the_committed_files_are_what_would_be_generated(root):
    for path, text in generated_files(root).items():
        assert (root / path).read_text() == text, f"{path}: run `python -m harness.lab.compose`"


def test_no_file_is_left_over_from_a_peer_that_is_gone(root):
    generated = set(generated_files(root))
    for path in (root / "peers").glob("*/sample/*/*"):
        assert str(path.relative_to(root)) in generated


def test_a_person_gets_the_very_image_of_the_cases_and_no_fixed_names(root):
    text = (root / "docker-compose.yml").read_text()
    peers = [peer for peer in load_peers(root / "peers").values() if has_service(peer)]
    assert len(peers) >= 3
    for peer in peers:
        assert f"image: {peer_context(peer).tag}\n" in text
    assert "internal: true" in text
    assert "container_name" not in text
    assert "privileged: " not in text


def test_the_sample_offers_ml_kem_only_where_the_build_has_it(root):
    peers = load_peers(root / "peers")
    hybrid = {name: len(sample_connection(peers[name]).policy.ike) for name in ("strongswan-5.9", "strongswan-6.1")}
    assert hybrid == {"strongswan-5.9": 1, "strongswan-6.1": 2}
