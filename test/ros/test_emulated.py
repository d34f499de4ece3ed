"""Emulated drivers stand where the real ones would, and nothing else changes."""

import pytest
import yaml

from jepa_wm_ros.nodes.action_publisher_config import ActionPublisherConfig
from jepa_wm_ros.nodes.driver_emulator import DriverEmulatorConfig
from jepa_wm_ros.nodes.encoder import EncoderConfig
from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.bringup import DISCOVERY, BringupError
from jepa_wm_ros.ros.drivers import ARMS, GRIPPERS
from jepa_wm_ros.ros.params import parameters_of
from jepa_wm_ros.ros.systems import SYSTEMS

EMULATED = [name for name, arm in ARMS.items() if arm.emulator]
KNOWN = {
    name
    for config in (ActionPublisherConfig, EncoderConfig, DriverEmulatorConfig)
    for name in parameters_of(config)
}


def processes(system='emulated', **given):
    return {process.name: process for process in SYSTEMS[system].processes(given)}


@pytest.mark.parametrize('driver', EMULATED)
def test_the_nodes_are_those_of_a_real_arm(driver):
    lab = processes('franka', driver=driver, dry_run='false')
    here = processes(driver=driver, camera='realsense')
    assert list(here) == ['driver_emulator', *lab]
    for name, process in lab.items():
        assert here[name].parameter_files == process.parameter_files
        assert here[name].remappings == process.remappings
    assert here['action_publisher'].parameters['backend'] == ARMS[driver].backend


@pytest.mark.parametrize('driver', EMULATED)
def test_the_emulator_is_stopped_last_and_heard_on_this_machine_only(driver):
    here = processes(driver=driver)
    assert here['driver_emulator'].device
    assert all(p.environment[DISCOVERY] == 'LOCALHOST' for p in here.values())


@pytest.mark.parametrize('gripper', GRIPPERS)
def test_every_gripper_has_an_emulator(gripper):
    hand = processes(gripper=gripper)['driver_emulator'].parameters['hand']
    assert hand in parameters_of(DriverEmulatorConfig)['hand'].choices


def test_there_is_no_emulator_of_nothing():
    with pytest.raises(BringupError, match='driver:=none is not possible'):
        processes(driver='none')


@pytest.mark.parametrize('driver', EMULATED)
def test_files_of_drivers_set_parameters_that_exist(driver):
    for name in ARMS[driver].parameter_files:
        values = yaml.safe_load(share('config', name).read_text())['/**']['ros__parameters']
        assert set(values) <= KNOWN
        ActionPublisherConfig(
            **{n: tuple(v) if isinstance(v, list) else v
               for n, v in values.items() if n in parameters_of(ActionPublisherConfig)}
        )  # fmt: skip


@pytest.mark.parametrize('gripper', GRIPPERS)
def test_rows_of_grippers_set_parameters_that_exist(gripper):
    assert set(GRIPPERS[gripper]) <= KNOWN
