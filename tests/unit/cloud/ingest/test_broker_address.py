from __future__ import annotations

import pytest

from cloud.ingest.address import BadBrokerUrl, BrokerAddress, parse


@pytest.mark.parametrize(
    ("url", "address", "public"),
    [
        ("embedded://", BrokerAddress("embedded", "127.0.0.1", 0), "mqtt://127.0.0.1:0"),
        ("embedded://127.0.0.1:1884", BrokerAddress("embedded", "127.0.0.1", 1884), "mqtt://127.0.0.1:1884"),
        ("embedded://localhost:1884", BrokerAddress("embedded", "localhost", 1884), "mqtt://localhost:1884"),
        (
            "mqtt://broker.example",
            BrokerAddress("mqtt", "broker.example", 1883),
            "mqtt://broker.example:1883",
        ),
        (
            "mqtts://ingest:p%40ss@broker.example:8884",
            BrokerAddress("mqtts", "broker.example", 8884, "ingest", "p@ss"),
            "mqtts://broker.example:8884",
        ),
    ],
)
def test_addresses(url: str, address: BrokerAddress, public: str):
    assert parse(url) == address
    assert address.public_url == public


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("embedded://0.0.0.0:1883", "for this machine only"),
        ("embedded://192.168.1.2", "for this machine only"),
        ("embedded://broker.example", "for this machine only"),
        ("http://broker.example", "begin with embedded://"),
        ("mqtt://", "names no host"),
        ("mqtt://broker:99999", "broker:99999"),
        ("", "begin with embedded://"),
    ],
)
def test_what_is_no_address(url: str, said: str):
    with pytest.raises(BadBrokerUrl, match=said):
        parse(url)
