"""Bags as `ros2 bag record` of several distributions and as usual cameras leave them."""

import shutil

import numpy as np
import pytest
import yaml
from fabricated import header_of, image_message, joint_message, number_of, picture, write_bag

from jepa_wm_ros.data.readers.bag_file import open_bag

PICTURES = [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60]


def edited(folder, change):
    """Rewrite the information in `metadata.yaml`."""
    path = folder / 'metadata.yaml'
    content = yaml.safe_load(path.read_text())
    change(content['rosbag2_bagfile_information'])
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def as_version(version):
    """A function that makes metadata those of an older version."""

    def change(information):
        information['version'] = version
        if version < 9:
            for topic in information['topics_with_message_count']:
                profiles = topic['topic_metadata']['offered_qos_profiles']
                text = yaml.safe_dump(profiles) if profiles else ''
                topic['topic_metadata']['offered_qos_profiles'] = text
        if version < 8:
            information.pop('ros_distro', None)
        if version < 7:
            for topic in information['topics_with_message_count']:
                topic['topic_metadata'].pop('type_description_hash')
        if version < 6:
            information.pop('custom_data', None)

    return change


@pytest.mark.parametrize('version', [5, 6, 7, 8, 9])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_metadata_of_all_distributions_are_read(build, tmp_path, storage, version):
    edited(write_bag(tmp_path / 'bag', storage=storage), as_version(version))
    table, _ = build(tmp_path / 'bag')
    assert [number_of(p) for p in table.pixels] == PICTURES


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('zstd', [None, 'FILE', 'MESSAGE'])
def test_bags_in_several_files_are_read(build, tmp_path, storage, zstd):
    from rosbags.rosbag2 import CompressionMode

    mode = {} if zstd is None else {'zstd': CompressionMode[zstd]}
    whole = split(tmp_path, storage, mode)
    table, _ = build(whole)
    assert [number_of(p) for p in table.pixels] == PICTURES


def split(root, storage, mode):
    """A bag of two files, with the first two seconds and the rest."""
    first = lambda t: t if t < 2.0 else None  # noqa: E731
    rest = lambda t: t if t >= 2.0 else None  # noqa: E731
    parts = [
        write_bag(root / name, storage=storage, pictures=part, states=part, **mode)
        for name, part in (('a', first), ('b', rest))
    ]
    whole = root / 'whole'
    whole.mkdir()
    read = [yaml.safe_load((part / 'metadata.yaml').read_text()) for part in parts]
    one, two = (content['rosbag2_bagfile_information'] for content in read)
    for number, part in enumerate(parts):
        (file,) = (path for path in part.iterdir() if path.name != 'metadata.yaml')
        target = whole / f'whole_{number}{"".join(file.suffixes)}'
        shutil.copy(file, target)
        (one, two)[number]['files'][0]['path'] = target.name
    one['files'] += two['files']
    one['relative_file_paths'] = [
        path.name for path in sorted(whole.iterdir()) if path.name != 'metadata.yaml'
    ]
    one['message_count'] += two['message_count']
    end = two['starting_time']['nanoseconds_since_epoch'] + two['duration']['nanoseconds']
    begin = one['starting_time']['nanoseconds_since_epoch']
    one['duration']['nanoseconds'] = end - begin
    for mine, other in zip(*(i['topics_with_message_count'] for i in (one, two)), strict=True):
        mine['message_count'] += other['message_count']
    (whole / 'metadata.yaml').write_text(yaml.safe_dump({'rosbag2_bagfile_information': one}))
    return whole


def test_a_missing_file_of_several_costs_its_bag(build, tmp_path):
    whole = split(tmp_path, 'mcap', {})
    (whole / 'whole_1.mcap').unlink()
    write_bag(tmp_path / 'c')
    _, audit = build(whole, tmp_path / 'c')
    dropped = [fact.dropped for fact in audit.facts]
    assert 'cannot be read' in dropped[0]
    assert dropped[1] == ''


def camera_bag(path, *, colour, encoding, size, form=None, depth=''):
    """A bag with a colour camera of some encoding, and a depth camera beside it."""
    from rosbags.rosbag2 import Writer
    from rosbags.rosbag2.enums import StoragePlugin
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    kind = 'sensor_msgs/msg/Image' if form is None else 'sensor_msgs/msg/CompressedImage'
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        add = lambda topic, kind: writer.add_connection(topic, kind, typestore=store)  # noqa: E731
        images, states = add(colour, kind), add('/joint_states', 'sensor_msgs/msg/JointState')
        depths = add(depth, 'sensor_msgs/msg/Image') if depth else None
        for step in range(41):
            at_s = step / 20
            header = header_of(store, 50.0 + at_s)
            log_ns = int((50.0 + at_s) * 1e9)
            message = joint_message(store, header, at_s, step, {})
            writer.write(states, log_ns, store.serialize_cdr(message, states.msgtype))
            if step % 2:
                continue
            message = encoded(store, header, picture(step, size), encoding, form)
            writer.write(images, log_ns, store.serialize_cdr(message, images.msgtype))
            if depths is not None:
                message = depth_message(store, header, size)
                writer.write(depths, log_ns, store.serialize_cdr(message, depths.msgtype))
    return path


def encoded(store, header, pixels, encoding, form):
    if form is not None:
        import cv2

        _, data = cv2.imencode(f'.{form}', pixels[..., ::-1])
        kind = store.types['sensor_msgs/msg/CompressedImage']
        return kind(header=header, format=f'{encoding}; {form} compressed bgr8', data=data.ravel())
    message = image_message(store, header, pixels, 'Image')
    if encoding == 'rgb8':
        message.data = np.ascontiguousarray(pixels).ravel()
    elif encoding == 'bgra8':
        alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        message.data = np.concatenate([pixels[..., ::-1], alpha], axis=2).ravel()
        message.step = 4 * message.width
    message.encoding = encoding
    return message


def depth_message(store, header, size):
    return store.types['sensor_msgs/msg/Image'](
        header=header,
        height=size[0],
        width=size[1],
        encoding='16UC1',
        is_bigendian=0,
        step=2 * size[1],
        data=np.zeros(2 * size[0] * size[1], np.uint8),
    )


CAMERAS = {
    'ZED': {'colour': '/zed/zed_node/rgb/color/rect/image', 'encoding': 'bgra8'},
    'ZED, older': {'colour': '/zed/zed_node/rgb/image_rect_color', 'encoding': 'bgra8'},
    'RealSense': {
        'colour': '/camera/camera/color/image_raw',
        'encoding': 'rgb8',
        'depth': '/camera/camera/depth/image_rect_raw',
    },
    'jpeg': {
        'colour': '/camera/camera/color/image_raw/compressed',
        'encoding': 'rgb8',
        'form': 'jpeg',
    },
    'png': {'colour': '/image/compressed', 'encoding': 'bgr8', 'form': 'png'},
}


@pytest.mark.parametrize('camera', CAMERAS)
def test_usual_cameras_are_found_and_decoded(build, tmp_path, camera):
    from jepa_wm_ros.worldmodel.camera import fit_picture
    from jepa_wm_ros.worldmodel.contract import CameraContract

    size = (360, 640) if camera.startswith('ZED') else (120, 160)
    camera_bag(tmp_path / 'bag', size=size, **CAMERAS[camera])
    table, _ = build(tmp_path / 'bag')
    assert [number_of(p) for p in table.pixels] == [0, 8, 16, 24, 32, 40]
    expected = fit_picture(picture(8, size), CameraContract(width=32, height=32))
    off = np.abs(table.pixels[1].astype(int) - expected.astype(int)).max()
    assert off <= (12 if CAMERAS[camera].get('form') == 'jpeg' else 0)


def test_depth_pictures_are_no_colour_pictures_and_it_is_said(build, tmp_path):
    camera = {**CAMERAS['RealSense'], 'size': (120, 160)}
    camera_bag(tmp_path / 'bag', **camera)
    _, audit = build(tmp_path / 'bag', camera=camera['depth'])
    assert "encoding '16UC1' is not supported" in audit.facts[0].dropped
    assert 'accepted: rgb8, bgr8' in audit.facts[0].dropped


@pytest.mark.parametrize('compression', ['zstd', 'lz4', 'none'])
def test_our_own_bags_pass_a_strict_reader_and_come_back_the_same(tmp_path, compression):
    from mcap.reader import make_reader

    from jepa_wm_ros.data.writing.bag_writer import BagWriter
    from jepa_wm_ros.data.writing.encoding import IMAGE, JOINTS, MessageEncoder

    encoder, sent = MessageEncoder(), []
    with BagWriter(tmp_path / 'bag', {'bundle': 'a@b'}, compression=compression) as writer:
        encoder.announce(writer, '/image', IMAGE)
        encoder.announce(writer, '/joint_states', JOINTS)
        for number in range(60):
            stamp_ns = 10**18 + number * 10**8
            sent.append(encoder.picture(stamp_ns, picture(number)))
            writer.write('/image', stamp_ns, sent[-1])
            writer.write('/joint_states', stamp_ns, encoder.joints(stamp_ns, ['a'], [number]))
        writer.close()
    with writer.path.open('rb') as stream:
        summary = make_reader(stream, validate_crcs=True).get_summary()
        list(make_reader(stream, validate_crcs=True).iter_messages())
    assert summary.statistics.message_count == 120
    names = {index.compression for index in summary.chunk_indexes}
    assert names == {'' if compression == 'none' else compression}
    with open_bag(tmp_path / 'bag') as bag:
        assert [message.data for message in bag.messages(['/image'])] == sent
