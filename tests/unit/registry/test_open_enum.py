import pytest

from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.open_enum import by_number
from harness.registry.transforms import KeyExchangeMethod, TransformType


@pytest.mark.parametrize("registry", [ExchangeType, PayloadType, NotifyType, KeyExchangeMethod, TransformType])
@pytest.mark.parametrize("number", [200, 65000])
def test_an_unknown_number_stays_that_number(registry, number):
    member = registry(number)
    assert (int(member), member.is_known) == (number, False)
    assert str(member) == f"{registry.__name__} {number}"
    assert member == registry(number) and hash(member) == hash(number)
    assert member not in registry.known()


@pytest.mark.parametrize("value", [-1, "1", None, 1.5])
def test_what_is_no_number_of_a_registry_raises(value):
    with pytest.raises(ValueError, match="not a valid"):
        NotifyType(value)


def test_known_numbers_print_their_names():
    assert str(NotifyType.COOKIE) == "COOKIE"
    assert ExchangeType(43) is ExchangeType.IKE_INTERMEDIATE
    assert list(TransformType.known()) == sorted(TransformType.known())


def test_error_and_status_notifies_are_told_apart():
    assert NotifyType(16383).is_error and not NotifyType(16384).is_error


def test_key_exchange_types_and_methods_know_their_kind():
    assert [kind.name for kind in TransformType.known() if kind.is_additional_key_exchange] == [
        f"ADDKE{n}" for n in range(1, 8)
    ]
    assert not TransformType(13).is_key_exchange
    assert [method.value for method in KeyExchangeMethod.known() if method.is_post_quantum] == [35, 36, 37, 1035]
    both = [method.value for method in KeyExchangeMethod.known() if method.is_post_quantum and method.is_classical]
    assert both == [method.value for method in KeyExchangeMethod.known() if method.is_combined] == [1035]
    assert KeyExchangeMethod(1080).is_private_use and not KeyExchangeMethod(1023).is_private_use


def test_the_table_of_a_registry_has_every_number():
    table = by_number(NotifyType)
    assert table[16390] is NotifyType.COOKIE
    assert (table[40000], table[40000].is_known) == (NotifyType(40000), False)
    with pytest.raises(ValueError, match="not a valid"):
        table[-1]
