"""Package of jepa_wm_ros: for pip and, as an ament_python package, for colcon."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'jepa_wm_ros'
NODES = (
    'encoder',
    'planner',
    'policy',
    'action_publisher',
    'sim',
    'driver_emulator',
    'visualizer',
)
SHARED = ('config', 'launch', 'models', 'rviz', 'urdf')
"""Folders that are installed as they are into `share/jepa_wm_ros`."""


def shared_files() -> list[tuple[str, list[str]]]:
    """Pair every folder below `share` with the files that go into it."""
    folders: dict[str, list[str]] = {}
    for name in SHARED:
        for path in sorted(Path(name).rglob('*')):
            if path.is_file() and '__pycache__' not in path.parts:
                folders.setdefault(f'share/{PACKAGE}/{path.parent}', []).append(str(path))
    return list(folders.items())


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Plan with a JEPA world model and move a Franka arm to what a goal picture shows',
    author='jepa_wm_ros developers',
    author_email='dev@jepa-wm-ros.org',
    maintainer='jepa_wm_ros developers',
    maintainer_email='dev@jepa-wm-ros.org',
    license='Apache-2.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        *shared_files(),
    ],
    python_requires='>=3.10',
    # Ranges; scripts/requirements has the versions that were tested together. PyTorch is left to
    # the user's choice of CPU or CUDA where a range would pull gigabytes: the extra `torch`.
    install_requires=[
        'numpy>=1.22',
        'opencv-python-headless>=4.5',
        'PyYAML>=5.4',
        'rich>=10',
        'safetensors>=0.4',
        'transforms3d>=0.4.2',
    ],
    extras_require={
        'torch': ['torch>=2.2'],
        'robot': ['pin>=2.7'],
        'sim': ['mujoco>=3.2', 'pin>=2.7'],
        'training': ['h5py>=3.6', 'torch>=2.2'],
        # mcap writes bags that survive a killed recorder, which rosbags does not; `Writer.flush`,
        # which that takes, came with 1.5
        'data': ['h5py>=3.6', 'mcap>=1.5', 'pin>=2.7', 'rosbags>=0.10'],
        # 50 MB that only LeRobot's parquet tables need
        'lerobot': ['pyarrow>=15'],
        # `jepa-wm train --tensorboard`
        'tensorboard': ['tensorboard>=2.14'],
        'nevergrad': ['nevergrad>=1.0.3'],
        'download': ['huggingface_hub>=0.23'],
        # `jepa-wm view`; websockets also drives the browser that takes its screenshot
        'view': ['trimesh>=3.21', 'viser>=1.1', 'websockets>=15'],
        'evaluation': ['matplotlib>=3.5', 'pillow>=9'],
        'test': ['hypothesis', 'mypy', 'pytest', 'pytest-timeout', 'ruff'],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            f'jepa-wm = {PACKAGE}.cli.main:main',
            *(f'{node} = {PACKAGE}.nodes.{node}:main' for node in NODES),
        ],
        'ros2doctor.checks': [f'JepaWmCheck = {PACKAGE}.cli.ros2_doctor:JepaWmCheck'],
        'ros2doctor.report': [f'JepaWmReport = {PACKAGE}.cli.ros2_doctor:JepaWmReport'],
    },
)
