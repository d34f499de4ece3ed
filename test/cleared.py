"""Commands as the gate lets them pass, for tests of what lies behind it."""

import numpy as np

from jepa_wm_ros.robot import gate


def cleared(command, coast_s=0.2):
    """A set-point; the arm comes to rest within `coast_s` when nothing follows."""
    rest = command.joint_positions + 0.5 * coast_s * command.joint_velocities
    return gate.ClearedCommand(command, rest, gate._SEAL)


def route(points, *, brakes=False):
    return gate.ClearedRoute(points, brakes, gate._SEAL)


def grip(closedness):
    return gate.ClearedGrip(closedness, gate._SEAL)


def stop_route(joints, velocities, coast_s=0.2):
    """What the gate has a controller play to brake."""
    point = gate.RoutePoint(coast_s, joints + 0.5 * coast_s * velocities, np.zeros(7))
    return route([point], brakes=True)
