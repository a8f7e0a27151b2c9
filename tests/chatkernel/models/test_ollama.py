from __future__ import annotations

import pytest

from chatkernel.models.ollama import DEFAULT_ADDRESS, loopback_address


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", DEFAULT_ADDRESS),
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://localhost:9000/", "http://127.0.0.1:9000"),
        ("0.0.0.0", DEFAULT_ADDRESS),
        (":9000", "http://127.0.0.1:9000"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("192.168.1.7:11434", DEFAULT_ADDRESS),
        ("ollama.example.com", DEFAULT_ADDRESS),
        ("127.0.0.1:nonsense", DEFAULT_ADDRESS),
    ],
)
def test_only_this_machine_is_asked(host: str, address: str) -> None:
    assert loopback_address({"OLLAMA_HOST": host}) == address
