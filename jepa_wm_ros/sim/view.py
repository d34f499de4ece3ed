"""The view through the exterior camera: renders the cell with an appearance.

What stands still is drawn once for each appearance and kept with its depth; a picture then takes
drawing the arm alone and looking, pixel by pixel, which of the two is in front. The pixels are the
same as if everything were drawn, in a third of the time. The arm's shadow would fall on what
stands still, so with shadows everything is drawn each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jepa_wm_ros.robot.poses import rotation_from_vector
from jepa_wm_ros.sim.appearance import Appearance
from jepa_wm_ros.sim.backend import import_mujoco, open_context
from jepa_wm_ros.sim.camera import CameraSettings, Picture, Sensor
from jepa_wm_ros.sim.scene import CAMERA, HIDDEN_GROUP, LIGHT, SURFACES, surface_material

if TYPE_CHECKING:
    import mujoco

    Depth = NDArray[np.float32]

OBJECTS = ('background', 'table', 'arm', 'gripper')
"""What a mask tells apart; the place in this list is the number in the mask."""
GRIPPER_BODY, ARM_BODY = 'gripper_base', 'panda_link0'
"""Bodies whose descendants are the gripper and, apart from those, the arm."""
_LIGHT_DISTANCE_M = 1.6
_SURFACE_GEOMS = {'table': ('table',), 'floor': ('floor',), 'wall': ('wall', 'wall_side')}


class _Part(NamedTuple):
    """A category of geometry and the scene that it is drawn from."""

    category: int
    scene: mujoco.MjvScene


class View:
    """Render pictures of a model's state; owns the OpenGL context."""

    def __init__(self, model: mujoco.MjModel, camera: CameraSettings, seed: int) -> None:
        """Open the renderer.

        Raises:
            RendererError: the OpenGL context cannot be made.
        """
        self._mujoco = import_mujoco()
        self._model = model
        self._camera = model.camera(CAMERA).id
        self._light = model.light(LIGHT).id
        self._eye = (model.cam_pos[self._camera].copy(), model.cam_quat[self._camera].copy())
        self._sensor = Sensor(camera, seed)
        self._context = open_context(camera.width, camera.height)
        scale = self._mujoco.mjtFontScale.mjFONTSCALE_100
        self._target = self._mujoco.MjrContext(model, scale.value)
        # Depths as the buffer holds them, 0 far away: made for comparison, nothing is rounded.
        self._target.readDepthMap = self._mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value
        self._mujoco.mjr_setBuffer(self._mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._target)
        self._frame = self._mujoco.MjrRect(0, 0, camera.width, camera.height)
        self._pixels = np.empty((camera.height, camera.width, 3), dtype=np.uint8)
        self._depth = np.empty((camera.height, camera.width), dtype=np.float32)
        parts = self._mujoco.mjtCatBit
        self._everything = self._scene(parts.mjCAT_ALL.value)
        self._still = self._scene(parts.mjCAT_STATIC.value)
        self._moving = self._scene(parts.mjCAT_DYNAMIC.value)
        self._moving.scene.flags[self._mujoco.mjtRndFlag.mjRND_SKYBOX.value] = 0
        self._shadows = False
        self._backdrop: tuple[Picture, Depth] | None = None
        self._eye_choice = self._mujoco.MjvCamera()
        self._eye_choice.type = self._mujoco.mjtCamera.mjCAMERA_FIXED
        self._eye_choice.fixedcamid = self._camera
        self._options = self._mujoco.MjvOption()
        self._options.geomgroup[HIDDEN_GROUP] = 0

    def show(self, appearance: Appearance) -> None:
        """Make the next pictures look like an appearance; takes well under a millisecond."""
        model = self._model
        for surface in SURFACES:
            look = getattr(appearance, surface)
            material = model.material(surface_material(surface, look.texture)).id
            model.mat_rgba[material, :3] = look.colour
            for name in _SURFACE_GEOMS[surface]:
                model.geom_matid[model.geom(name).id] = material
        direction = np.array(appearance.light_direction)
        direction /= np.linalg.norm(direction)
        model.light_dir[self._light] = direction
        # A directional light has no place, but the map of its shadows is drawn from this one.
        model.light_pos[self._light] = model.stat.center - _LIGHT_DISTANCE_M * direction
        model.light_diffuse[self._light] = appearance.light_intensity * np.array(
            appearance.light_colour
        )
        model.light_castshadow[self._light] = self._shadows = appearance.shadows
        self._backdrop = None
        model.vis.headlight.ambient[:] = appearance.ambient
        self._move_camera(appearance)
        self._sensor.configure(appearance.exposure, appearance.gamma, appearance.noise)

    def reseed(self, seed: int) -> None:
        """Start the sensor's noise sequence that belongs to a seed."""
        self._sensor.reseed(seed)

    def picture(self, data: mujoco.MjData) -> Picture:
        """Render a state whose kinematics are up to date; (H, W, 3) RGB."""
        self._context.make_current()
        if self._shadows:
            self._draw(self._everything, data)
            picture = self._pixels
        else:
            picture = self._layered(data)
        # OpenGL starts at the bottom row.
        return self._sensor.expose(picture[::-1].copy())

    def objects(self, data: mujoco.MjData) -> Picture:
        """Return which object each pixel shows, `(H, W)` uint8: numbers in `OBJECTS`.

        Args:
            data: A state whose kinematics are up to date.
        """
        self._context.make_current()
        flags = self._mujoco.mjtRndFlag
        scene = self._everything.scene
        wanted = (flags.mjRND_SEGMENT.value, flags.mjRND_IDCOLOR.value)
        scene.flags[list(wanted)] = 1
        try:
            self._draw(self._everything, data)
        finally:
            scene.flags[list(wanted)] = 0
        # Colours are the numbers of what was drawn, plus 1, the lowest byte first.
        drawn = self._pixels.astype(np.int64) @ (1, 1 << 8, 1 << 16)
        kinds = np.zeros(scene.ngeom + 1, np.uint8)
        for geom in scene.geoms[: scene.ngeom]:
            if geom.objtype == self._mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                kinds[geom.segid + 1] = self._kind(geom.objid)
        return kinds[np.minimum(drawn, scene.ngeom)][::-1].copy()

    def close(self) -> None:
        """Free the OpenGL context."""
        self._context.make_current()
        self._target.free()
        self._context.free()

    def _kind(self, geom: int) -> int:
        """Return the number in `OBJECTS` of a geom of the model."""
        body = self._model.body(self._model.geom_bodyid[geom])
        if body.name == 'table':
            return OBJECTS.index('table')
        while body.id:
            if body.name == GRIPPER_BODY:
                return OBJECTS.index('gripper')
            if body.name == ARM_BODY:
                return OBJECTS.index('arm')
            body = self._model.body(body.parentid[0])
        return OBJECTS.index('background')

    def _scene(self, category: int) -> _Part:
        """Return an empty scene for the geometry of a category."""
        return _Part(category, self._mujoco.MjvScene(self._model, maxgeom=self._model.ngeom + 8))

    def _layered(self, data: mujoco.MjData) -> Picture:
        """Return the moving geometry in front of the backdrop, bottom row first."""
        if self._backdrop is None:
            self._draw(self._still, data, self._depth)
            self._backdrop = self._pixels.copy(), self._depth.copy()
        self._draw(self._moving, data, self._depth)
        pixels, depth = self._backdrop
        picture = pixels.copy()
        np.copyto(_whole(picture), _whole(self._pixels), where=self._depth >= depth)
        return picture

    def _draw(self, part: _Part, data: mujoco.MjData, depth: Depth | None = None) -> None:
        """Draw a part of the geometry into the buffers of this view."""
        self._mujoco.mjv_updateScene(
            self._model, data, self._options, None, self._eye_choice, part.category, part.scene
        )
        self._mujoco.mjr_render(self._frame, part.scene, self._target)
        self._mujoco.mjr_readPixels(self._pixels, depth, self._frame, self._target)

    def _move_camera(self, appearance: Appearance) -> None:
        """Displace the camera; the model's camera axes are right, up, backward."""
        mirror = np.array([1.0, -1.0, -1.0])
        position, quaternion = self._eye
        # Offsets are along the optical axes, which are the axes of the camera's body.
        self._model.cam_pos[self._camera] = position + appearance.camera_offset_m
        turn, result = np.zeros(4), np.zeros(4)
        rotation = rotation_from_vector(mirror * appearance.camera_rotation_rad)
        self._mujoco.mju_mat2Quat(turn, rotation.ravel())
        self._mujoco.mju_mulQuat(result, quaternion, turn)
        self._model.cam_quat[self._camera] = result


def _whole(picture: Picture) -> NDArray[np.void]:
    """View a picture (H, W, 3) as (H, W) indivisible pixels, which are copied much faster."""
    return picture.view('V3')[..., 0]
