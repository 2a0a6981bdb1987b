"""Connections that wait for a response to begin longer than one read may take.

A read blocks its thread, and a thread that blocks cannot stop. So a read stays short, and a response that has not begun
when it is over is waited for by another one. A response that has begun is not read again from its beginning.
"""

from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection as PooledConnection
from urllib3.connection import HTTPSConnection as PooledTlsConnection


def wait_for_slow_responses(pools: PoolManager, reads: int, before_next: Callable[[], None]) -> None:
    """Makes connections of *pools* wait for a response to begin for up to *reads* reads.

    *before_next* is called before every read but the first, and may raise what ends the request.
    """

    class WaitingConnection(HTTPConnection):
        def getresponse(self) -> Any:
            for _ in range(reads - 1):
                try:
                    return super().getresponse()
                except TimeoutError:
                    before_next()
            return super().getresponse()

    # The library's classes call the standard library's one through their bases, so it stands between the two.
    class PlainConnection(PooledConnection, WaitingConnection):
        pass

    class TlsConnection(PooledTlsConnection, WaitingConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls: Any = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls: Any = TlsConnection

    pools.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
