"""Which addresses may be registered, and into which networks a call may go."""

import pytest

from beholden.gate.signals.address import checked, may_call, networks
from beholden.model.errors import BadInput


@pytest.mark.parametrize(
    "address", ["https://app.example/cb", "https://app.example:8443/cb?x=1", "http://127.0.0.1:9/"]
)
def test_https_and_this_very_host_may_be_registered(address: str) -> None:
    assert checked(address, "callback") == address


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/cb",
        "ftp://app.example/",
        "https://user:pw@app.example/",
        "https://app.example/#x",
        "https:///cb",
        "//app.example/cb",
        "https://app.example/a b",
        "https://app.example\\@evil.example/",
        "https://app.example:99999/",
        "https://[::1/",
        "https://é.example/",
        "https://app.example/\n",
        "https://app.example/" + "x" * 500,
        "",
    ],
)
def test_anything_else_is_refused_with_what_to_do(address: str) -> None:
    with pytest.raises(BadInput) as refused:
        checked(address, "callback")
    assert refused.value.remedy


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1",
        "ff02::1", "nonsense",
    ],
)  # fmt: skip
def test_no_call_goes_into_a_private_network_in_whatever_clothes(ip: str) -> None:
    assert not may_call(ip, ())


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_called(ip: str) -> None:
    assert may_call(ip, ())


def test_a_network_that_an_operator_named_is_called_and_its_neighbour_is_not() -> None:
    named = networks("10.0.0.0/8, fd00::/8")
    assert may_call("10.9.9.9", named) and may_call("fd00::5", named) and may_call("::ffff:10.0.0.1", named)
    assert not may_call("192.168.0.1", named) and not may_call("127.0.0.1", named)


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="BEHOLDEN_RECEIVER_NETWORKS"):
        networks("10.0.0.1/8")
