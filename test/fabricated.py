"""Fabricated recordings: bags, DROID folders, LeRobot datasets, HDF5 files of one known motion.

The flange moves smoothly; each picture carries its own number, so that a test can tell which
pictures an episode took.
"""

import json

import numpy as np

from jepa_wm_ros.robot.description import ARM_JOINTS, READY_POSTURE
from jepa_wm_ros.robot.poses import from_euler

SIZE = (48, 64)
"""Height and width of the pictures."""
BITS = 8


def picture(number, size=SIZE):
    """A picture with texture, and its number in black and white bands in the lower half."""
    height, width = size
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2] = np.linspace(0, 255, width, dtype=np.uint8)[:, None]
    bits = (number >> np.arange(BITS)) & 1
    bands = np.arange(height - height // 2) * BITS // (height - height // 2)
    pixels[height // 2 :] = 255 * bits[bands][:, None, None]
    return pixels


def number_of(pixels):
    """The number (modulo 256) of a picture, also after lossy coding and resizing."""
    lower = pixels[pixels.shape[0] // 2 :].mean(axis=(1, 2))
    centres = ((np.arange(BITS) + 0.5) * len(lower) / BITS).astype(int)
    return int(((lower[centres] > 127) << np.arange(BITS)).sum())


def joints_at(stamp_s):
    """Arm joints [rad] of the known motion."""
    return READY_POSTURE + 0.2 * np.sin(0.7 * stamp_s + np.arange(7))


def pose_at(stamp_s):
    """Flange pose of the known motion of datasets that list poses; its roll wraps at pi."""
    position = [0.45 + 0.1 * np.sin(stamp_s), 0.1 * np.cos(stamp_s), 0.4]
    return from_euler(position, [np.pi + 0.1 * np.sin(stamp_s), 0.05, 0.2 * stamp_s])


def cartesian_at(stamp_s):
    """The same as DROID lists it: position [m] and roll, pitch, yaw [rad]."""
    from jepa_wm_ros.robot.poses import to_euler

    pose = pose_at(stamp_s)
    return np.concatenate([pose.position, to_euler(pose)])


def write_bag(path, *, seconds=4.0, storage='mcap', camera_hz=15.0, state_hz=100.0, **changes):
    """Write a bag with a camera and joint states.

    Changes: `joint_names`, `compressed` (jpeg), `start_s`, `pictures` and `states` (functions from
    stamp to stamp or None for a message that is missing), `joints` (function of the stamp),
    `topics` (of camera and joint states), `image` (function of the picture's number), `poses`,
    `openness` (a number on /gripper), `zstd` (compression mode), `encoding` (as it is claimed),
    `frame` (of the camera, by number).
    """
    from rosbags.rosbag2 import CompressionFormat, Writer
    from rosbags.rosbag2.enums import StoragePlugin
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    start_s = changes.get('start_s', 1000.0)
    camera_topic, joint_topic = changes.get('topics', ('/image', '/joint_states'))
    kind = 'CompressedImage' if changes.get('compressed') else 'Image'
    same = lambda stamp_s: stamp_s  # noqa: E731
    plugin = StoragePlugin.MCAP if storage == 'mcap' else StoragePlugin.SQLITE3
    writer = Writer(path, version=9, storage_plugin=plugin)
    if 'zstd' in changes:
        writer.set_compression(changes['zstd'], CompressionFormat.ZSTD)
    with writer:
        connect = lambda topic, name: writer.add_connection(topic, name, typestore=store)  # noqa: E731
        camera = connect(camera_topic, f'sensor_msgs/msg/{kind}')
        states = connect(joint_topic, 'sensor_msgs/msg/JointState')
        poses = connect('/ee_pose', 'geometry_msgs/msg/PoseStamped')
        gripper = connect('/gripper', 'std_msgs/msg/Float32')
        events = [(n / camera_hz, camera, n) for n in range(int(seconds * camera_hz) + 1)]
        events += [(n / state_hz, states, n) for n in range(int(seconds * state_hz) + 1)]
        if 'poses' in changes:
            events += [(n / state_hz, poses, n) for n in range(int(seconds * state_hz) + 1)]
        if 'openness' in changes:
            events += [(n / 10, gripper, n) for n in range(int(seconds * 10) + 1)]
        for at_s, connection, number in sorted(events, key=lambda event: event[0]):
            alter = changes.get('pictures' if connection is camera else 'states', same)
            stamp_s = alter(at_s)
            if stamp_s is None or (connection is gripper and changes['openness'](at_s) is None):
                continue
            header = header_of(store, start_s + stamp_s)
            if connection is camera:
                image = changes.get('image', picture)(number)
                header.frame_id = changes.get('frame', lambda _: '')(number)
                message = image_message(store, header, image, kind)
                if 'encoding' in changes:
                    message.encoding = changes['encoding']
            elif connection is gripper:
                value = changes['openness'](at_s)
                message = store.types['std_msgs/msg/Float32'](data=value)
            elif connection is poses:
                message = pose_message(store, header, changes['poses'](at_s))
            else:
                message = joint_message(store, header, at_s, number, changes)
            data = store.serialize_cdr(message, connection.msgtype)
            writer.write(connection, int((start_s + at_s) * 1e9), data)
    return path


def header_of(store, stamp_s):
    time = store.types['builtin_interfaces/msg/Time']
    nanoseconds = round(stamp_s * 1e9)
    stamp = time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
    return store.types['std_msgs/msg/Header'](stamp=stamp, frame_id='')


def image_message(store, header, pixels, kind):
    message = store.types[f'sensor_msgs/msg/{kind}']
    if kind == 'CompressedImage':
        import cv2

        _, data = cv2.imencode('.jpg', pixels[..., ::-1])
        return message(header=header, format='rgb8; jpeg compressed bgr8', data=data.ravel())
    height, width = pixels.shape[:2]
    return message(
        header=header,
        height=height,
        width=width,
        encoding='bgr8',
        is_bigendian=0,
        step=3 * width,
        data=np.ascontiguousarray(pixels[..., ::-1]).ravel(),
    )


def joint_message(store, header, at_s, number, changes):
    names = list(changes.get('joint_names', ARM_JOINTS))
    joints = changes.get('joints', joints_at)(at_s)
    gripper = 0.04 * (1 - min(1.0, at_s / 4.0))
    return store.types['sensor_msgs/msg/JointState'](
        header=header,
        name=['panda_finger_joint1', *names],
        position=np.array([gripper, *joints]),
        velocity=np.zeros(0),
        effort=np.zeros(0),
    )


def pose_message(store, header, pose):
    from jepa_wm_ros.robot.poses import quaternion_xyzw

    types = store.types
    x, y, z = pose.position.tolist()
    a, b, c, d = quaternion_xyzw(pose).tolist()
    point = types['geometry_msgs/msg/Point'](x=x, y=y, z=z)
    turn = types['geometry_msgs/msg/Quaternion'](x=a, y=b, z=c, w=d)
    inner = types['geometry_msgs/msg/Pose'](position=point, orientation=turn)
    return types['geometry_msgs/msg/PoseStamped'](header=header, pose=inner)


def write_video(path, frames, fps=60.0, size=SIZE):
    """Write numbered pictures as MPEG-4."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter_fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, (size[1], size[0]))
    for number in range(frames):
        writer.write(np.ascontiguousarray(picture(number, size)[..., ::-1]))
    writer.release()
    return path


def write_droid(folder, *, rows=60, hz=15.0, serial='12345678', stamps=True, **changes):
    """Write a raw DROID episode; the header of its video claims 60 frames per second."""
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    taken = np.arange(rows) / hz
    with h5py.File(folder / 'trajectory.h5', 'w') as file:
        state = 'observation/robot_state'
        cartesian = np.array([cartesian_at(t) for t in taken]).reshape(-1, 6)
        file[f'{state}/cartesian_position'] = changes.get('cartesian', cartesian)
        file[f'{state}/gripper_position'] = np.clip(taken / 4.0, 0, 1)
        if stamps:
            milliseconds = 1000.0 * (1.7e9 + taken)
            late = 1000.0 * changes.get('read_after_s', 0.0)
            file[f'observation/timestamp/cameras/{serial}_estimated_capture'] = milliseconds - late
            file['observation/timestamp/robot_state/read_start'] = milliseconds
    metadata = {'left_mp4_path': f'lab/success/x/recordings/MP4/{serial}.mp4'}
    (folder / 'metadata_LAB+1.json').write_text(json.dumps(metadata))
    video = folder / 'recordings' / 'MP4' / f'{serial}.mp4'
    write_video(video, changes.get('frames', rows))
    return folder


def write_lerobot(
    root, lengths=(30, 40), *, fps=15.0, version='v3.0', by_joints=False, success=()
):
    """Write a LeRobot dataset with the fields of droid_1.0.1, all episodes in one video."""
    import pyarrow
    import pyarrow.parquet as parquet

    key = 'observation.images.exterior_1_left'
    table = {name: [] for name in ('episode_index', 'timestamp', 'frame_index')}
    fields = ['observation.state']
    if not by_joints:
        fields = ['observation.state.cartesian_position', 'observation.state.gripper_position']
    table |= {name: [] for name in fields}
    index = []
    for episode, length in enumerate(lengths):
        first = sum(lengths[:episode])
        place = {'chunk_index': 0, 'file_index': 0}
        row = {'episode_index': episode, 'length': length}
        row |= {f'data/{name}': value for name, value in place.items()}
        row |= {f'videos/{key}/{name}': value for name, value in place.items()}
        index.append(row | {f'videos/{key}/from_timestamp': first / fps})
        for frame in range(length):
            at_s = frame / fps
            table['episode_index'].append(episode)
            table['timestamp'].append(at_s)
            table['frame_index'].append(frame)
            if by_joints:
                table[fields[0]].append([*joints_at(at_s), 0.25])
            else:
                table[fields[0]].append(cartesian_at(at_s).tolist())
                table[fields[1]].append([min(1.0, at_s / 4)])
    if success:
        fields.append('is_episode_successful')
        table[fields[-1]] = [
            done for n, done in zip(lengths, success, strict=True) for _ in range(n)
        ]
    features = {name: {'dtype': 'float32'} for name in fields} | {key: {'dtype': 'video'}}
    info = {'codebase_version': version, 'fps': fps, 'features': features}
    info['data_path'] = 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
    info['video_path'] = 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4'
    for path, rows in (
        (root / 'data/chunk-000/file-000.parquet', table),
        (root / 'meta/episodes/chunk-000/file-000.parquet', None),
    ):
        path.parent.mkdir(parents=True)
        content = pyarrow.Table.from_pylist(index) if rows is None else pyarrow.table(rows)
        parquet.write_table(content, path)
    (root / 'meta/info.json').write_text(json.dumps(info))
    write_video(root / f'videos/{key}/chunk-000/file-000.mp4', sum(lengths), fps)
    return root
