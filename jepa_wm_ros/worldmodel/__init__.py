"""World models: encoders, predictors, families, and the bundles that hold them (torch; no ROS)."""
