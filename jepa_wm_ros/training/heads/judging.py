"""Teaching a reward head: which latents are a success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from jepa_wm_ros.training.errors import TrainingError
from jepa_wm_ros.training.heads.reading import pooling_for
from jepa_wm_ros.worldmodel.heads.reward import RewardHead, RewardSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from jepa_wm_ros.data.episodes import EpisodeTable
    from jepa_wm_ros.training.heads.material import Material
    from jepa_wm_ros.training.heads.settings import HeadTraining, LabelSettings

CANDIDATES = 256
"""Goals that are looked at for each frame; near ones are preferred."""
TEST_PAIRS = 4096
CHUNK = 1024


class RewardTask:
    """Cross-entropy of success."""

    solved = False

    def __init__(self, material: Material, training: HeadTraining, labels: LabelSettings) -> None:
        """Find the labels and build a head.

        Raises:
            TrainingError: There are no labels, or all are alike.
        """
        self.material, self.training, self.rule = material, training, labels
        self.labels: NDArray[np.float32] | None = None
        if labels.reach_m is None:
            self.labels = frame_labels(material.table, labels)
            self._keep_known()
        torch.manual_seed(training.seed)
        self.head = RewardHead(
            material.latent,
            RewardSettings(goal=self.labels is None, pooling=pooling_for(material.latent)),
        ).to(material.device)

    def loss(self, step: int) -> Tensor:
        """Return the cross-entropy of a batch."""
        rng = np.random.default_rng([self.training.seed, step])
        rows, goals, wanted = self._examples(self._training, rng, self.training.batch)
        return binary_cross_entropy_with_logits(
            self._judge(rows, goals), torch.from_numpy(wanted).to(self.material.device)
        )

    @torch.inference_mode()
    def results(self) -> dict[str, Any]:
        """Return how well successes are told from the rest."""
        rng = np.random.default_rng(self.training.seed)
        rows, goals, wanted = self._examples(self._testing, rng, TEST_PAIRS)
        parts = [slice(i, i + CHUNK) for i in range(0, len(rows), CHUNK)]
        odds = torch.cat([self._judge(rows[part], goals[part]).cpu() for part in parts])
        values, truth = odds.double().numpy(), wanted > 0.5
        return {
            'auc': round(area_under_curve(values, truth), 4),
            'accuracy': round(float(((values > 0) == truth).mean()), 4),
            'positive_share': round(float(truth.mean()), 4),
            'cross_entropy': round(
                float(binary_cross_entropy_with_logits(odds, torch.from_numpy(wanted))), 4
            ),
        }

    def _keep_known(self) -> None:
        assert self.labels is not None
        seen = self.labels[self._training]
        if len(seen) == 0 or seen.min() == seen.max():
            raise TrainingError(
                f'all of {len(seen)} labelled frames are alike ({seen[:1].tolist()}): a reward '
                'head needs successes and failures'
            )

    @property
    def _training(self) -> NDArray[np.int64]:
        return self._known(self.material.training)

    @property
    def _testing(self) -> NDArray[np.int64]:
        return self._known(self.material.testing)

    def _known(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows if self.labels is None else rows[np.isfinite(self.labels[rows])]

    def _examples(
        self, rows: NDArray[np.int64], rng: np.random.Generator, size: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Draw frames, goals (the frames themselves where none is looked at) and labels."""
        if self.labels is not None:
            chosen = _balanced(rows, self.labels, rng, size)
            return chosen, chosen, self.labels[chosen]
        assert self.rule.reach_m is not None
        position = self.material.table.proprio[:, :3]
        chosen = rng.choice(rows, size)
        goals = _near(chosen, rows, position, rng)
        gap = np.linalg.norm(position[chosen] - position[goals], axis=-1)
        return chosen, goals, (gap < self.rule.reach_m).astype(np.float32)

    def _judge(self, rows: NDArray[np.int64], goals: NDArray[np.int64]) -> Tensor:
        odds: Tensor = self.head(self.material.latents(rows), self.material.latents(goals))
        return odds


def frame_labels(table: EpisodeTable, settings: LabelSettings) -> NDArray[np.float32]:
    """Return how much each frame is a success, `(N,)` within 0..1; NaN where nobody knows.

    Raises:
        TrainingError: The dataset has no labels, or labels that are none.
    """
    if settings.region is not None:
        *centre, radius = settings.region
        gap = np.linalg.norm(table.proprio[:, :3] - np.array(centre), axis=-1)
        labels = (gap < radius).astype(np.float32)
    elif table.success is None:
        raise TrainingError(
            'the dataset has no labels (column success, one number for each frame or episode); '
            'say what a success is with --reach or --region'
        )
    else:
        labels = table.success
    known = labels[np.isfinite(labels)]
    if len(known) and (known.min() < 0 or known.max() > 1):
        raise TrainingError(f'labels must be within 0..1, got {known.min()} to {known.max()}')
    return returns(labels, table, settings.discount) if settings.discount else labels


def returns(
    labels: NDArray[np.float32], table: EpisodeTable, discount: float
) -> NDArray[np.float32]:
    """Return max over k of discount^k times the label k steps later, within each episode."""
    values = labels.copy()
    for offset, length in zip(table.offset, table.length, strict=True):
        for row in range(offset + length - 2, offset - 1, -1):
            values[row] = max(values[row], discount * values[row + 1])
    return values


def area_under_curve(values: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return how often a success is judged higher than a failure (ties count half)."""
    good, bad = np.sort(values[truth]), np.sort(values[~truth])
    if len(good) == 0 or len(bad) == 0:
        return float('nan')
    below = np.searchsorted(bad, good, 'left') + np.searchsorted(bad, good, 'right')
    return float(below.sum() / (2 * len(good) * len(bad)))


def _balanced(
    rows: NDArray[np.int64], labels: NDArray[np.float32], rng: np.random.Generator, size: int
) -> NDArray[np.int64]:
    """Draw rows, half of them from those whose label is above 0."""
    good = rows[labels[rows] > 0]
    some = rng.choice(rows, size)
    if len(good):
        swapped = rng.random(size) < 0.5
        some[swapped] = rng.choice(good, int(swapped.sum()))
    return some


def _near(
    chosen: NDArray[np.int64],
    rows: NDArray[np.int64],
    position: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw a goal for each frame: of some at random, one that is rather near."""
    candidates = rng.choice(rows, (len(chosen), CANDIDATES))
    gap = np.linalg.norm(position[candidates] - position[chosen][:, None], axis=-1)
    order = np.argsort(gap, axis=1)
    rank = (CANDIDATES * rng.random(len(chosen)) ** 4).astype(int)
    return np.take_along_axis(candidates, order[np.arange(len(chosen)), rank][:, None], 1)[:, 0]
