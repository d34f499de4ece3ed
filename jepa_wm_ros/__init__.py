"""Plan with a JEPA world model and move a Franka arm to what a goal picture shows.

The rooms of the house, and who may know whom (`test/house/test_import_rules.py`):

    nodes, cli -> evaluation, training, data, sim -> planning -> worldmodel
      |                                         |
      +--> ros                                  +--> robot

`robot` knows no torch; `worldmodel` and `planning` know no robot and no ROS; only `nodes` and
`ros` import `rclpy`. Importing this package imports nothing heavy.
"""

__version__ = '0.1.0'
