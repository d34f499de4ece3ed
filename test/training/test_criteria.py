"""Losses of whole models: what each has to say."""

from __future__ import annotations

import pytest
from toy_training import recipe_of

from jepa_wm_ros.training.criteria.criterion import Criterion
from jepa_wm_ros.training.team import ALONE
from jepa_wm_ros.training.trainer import begin


def test_a_loss_that_does_not_say_its_terms_cannot_be_made() -> None:
    class Silent(Criterion):
        """Forgot its terms."""

    recipe = recipe_of('lewm')
    with pytest.raises(TypeError, match=r'abstract method.*terms'):
        Silent(begin(recipe), recipe.training, ALONE)  # type: ignore[abstract]
