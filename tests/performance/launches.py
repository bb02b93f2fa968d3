"""Counts the ATen calls that would launch a kernel."""

from collections import Counter

from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

#: Calls that touch no element: they allocate without filling, or change metadata alone.
_FREE = frozenset(
    {"_unsafe_view", "detach", "empty", "empty_like", "empty_strided", "lift_fresh", "new_empty", "new_empty_strided"}
)


class Launches(TorchDispatchMode):
    """Counts calls by name while it is active; views and metadata are left out, foreach calls count once."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        if not _is_view(func) and name not in _FREE:
            self.calls[name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def total(self):
        return self.calls.total()


def _is_view(func):
    """Whether an operation returns an alias of its input and writes nothing."""
    returns = func._schema.returns if isinstance(func, OpOverload) else ()
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)
