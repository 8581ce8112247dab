"""REDIS_URL: what is ours in it, and what is the client's."""

import pytest

from shared.redis_url import RedisUrl
from shared.secret import Secret


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("redis://h", ""),
        ("redis://h/2?keyPrefix=shop:", "shop:"),
        ("rediss://u:p%2F%3F@h:6380/0?ssl_cert_reqs=required&keyPrefix=a%26b%3A", "a&b:"),
        ("unix:///run/redis.sock?db=1&keyPrefix=", ""),
        ("redis://h?keyPrefix=one&keyPrefix=two", "two"),
    ],
)
def test_a_key_prefix_is_read_and_the_client_never_sees_it(url: str, prefix: str):
    server = RedisUrl(Secret(url))
    server.check()
    assert server.prefix == prefix


@pytest.mark.parametrize("url", ["redis://h?keyprefix=x", "redis://h?colour=red", "http://h"])
def test_an_option_that_nobody_reads_is_a_fault(url: str):
    with pytest.raises((ValueError, TypeError)):
        RedisUrl(Secret(url)).check()


def test_a_password_stays_as_it_was():
    client = RedisUrl(Secret("redis://u:p%2F%40@h?keyPrefix=x")).blocking_client(timeout=1)
    assert client.connection_pool.connection_kwargs["password"] == "p/@"
