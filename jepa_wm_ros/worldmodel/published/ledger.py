"""From the keys of a published checkpoint to ours, with an account of every one of them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import torch
    from torch import Tensor

SHOWN = 12
"""Keys that a message names before it only counts the rest."""


class CheckpointError(JepaWmError):
    """A checkpoint cannot be read, or is not that of the model it is taken for."""


@dataclass(frozen=True, slots=True)
class Rule:
    r"""Where the tensors of some published keys go.

    Attributes:
        pattern: Regular expression of the whole published key.
        target: Our key, with the groups of the pattern as `\1`. Empty where `targets` is given.
        part: (i, n): the tensor is the i-th of n that are joined along the first dimension, as
            with separate queries, keys and values.
        targets: Our keys, where the tensor is cut into as many equal parts along the first
            dimension.
        transform: Applied before all that, such as a change of shape.
    """

    pattern: str
    target: str = ''
    part: tuple[int, int] = (0, 1)
    targets: tuple[str, ...] = ()
    transform: Callable[[Tensor], Tensor] | None = None


@dataclass(slots=True)
class Account:
    """What becomes of each key of a checkpoint.

    Attributes:
        used: Our key -> {part: (published key, rule, chunk)}; chunk is (i, n) for the i-th of n
            equal parts of the published tensor.
        ignored: Published key -> why it is not needed.
        unexpected: Published keys that nobody knows.
        clashes: Our keys that two published keys claim, in words.
    """

    used: dict[str, dict[int, tuple[str, Rule, tuple[int, int]]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    ignored: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)


class KeyMap:
    """The keys of one kind of checkpoint.

    Args:
        rules: The first rule whose pattern fits a key decides; a pair is (pattern, target).
        ignored: (pattern, reason) of keys that are knowingly left out, asked after the rules.
        dropped: Path components that wrappers add, such as DistributedDataParallel's `module` and
            the original DINO-WM's `base_model`; they are taken out wherever they stand before
            anything is compared.
    """

    def __init__(
        self,
        rules: Sequence[Rule | tuple[str, str]],
        ignored: Sequence[tuple[str, str]] = (),
        dropped: tuple[str, ...] = ('module', 'backbone', 'base_model'),
    ) -> None:
        self._rules = [
            (re.compile(rule.pattern), rule)
            for rule in (r if isinstance(r, Rule) else Rule(*r) for r in rules)
        ]
        self._ignored = [(re.compile(pattern), reason) for pattern, reason in ignored]
        self._dropped = dropped

    def account(self, keys: Iterable[str]) -> Account:
        """Say what becomes of each published key."""
        account = Account()
        for key in keys:
            name = '.'.join(part for part in key.split('.') if part not in self._dropped)
            self._enter(account, key, name)
        return account

    def convert(
        self, state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], source: str
    ) -> dict[str, Tensor]:
        """Return the checkpoint's tensors under our keys.

        Args:
            state: Published keys and tensors; nested dictionaries are joined with dots.
            wanted: Our keys and shapes.
            source: The file, for the messages.

        Returns:
            Exactly the keys of `wanted`. Tensors that no rule joins, cuts or transforms are not
            copied.

        Raises:
            CheckpointError: Keys are missing, unexpected or of a wrong shape; all are listed.
        """
        account = self.account(state)
        problems = {'unexpected': account.unexpected, 'claimed twice': account.clashes}
        problems['missing'] = sorted(set(wanted) - set(account.used))
        stray = sorted(set(account.used) - set(wanted))
        problems['unexpected'] += [
            entry[0] for target in stray for entry in account.used[target].values()
        ]
        converted, misshapen = {}, []
        for target in sorted(set(wanted) & set(account.used)):
            entries = account.used[target]
            count = next(iter(entries.values()))[1].part[1]
            absent = sorted(set(range(count)) - set(entries))
            if absent:
                have = ', '.join(entry[0] for entry in entries.values())
                problems['missing'].append(f'{target} (only {have} of its {count} parts)')
                continue
            tensor = _joined([_piece(state, entries[i]) for i in range(count)])
            if tensor is None or tensor.shape != wanted[target]:
                names = ' + '.join(entries[i][0] for i in range(count))
                shapes = ' + '.join(str(tuple(state[entries[i][0]].shape)) for i in range(count))
                misshapen.append(f'{names} is {shapes}, {target} is {tuple(wanted[target])}')
                continue
            converted[target] = tensor
        problems['of a wrong shape'] = misshapen
        if any(problems.values()):
            raise CheckpointError(f'{source} does not fit: {_listed(problems)}')
        return converted

    def _enter(self, account: Account, key: str, name: str) -> None:
        for pattern, rule in self._rules:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            targets = rule.targets or (rule.target,)
            for i, template in enumerate(targets):
                target = match.expand(template)
                entries = account.used[target]
                if rule.part[0] in entries:
                    other = entries[rule.part[0]][0]
                    account.clashes.append(f'{target} (by {other} and {key})')
                entries[rule.part[0]] = (key, rule, (i, len(targets)))
            return
        for pattern, reason in self._ignored:
            if pattern.fullmatch(name):
                account.ignored[key] = reason
                return
        account.unexpected.append(key)


def _piece(state: Mapping[str, Tensor], entry: tuple[str, Rule, tuple[int, int]]) -> Tensor:
    key, rule, (i, n) = entry
    tensor = state[key] if rule.transform is None else rule.transform(state[key])
    return tensor if n == 1 else tensor.tensor_split(n)[i]


def _joined(pieces: Sequence[Tensor]) -> Tensor | None:
    """Join along the first dimension; None where the shapes do not allow it."""
    import torch

    if len(pieces) == 1:
        return pieces[0]
    if len({piece.shape[1:] for piece in pieces}) > 1:
        return None
    return torch.cat(list(pieces))


def _listed(problems: Mapping[str, Sequence[str]]) -> str:
    parts = []
    for kind, names in problems.items():
        if names:
            more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
            parts.append(f'{len(names)} {kind}: {", ".join(names[:SHOWN])}{more}')
    return '; '.join(parts)
