"""Bags of the simulated cell with known actions: the planted truth of evaluations on bags."""

import functools

import numpy as np
from fabricated import header_of, image_message, joint_message

STEP_S = 0.4
STATE_HZ = 50.0
# Well inside of the workspace: at its walls, where targets are clipped, an action says nothing.
LOWER, UPPER = np.array([0.38, -0.18, 0.31]), np.array([0.53, 0.18, 0.48])


@functools.cache
def played(steps=24, seed=3):
    """Play random actions in the cell: T pictures, joints `(T, 7)`, moves `(T-1, 3)` [m]."""
    from jepa_wm_ros.sim.environment import CellEnvironment

    rng = np.random.default_rng(seed)
    pictures, joints, positions = [], [], []
    with CellEnvironment(step_duration_s=STEP_S) as cell:
        seen = cell.reset([0.45, 0.0, 0.4], rng=rng)
        heading = rng.normal(size=3)
        for _ in range(steps + 1):
            pictures.append(seen.image)
            joints.append(seen.joint_positions)
            positions.append(seen.pose.position)
            heading = 0.6 * heading + rng.normal(size=3)
            step = 0.05 * heading / np.linalg.norm(heading)
            target = np.clip(seen.pose.position + step, LOWER, UPPER)
            seen = cell.step([*(target - seen.pose.position), 0, 0, 0, 0])
    return pictures, np.array(joints), np.diff(np.array(positions), axis=0)


def write_cell_bag(path, *, order=None, steps=24, seed=3, start_s=1000.0):
    """Write what was played; `order` permutes the pictures against the joint states."""
    from rosbags.rosbag2 import Writer
    from rosbags.rosbag2.enums import StoragePlugin
    from rosbags.typesys import Stores, get_typestore

    pictures, joints, _ = played(steps, seed)
    order = range(len(pictures)) if order is None else order
    store = get_typestore(Stores.ROS2_JAZZY)
    stamps = STEP_S * np.arange(len(pictures))
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        add = lambda topic, kind: writer.add_connection(topic, kind, typestore=store)  # noqa: E731
        camera = add('/image', 'sensor_msgs/msg/Image')
        states = add('/joint_states', 'sensor_msgs/msg/JointState')
        events = [(stamp, camera, number) for number, stamp in enumerate(stamps)]
        events += [(n / STATE_HZ, states, n) for n in range(int(stamps[-1] * STATE_HZ) + 2)]
        for at_s, connection, number in sorted(events, key=lambda event: event[0]):
            header = header_of(store, start_s + at_s)
            if connection is camera:
                message = image_message(store, header, pictures[order[number]], 'Image')
            else:
                row = [np.interp(at_s, stamps, joint) for joint in joints.T]
                message = joint_message(
                    store, header, at_s, number, {'joints': lambda _, r=row: r}
                )
            data = store.serialize_cdr(message, connection.msgtype)
            writer.write(connection, int((start_s + at_s) * 1e9), data)
    return path
