"""The cell as a MuJoCo model: the robot description plus everything that a URDF cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_wm_ros.paths import share
from jepa_wm_ros.robot.description import (
    ARM_JOINTS,
    CAMERA_FRAME,
    GRIPPER_JOINT,
    robot_description,
)
from jepa_wm_ros.robot.limits import FER
from jepa_wm_ros.sim import textures
from jepa_wm_ros.sim.appearance import NOMINAL
from jepa_wm_ros.sim.backend import import_mujoco
from jepa_wm_ros.sim.camera import CameraSettings

if TYPE_CHECKING:
    import mujoco

CAMERA = 'exterior_camera'
LIGHT = 'key_light'
SURFACES = ('table', 'floor', 'wall')
"""Names of the surfaces that an appearance changes, equal to the fields of `Appearance`."""
PHYSICS_STEP_S = 0.004
HIDDEN_GROUP = 3
"""Group of the geometry that the camera does not show, such as collision shapes."""

STIFFNESS = np.array([6000.0, 6000.0, 5000.0, 5000.0, 2500.0, 2500.0, 2000.0])
"""Position gain of the arm's servos (7,) [Nm/rad]."""
DAMPING = np.array([300.0, 300.0, 220.0, 220.0, 60.0, 60.0, 45.0])
"""Velocity gain of the arm's servos (7,) [Nm s/rad]."""

_MESH_PREFIX = 'package://jepa_wm_ros/urdf/meshes/'
_ARM_ARMATURE, _GRIPPER_ARMATURE = 0.1, 0.002
_TABLE_LAYER, _ARM_LAYER = 1, 2
_FLOOR_HEIGHT_M = -0.72
_COLOUR_OF_MATERIAL = (0.5, 0.5, 0.5, 1.0)


def surface_material(surface: str, texture: str) -> str:
    """Return the name of the material that shows a texture on a surface."""
    return f'{surface}/{texture}'


def build_model(camera: CameraSettings) -> mujoco.MjModel:
    """Compile the cell.

    Raises:
        RendererError: MuJoCo cannot be imported with a working renderer.
        DescriptionError: the robot description is missing.
    """
    mujoco = import_mujoco()
    spec = mujoco.MjSpec.from_string(_importable(robot_description()))
    spec.modelname = 'droid_cell'
    spec.option.timestep = PHYSICS_STEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # There is one arm: looking for independent groups of constraints is in vain.
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND.value
    _add_servos(mujoco, spec)
    _add_armatures(spec)
    _choose_contacts(mujoco, spec)
    _add_materials(mujoco, spec)
    _add_room(mujoco, spec)
    _add_camera_and_light(mujoco, spec, camera)
    return spec.compile()


def _importable(urdf: str) -> str:
    """Return the description with MuJoCo's import options and plain mesh paths."""
    meshes = share('urdf', 'meshes')
    options = (
        '<mujoco><compiler discardvisual="false" fusestatic="false" strippath="false" '
        f'meshdir="{meshes}"/></mujoco>'
    )
    head, tail = urdf.replace(_MESH_PREFIX, '').split('<robot name="droid_cell">', maxsplit=1)
    return f'{head}<robot name="droid_cell">{options}{tail}'


def _add_servos(mujoco: Any, spec: Any) -> None:
    """Add a position servo to each arm joint and to the gripper, and compensate gravity."""
    # Every body's weight would be compensated exactly; to have none is the same, and cheaper.
    spec.option.gravity = (0.0, 0.0, 0.0)
    gains = zip(ARM_JOINTS, STIFFNESS, DAMPING, FER.effort, strict=True)
    for name, stiffness, damping, effort in [*gains, (GRIPPER_JOINT, 20.0, 1.0, 8.0)]:
        servo = spec.add_actuator(name=name, target=name)
        servo.trntype = mujoco.mjtTrn.mjTRN_JOINT
        servo.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        servo.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        servo.gainprm[0] = stiffness
        servo.biasprm[1:3] = (-stiffness, -damping)
        servo.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        servo.forcerange = (-effort, effort)


def _add_armatures(spec: Any) -> None:
    """Give motors their inertia; the light bars of the gripper also need some to be stable."""
    for joint in spec.joints:
        joint.armature = _ARM_ARMATURE if joint.name in ARM_JOINTS else _GRIPPER_ARMATURE


def _choose_contacts(mujoco: Any, spec: Any) -> None:
    """Let only the arm and the table touch: the arm does not collide with itself."""
    for geom in spec.geoms:
        if geom.contype == 0:
            continue
        on_table = geom.parent.name == 'table'
        geom.contype, geom.conaffinity = (
            (_TABLE_LAYER, _ARM_LAYER) if on_table else (_ARM_LAYER, _TABLE_LAYER)
        )
        geom.group = HIDDEN_GROUP
    # The housing behind the lens is only seen by its shadow.
    for geom in spec.body(CAMERA).geoms:
        geom.group = HIDDEN_GROUP
    table = next(geom for geom in spec.body('table').geoms if geom.contype == 0)
    table.name = 'table'


def _add_materials(mujoco: Any, spec: Any) -> None:
    """Add every texture once and a material for each surface and texture."""
    for name in textures.NAMES:
        texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
        texture.width = texture.height = textures.SIZE
        texture.nchannel = 3
        texture.data = textures.texture(name).tobytes()
        for surface in SURFACES:
            material = spec.add_material(name=surface_material(surface, name))
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
            material.texuniform = True
            material.texrepeat = (1.6, 1.6) if surface == 'table' else (0.8, 0.8)
            material.specular = 0.1
    sky = spec.add_texture(name='sky', type=mujoco.mjtTexture.mjTEXTURE_SKYBOX)
    sky.builtin = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
    sky.rgb1, sky.rgb2 = (0.75, 0.80, 0.85), (0.45, 0.50, 0.56)
    sky.width, sky.height = 64, 384


def _add_room(mujoco: Any, spec: Any) -> None:
    """Add the floor, two walls behind the arm and a pedestal under the table."""
    floor = spec.worldbody.add_geom(name='floor', type=mujoco.mjtGeom.mjGEOM_PLANE)
    floor.size, floor.pos = (3.0, 3.0, 3.0), (0.0, 0.0, _FLOOR_HEIGHT_M)
    half = np.sqrt(0.5)
    back = spec.worldbody.add_geom(name='wall', type=mujoco.mjtGeom.mjGEOM_PLANE)
    back.size, back.pos, back.quat = (0.85, 3.0, 3.0), (-1.3, 0.0, 0.13), (half, 0.0, half, 0.0)
    side = spec.worldbody.add_geom(name='wall_side', type=mujoco.mjtGeom.mjGEOM_PLANE)
    side.size, side.pos, side.quat = (3.0, 0.85, 3.0), (0.0, -1.5, 0.13), (half, -half, 0.0, 0.0)
    pedestal = spec.worldbody.add_geom(name='pedestal', type=mujoco.mjtGeom.mjGEOM_BOX)
    pedestal.size, pedestal.pos = (0.5, 0.6, 0.335), (0.34, 0.0, -0.385)
    pedestal.rgba = (0.30, 0.31, 0.33, 1.0)
    for geom in (floor, back, side, pedestal):
        geom.contype = geom.conaffinity = 0
    for surface, geom in (('floor', floor), ('wall', back), ('wall', side)):
        geom.material = surface_material(surface, getattr(NOMINAL, surface).texture)
    table = next(geom for geom in spec.geoms if geom.name == 'table')
    table.material = surface_material('table', NOMINAL.table.texture)
    table.rgba = _COLOUR_OF_MATERIAL


def _add_camera_and_light(mujoco: Any, spec: Any, camera: CameraSettings) -> None:
    """Add the camera at the description's optical frame and one directional light."""
    eye = spec.body(CAMERA_FRAME).add_camera(name=CAMERA)
    # MuJoCo's cameras look along -z with y up, optical frames along z with y down.
    eye.quat = (0.0, 1.0, 0.0, 0.0)
    eye.fovy = camera.vertical_fov_deg
    light = spec.worldbody.add_light(name=LIGHT)
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    light.specular = (0.2, 0.2, 0.2)
    head = spec.visual.headlight
    head.diffuse, head.specular = (0.18, 0.18, 0.18), (0.05, 0.05, 0.05)
    quality = spec.visual.quality
    quality.offsamples, quality.shadowsize = 0, 512
    # Flat faces need no subdivision; this halves the time that a picture takes.
    quality.numquads, quality.numstacks, quality.numslices = 1, 1, 24
    # The shadow map spans this extent: the table and the arm, not the whole room.
    spec.stat.extent, spec.stat.center = 1.3, (0.4, 0.0, 0.3)
    spec.visual.map.znear, spec.visual.map.zfar = 0.04, 10.0
    spec.visual.global_.offwidth, spec.visual.global_.offheight = camera.width, camera.height
