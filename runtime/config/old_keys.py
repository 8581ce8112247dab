"""Configs accept the old name of a key as long as names that are replaced work."""

from typing import Any

from msgspec import StructMeta

from runtime.replacements import replaced, warn


class AcceptsOldKeys(StructMeta):
    """The class of config classes: calling one with an old key warns, and sets the new one."""

    def __call__(self, *args: Any, **keys: Any) -> Any:
        """Make a config."""
        for old in [name for name in keys if name not in self.__struct_fields__]:
            if change := replaced("key", old):
                warn(change, above=1)
                keys[change.new] = keys.pop(old)
        return super().__call__(*args, **keys)
