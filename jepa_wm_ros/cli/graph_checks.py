"""What `jepa-wm doctor SYSTEM` makes of a running graph: facts in, findings out. Asks no ROS."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

from jepa_wm_ros.cli.expectations import OWN_ACTIONS, full_name
from jepa_wm_ros.cli.findings import Finding, bad, doubtful, good
from jepa_wm_ros.ros import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jepa_wm_ros.cli.expectations import Expectations
    from jepa_wm_ros.ros.inspection import GraphFacts, Series
    from jepa_wm_ros.ros.sources import Endpoint

    Check = Callable[['GraphFacts', 'Expectations'], Finding]

IMAGE_KINDS = {
    'raw': 'sensor_msgs/msg/Image',
    'compressed': 'sensor_msgs/msg/CompressedImage',
}
MOST_SKEW_S = 0.25
MOST_LOST = 0.05
_OURS = 'action_publisher'
_WHO = 'look with: ros2 topic info --verbose'
_NEAR_LIMIT_RAD = 0.05
_GAP = 1.5
# Pictures may come this much more rarely than was declared.
_DECLARED_PART = 0.75


def check_camera(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Does a camera publish what the encoder listens to?"""
    topic = full_name(wanted.image, wanted.namespace)
    kind = IMAGE_KINDS[wanted.image_transport]
    publishers = facts.publishers.get(topic, [])
    if not publishers:
        others = [
            name
            for name, kinds in facts.topics.items()
            if name != topic and set(kinds) & set(IMAGE_KINDS.values())
        ]
        seen = f'; there are pictures on {", ".join(sorted(others))}' if others else ''
        return bad(
            f'nobody publishes {topic}{seen}',
            'start the camera, or name its topic with image_topic:=, or set ROS_DOMAIN_ID '
            f'(now {facts.domain_id})',
        )
    if all(publisher.kind != kind for publisher in publishers):
        return bad(
            f'{topic} is {publishers[0].kind}, the encoder takes {kind}',
            'set image_transport:=' + ('raw' if wanted.image_transport != 'raw' else 'compressed'),
        )
    heard = [publisher for publisher in publishers if publisher.kind == kind]
    if second := sources.second_source(topic, heard):
        return bad(second, f'{_WHO} {topic}')
    if not facts.pictures.stamps:
        return bad(f'{topic} is silent', 'look at the camera; is its node active?')
    return good(f'{topic} by {heard[0].node}')


def check_camera_frame(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Are the pictures those of one camera, and of the right one?"""
    from jepa_wm_ros.robot.image_source import ImageSourceWatch

    watch = ImageSourceWatch(wanted.camera_frame)
    said = [watch.look(image, arrived_s) for image, arrived_s in facts.pictures.seen]
    doubts = list(filter(None, said))
    if not said:
        return bad('no pictures', 'see camera')
    if doubts:
        return bad(
            f'{doubts[0]} ({len(doubts)} of {len(said)} pictures)',
            f'{_WHO} {full_name(wanted.image, wanted.namespace)}',
        )
    return good(', '.join(sorted(facts.pictures.frames)) or 'none')


def check_encoding(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Can the pictures be decoded?"""
    from jepa_wm_ros.robot.images import ENCODINGS

    pictures = facts.pictures
    said = ', '.join(sorted(pictures.encodings))
    if not pictures.encodings:
        return bad('no pictures', 'see camera')
    if wanted.image_transport == 'compressed':
        if all('jpeg' in e.lower() or 'png' in e.lower() for e in pictures.encodings):
            return good(said)
        return bad(f'compressed as {said}', 'let the camera publish JPEG or PNG')
    if pictures.encodings <= set(ENCODINGS):
        return good(said)
    return bad(f'encoding {said}', f'let the camera publish one of {", ".join(ENCODINGS)}')


def check_size(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Are the pictures large enough for the model?"""
    from pathlib import Path

    from jepa_wm_ros.cli.bundles import chosen_bundle
    from jepa_wm_ros.worldmodel.bundle import load_contract

    folder, _ = chosen_bundle(Path(wanted.model) if wanted.model else None)
    size, camera = facts.pictures.size, load_contract(folder).camera
    if size is None:
        return good('not known before decoding')
    width, height = size
    found = f'{width} x {height}, the model takes {camera.width} x {camera.height}'
    if min(width, height) < min(camera.width, camera.height):
        return bad(found, 'let the camera publish larger pictures: nothing sharpens small ones')
    if width * height > 4 * 640 * 480:
        return doubtful(found, 'smaller pictures (640 x 360) cost less and lose nothing here')
    return good(found)


def check_picture_rate(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Do pictures come often enough for the watchdog, and as often as was said?"""
    rate = rate_hz(facts.pictures)
    if rate == 0.0:
        return bad('no pictures', 'see camera')
    found, declared, limit_s = f'{rate:.1f} Hz', wanted.camera_rate_hz, wanted.max_image_age_s
    if rate < 2.0 / limit_s:
        return bad(
            f'{found}: motions will end in faults, max_image_age_s is {limit_s:g} s',
            f'{2.0 / limit_s:.0f} Hz or more, or set max_image_age_s to {2.5 / rate:.2f}',
        )
    if rate < _DECLARED_PART * declared:
        return bad(
            f'{found}: motions will pause, camera_rate_hz is {declared:g}',
            f'set camera_rate_hz to {rate:.0f}, or to 0 to have it measured',
        )
    return good(found)


def check_loss(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Do all pictures arrive?"""
    lost = lost_part(facts.pictures)
    if math.isnan(lost):
        return bad('too few pictures to tell', 'see camera')
    found = f'{100 * lost:.0f} % of the pictures are lost'
    if lost <= MOST_LOST:
        return good(found)
    return bad(
        found,
        'start the camera driver with FASTDDS_DEFAULT_PROFILES_FILE=<share>/config/'
        'fastdds_shm.xml, or take image_transport:=compressed',
    )


def check_clocks(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Do the stamps agree with the clock of this computer, and with each other?"""
    # a wrong clock shifts every message, a busy computer only most of them
    ages = {
        name: sorted(series.ages)[len(series.ages) // 10]
        for name, series in (('pictures', facts.pictures), ('joint states', facts.joints))
        if series.ages
    }
    if not ages:
        return bad('nothing has stamps', 'see camera and joint states')
    found = ', '.join(f'{name} {1000 * age:.0f} ms old' for name, age in ages.items())
    wrong = [name for name, age in ages.items() if not -0.02 <= age <= MOST_SKEW_S]
    if wrong:
        return bad(
            f'{found}: {" and ".join(wrong)} wrong',
            'synchronise the computers (chrony, ptp); with use_sim_time or a bag see docs/bags.md',
        )
    return good(found)


def check_joint_states(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Do joint states come, and often enough?"""
    topic = full_name(wanted.joint_states, wanted.namespace)
    if not facts.publishers.get(topic):
        return bad(
            f'nobody publishes {topic}',
            'start the driver of the arm, or name its topic with joint_states_topic:=',
        )
    rate, least = rate_hz(facts.joints), 2.0 / wanted.max_joint_age_s
    if rate < least:
        return bad(
            f'{topic} at {rate:.0f} Hz, {least:.0f} Hz are needed (max_joint_age_s)',
            'start the driver with joint_state_rate:=100',
        )
    named = (frozenset(sample.positions) for sample in facts.joints.samples)
    if second := sources.second_joint_source(topic, facts.publishers[topic], named):
        return bad(second, f'{_WHO} {topic}')
    return good(f'{topic} at {rate:.0f} Hz')


def check_joint_values(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Can the positions be true, one after the other?"""
    from jepa_wm_ros.robot.belief import JointBelief

    belief, names = JointBelief(wanted.joints, wanted.joint_names), wanted.joint_names
    whole = [s for s in facts.joints.samples if all(name in s.positions for name in names)]
    wrong = [
        disbelief.message
        for sample in whole
        if (
            disbelief := belief.judge(
                sample.stamp_s, [sample.positions[name] for name in names], sample.arrived_s
            )
        )
    ]
    if not whole:
        return bad('no message has all joints of the arm', 'see joint names')
    if wrong:
        return bad(
            f'{len(wrong)} of {len(whole)} messages cannot be true: {wrong[0]}',
            'look at the driver of the arm, and at who else publishes joint states',
        )
    return good(f'{len(whole)} messages')


def check_end_effector(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is the driver's end effector where joints and tool put it, and turned as they say?"""
    import numpy as np

    from jepa_wm_ros.robot.kinematics import Kinematics
    from jepa_wm_ros.robot.pose_agreement import disagreement

    if not wanted.driver_pose:
        return good('not compared (driver_pose_topic)')
    topic = full_name(wanted.driver_pose, wanted.namespace)
    there = facts.joints.positions
    joints = np.array([there.get(name, math.nan) for name in wanted.joint_names])
    if not np.isfinite(joints).all():
        return bad('no position of the arm', 'see joint names')
    said = None if facts.driver_pose is None else wanted.tool.to_flange(facts.driver_pose)
    wrong = disagreement(
        topic,
        said,
        Kinematics().forward(joints),
        wanted.pose_tolerance_m,
        wanted.pose_tolerance_rad,
    )
    if wrong:
        return bad(wrong, 'set tool_position, tool_rotation, or the end effector of the driver')
    return good(f'{topic} agrees with the joints')


def check_joint_names(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Are the joints those that are expected?"""
    there = facts.joints.positions
    missing = [name for name in wanted.joint_names if name not in there]
    if wanted.gripper_joint and wanted.gripper_joint not in there:
        missing.append(wanted.gripper_joint)
    if not missing:
        return good(f'{wanted.joint_names[0]} .. {wanted.joint_names[-1]}, {wanted.gripper_joint}')
    return bad(
        f'{", ".join(missing)} missing; there are: {", ".join(there) or "none"}',
        'choose robot_type:= and gripper:= as the robot is, or set joint_names, gripper_joint',
    )


def check_joint_limits(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is the arm within the limits of its table?"""
    near = []
    limits = wanted.joints
    rows = zip(wanted.joint_names, limits.lower, limits.upper, strict=True)
    for name, lower, upper in rows:
        position = facts.joints.positions.get(name)
        if position is None:
            return bad(f'no position of {name}', 'see joint names')
        if not math.isfinite(position):
            return bad(f'{name} reads {position}', 'look at the driver of the arm')
        if not lower <= position <= upper:
            return bad(
                f'{name} at {position:.3f} is outside of {lower:.3f} .. {upper:.3f} '
                f'({wanted.joint_limits})',
                'is robot_type:= right? Else move the arm by hand',
            )
        if min(position - lower, upper - position) < _NEAR_LIMIT_RAD:
            near.append(name)
    if near:
        return doubtful(f'{", ".join(near)} near a limit', 'move the arm to a better start')
    return good(f'all within the limits ({wanted.joint_limits})')


def check_gripper(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Does the gripper read what its preset says?"""
    from jepa_wm_ros.robot.gripper import GripperCodec, GripperError

    if not wanted.gripper_joint:
        return good('none')
    value = facts.joints.positions.get(wanted.gripper_joint)
    if value is None:
        return bad(f'no position of {wanted.gripper_joint}', 'see joint names')
    try:
        closed = GripperCodec.preset(wanted.gripper).decode(value)
    except GripperError as error:
        return bad(str(error), 'choose gripper:= as the gripper is')
    return good(f'{wanted.gripper}: {value:.4f} is {100 * closed:.0f} % closed')


def check_command_publishers(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is nobody else commanding the arm?"""
    if not wanted.command:
        return good('the driver is not spoken to over a topic')
    topic = full_name(wanted.command, wanted.namespace)
    others = _strangers(facts.publishers.get(topic, []), wanted)
    if second := sources.second_commander(topic, others):
        return bad(second, f'{_WHO} {topic}')
    return good(f'nobody else publishes {topic}')


def check_controller_clients(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is nobody else able to command the controller by its action?"""
    if not wanted.controller_action:
        return good('the controller has no action')
    action = full_name(wanted.controller_action, wanted.namespace)
    if second := sources.second_server(action, facts.servers.get(action, [])):
        return bad(second, f'ros2 action info {action} shows them')
    clients = facts.clients.get(action, [])
    others = _strangers(clients, wanted) if wanted.commanded_by_action else clients
    if not others:
        return good(f'nobody else has a client of {action}')
    return doubtful(
        f'others can send goals to {action}: {sources.named(others, "clients")}',
        'let them send none while the arm is armed: a goal takes the arm away from us',
    )


def check_second_system(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is ours the only system of this kind on the domain?"""
    if second := sources.second_system(facts.nodes, wanted.nodes):
        return bad(second, 'ros2 node list shows them')
    for name in OWN_ACTIONS:
        action = full_name(name, wanted.namespace)
        if second := sources.second_server(action, facts.servers.get(action, [])):
            return bad(second, 'ros2 node list shows them')
    return good('none')


def _strangers(endpoints: Sequence[Endpoint], wanted: Expectations) -> list[Endpoint]:
    """Leave out the action publisher, once: a second one of its name is a stranger."""
    own = full_name(_OURS, wanted.namespace)
    return sources.strangers(endpoints, own, b'', own=1)


def check_command_listener(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Does a controller listen to our commands, and does its QoS match?"""
    if not wanted.command:
        return good('the driver is not spoken to over a topic')
    topic = full_name(wanted.command, wanted.namespace)
    listeners = facts.subscribers.get(topic, [])
    if not listeners:
        return bad(f'nobody listens to {topic}', 'load and activate the controller of the arm')
    wrong = [one for one in listeners if one.kind != wanted.command_kind]
    if wrong:
        return bad(
            f'{wrong[0].node} takes {wrong[0].kind} on {topic}, we send {wanted.command_kind}',
            'choose driver:= as the controller is',
        )
    return _quality(topic, listeners)


def _quality(topic: str, listeners: Sequence[Endpoint]) -> Finding:
    """We send reliably and keep nothing for latecomers."""
    latched = [one.node for one in listeners if one.latched]
    if latched:
        return bad(
            f'{", ".join(latched)} ask for transient-local {topic}, which we do not offer: they '
            'hear nothing',
            'let the controller subscribe with volatile durability',
        )
    return good(f'{", ".join(one.node for one in listeners)} listen to {topic}')


def check_controllers(facts: GraphFacts, wanted: Expectations) -> Finding:
    """Is the controller active that our commands are for?"""
    if facts.controllers is None:
        return good('not asked: no controller_manager here, or no controller_manager_msgs')
    active = [name for name, state in facts.controllers.items() if state == 'active']
    target = wanted.command.strip('/').partition('/')[0]
    if target in facts.controllers and target not in active:
        return bad(
            f'{target} is {facts.controllers[target]}',
            f'ros2 control set_controller_state {target} active',
        )
    return good(f'active: {", ".join(active) or "none"}')


CHECKS: tuple[tuple[str, Check], ...] = (
    ('camera', check_camera),
    ('camera frame', check_camera_frame),
    ('encoding', check_encoding),
    ('picture size', check_size),
    ('picture rate', check_picture_rate),
    ('lost pictures', check_loss),
    ('clocks', check_clocks),
    ('joint states', check_joint_states),
    ('joint names', check_joint_names),
    ('joint values', check_joint_values),
    ('joint limits', check_joint_limits),
    ('end effector', check_end_effector),
    ('gripper', check_gripper),
    ('other commanders', check_command_publishers),
    ('controller clients', check_controller_clients),
    ('second system', check_second_system),
    ('controller listens', check_command_listener),
    ('controllers', check_controllers),
)
"""Title and function of each check, in the order in which they are shown."""


def rate_hz(series: Series) -> float:
    """Return messages per second by their stamps; 0 when there are too few."""
    stamps = sorted(series.stamps)
    if len(stamps) < 2 or stamps[-1] <= stamps[0]:
        return 0.0
    return (len(stamps) - 1) / (stamps[-1] - stamps[0])


def lost_part(series: Series) -> float:
    """Return the part of the messages that are missing between the others; NaN if unknown."""
    stamps = sorted(series.stamps)
    gaps = [after - before for before, after in pairwise(stamps)]
    if len(gaps) < 4:
        return math.nan
    period = statistics.quantiles(gaps, n=10)[0]
    if period <= 0.0:
        return math.nan
    missing = sum(round(gap / period) - 1 for gap in gaps if gap > _GAP * period)
    return missing / (missing + len(stamps))
