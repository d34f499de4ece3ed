"""What a model or a plan is worth: metrics, episodes, plots and videos."""
