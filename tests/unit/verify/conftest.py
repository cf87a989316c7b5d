"""What is seen of a case is tried in both roles of the engine."""

from __future__ import annotations

import pytest

from harness.policy.role import Role


@pytest.fixture(params=list(Role), ids=[role.value for role in Role])
def role(request: pytest.FixtureRequest) -> Role:
    return request.param
