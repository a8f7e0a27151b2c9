"""What the running Python needs of the file system, besides its own user's files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/os-release"),
    *("/etc/mime.types", "/etc/magic", "/etc/fonts", "/etc/matplotlibrc", "/etc/terminfo"),
    *("/etc/protocols", "/etc/services", "/etc/inputrc"),
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem"),
    *("/etc/pki/tls/certs", "/etc/pki/tls/openssl.cnf", "/etc/pki/tls/cert.pem"),
    *("/etc/pki/ca-trust/extracted", "/etc/ca-certificates/extracted", "/etc/crypto-policies"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),  # how many processors there are
)
NETWORK: Final = ("/etc/resolv.conf", "/etc/gai.conf", "/etc/host.conf")
"""What a kernel with an open network reads besides."""

_PACKAGES: Final = frozenset(("site-packages", "dist-packages"))


def readable_paths(*, network: bool) -> tuple[str, ...]:
    """Folders and files, some of which may not exist, that a kernel forked from here reads.

    The interpreter's (a virtual environment's and its base's), where packages are installed, ours
    that runs in the kernel, and the system's. Not the other folders of ``sys.path``: a package
    that is installed as a link to its sources would bring the server's.
    """
    ours = Path(__file__).resolve().parent.parent
    packages = (path for path in sys.path if Path(path).name in _PACKAGES)
    interpreter = (
        *(sys.executable, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix),
        *packages,
        str(ours),
    )
    return (*dict.fromkeys(interpreter), *_SYSTEM, *(NETWORK if network else ()))
