"""What an address of the network stands for."""

import ipaddress


def caller_of(address: str) -> str:
    """Return what an address counts as: IPv6 by its /64, all of whose addresses belong to one caller."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
