# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


import os
from enum import Enum


class Meta(type(Enum)):
    def __iter__(cls):
        os._exit(0)


class Side(Enum, metaclass=Meta):
    BUY = "buy"


async def get() -> Side:
    return Side.BUY
