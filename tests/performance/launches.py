"""Counts the ATen calls that would launch a kernel."""

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: Calls that touch no element: what allocates without filling, and what only reads metadata.
_FREE = frozenset({"_unsafe_view", "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "detach", "lift_fresh"})


class Launches(TorchDispatchMode):
    """Counts calls by name while it is active; views and metadata are left out."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Count one call and run it."""
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        if not _is_view(func) and name not in _FREE:
            self.calls[name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def total(self):
        """How many calls."""
        return sum(self.calls.values())


def _is_view(func):
    """Whether an operation returns an alias of its input and writes nothing."""
    if not isinstance(func, torch._ops.OpOverload):
        return False
    returns = func._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)
