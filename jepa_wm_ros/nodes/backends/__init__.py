"""Ways to put the executor's set-points on a robot's wire, one module each."""
