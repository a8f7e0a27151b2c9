"""The machine code of x86_64.S and aarch64.S, by machine (``os.uname().machine``).

Made by scripts/make_leader; not edited by hand.
"""

from __future__ import annotations

from typing import Final

CODE: Final = {
    "x86_64": bytes.fromhex(
        "b8 9d000000 bf040000 0031f631 d24531d2 4531c00f 05b80300 0000bf04 0000000f 05b83d00 "
        "000048c7 c7ffffff ff488d74 24f031d2 4531d20f 054883f8 fc74e248 85c0781b 83f80275 d8b80100 "
        "0000bf03 00000048 8d7424f0 ba040000 000f05b8 e7000000 31ff0f05 "
    ),
    "aarch64": bytes.fromhex(
        "e81480d2 800080d2 010080d2 020080d2 030080d2 040080d2 010000d4 280780d2 800080d2 010000d4 "
        "882080d2 00008092 e14300d1 020080d2 030080d2 010000d4 1f1000b1 20ffff54 0001f8b7 1f0800f1 "
        "c1feff54 080880d2 600080d2 e14300d1 820080d2 010000d4 c80b80d2 000080d2 010000d4 "
    ),
}
