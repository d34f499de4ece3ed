"""The faults of `jepa-wm bench faults`: all are there, made where they belong, and judged."""

import math

import numpy as np
import pytest
from contracts import small_contract
from jepa_wm_msgs.msg import Latent

from jepa_wm_ros.nodes.emulation.failing_publisher import FailingKinematics
from jepa_wm_ros.nodes.sim import FAULTS
from jepa_wm_ros.robot.description import READY_POSTURE
from jepa_wm_ros.robot.stop_figures import StopFigures
from jepa_wm_ros.ros import qos
from jepa_wm_ros.ros.faults.graphs import (
    BREAKABLE,
    CLOCK,
    DEMO,
    DRIVEN,
    LATENT_HERE,
    RECORDED,
    RELAYED,
)
from jepa_wm_ros.ros.faults.relay import LatentRelay
from jepa_wm_ros.ros.faults.rows import ROWS
from jepa_wm_ros.ros.faults.system import FaultRowError, in_time, run_rows, wanted_rows
from jepa_wm_ros.ros.tensors import decode_array, encode_array
from jepa_wm_ros.worldmodel.bundle import save_bundle
from jepa_wm_ros.worldmodel.families import build

WANTED = (
    'camera stops',
    'camera repeats one picture',
    'joint states stop',
    'pictures 1 s late',
    'joint states 1 s late',
    'NaN in a latent',
    'plan with NaN',
    'NaN in a command',
    'policy killed (-9)',
    'action publisher killed (-9)',
    'network cut between policy and robot',
    'clock jumps back',
    'clock jumps forward',
    'second publisher',
    'joint states of other names',
    'goal picture of a foreign scene',
    'limit of zero (max_plan_age_s)',
    'reflex of the robot',
    'user stop',
    'Ctrl-C of the action publisher',
    'disk full while recording',
    'two cameras on one image topic (another frame)',
    'two cameras on one image topic (the same frame)',
    'a second complete system on the domain',
    'camera drops two of three pictures',
    'life-cycle transitions that are not possible',
    'planner shut down during a goal',
)


def test_every_fault_has_a_row_of_its_own():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert set(WANTED) <= set(names)


def test_no_fault_that_the_simulator_can_make_is_forgotten():
    used = {fault for row in ROWS for fault in _constants(row.act)}
    assert set(FAULTS) - {'none'} <= used


def _constants(act):
    """Values that an act was made with."""
    cells = act.__closure__ or ()
    return [
        value
        for cell in cells
        if isinstance(cell.cell_contents, dict)
        for value in cell.cell_contents.values()
    ]


def by_name(graph, tmp_path):
    return {process.name: process for process in graph.processes({}, tmp_path)}


def test_graphs_have_the_weak_point_that_they_are_for(tmp_path):
    assert set(by_name(DEMO, tmp_path)) == {'sim', 'action_publisher', 'policy'}
    timed = by_name(CLOCK, tmp_path)
    assert timed['sim'].parameters['time_source'] == 'simulation'
    assert timed['action_publisher'].parameters['use_sim_time']
    assert timed['policy'].parameters['use_sim_time']
    relayed = by_name(RELAYED, tmp_path)
    assert relayed['encoder'].remappings == {'latent': LATENT_HERE}
    assert not relayed['planner'].remappings
    assert (
        'jepa_wm_ros.nodes.emulation.failing_publisher'
        in by_name(BREAKABLE, tmp_path)['action_publisher'].command
    )
    assert by_name(RECORDED, tmp_path)['recorder'].optional
    driven = by_name(DRIVEN, tmp_path)['action_publisher']
    assert DRIVEN.command_topic in driven.remappings.values()


FIGURES = {
    'commands': 9,
    'detection_s': 0.1,
    'stop_s': 0.1,
    'largest_step_rad': 0.0,
    'holds': True,
    'interval_s': 0.01,
}


@pytest.mark.parametrize(
    ('change', 'passed'),
    [
        ({}, True),
        ({'detection_s': 0.3}, False),
        ({'stop_s': 0.3}, False),
        ({'detection_s': None}, False),
        ({'stop_s': None}, False),
        ({'stop_s': math.nan}, False),
    ],
)
def test_a_stop_that_comes_late_is_no_stop(change, passed):
    assert in_time(StopFigures(**{**FIGURES, **change}), 0.133) is passed


def test_arithmetic_fails_when_told_to(monkeypatch):
    kinematics = FailingKinematics()
    target = kinematics.forward(READY_POSTURE)
    assert np.isfinite(kinematics.inverse(target, READY_POSTURE).joint_positions).all()
    monkeypatch.setattr(FailingKinematics, 'failed', True)
    solution = kinematics.inverse(target, READY_POSTURE)
    assert solution.converged
    assert np.isnan(solution.joint_positions).all()


def test_relay_passes_latents_on_and_spoils_them(graph):
    node = graph.node('wire')
    relay = LatentRelay(node)
    heard = []
    node.create_subscription(Latent, 'latent', heard.append, qos.latest())
    sender = node.create_publisher(Latent, LATENT_HERE, qos.latest())
    message = Latent(bundle='mine', tokens=encode_array(np.ones((1, 2, 3), np.float32)))

    def pass_on():
        heard.clear()

        def arrived():
            sender.publish(message)
            return heard

        graph.spin_until(arrived)
        assert heard[-1].bundle == 'mine'
        return decode_array(heard[-1].tokens)

    np.testing.assert_array_equal(pass_on(), np.ones((1, 2, 3)))
    relay.spoiled = True
    graph.spin_until(lambda: np.isnan(pass_on()).all())


@pytest.mark.parametrize(
    ('fault', 'words'),
    [
        ('NaN in a command', 'not finite'),
        ('two cameras on one image topic (the same frame)', '/image has '),
    ],
)
def test_faults_in_a_running_graph_stop_the_arm_with_words(tmp_path, fault, words):
    contract = small_contract({'samples': 16, 'elites': 4, 'iterations': 1}, name='untrained')
    bundle = tmp_path / 'untrained'
    model = {'model': str(save_bundle(bundle, build(contract, bundle), contract))}
    results = run_rows(tmp_path / 'logs', {'encoder': model, 'planner': model}, only=[fault])
    (result,) = results
    assert result.state == 'FAULT'
    assert words in result.message
    assert result.figures.holds
    assert result.figures.largest_step_rad < 0.05


@pytest.mark.timeout(300)  # the whole graph starts
def test_real_processes_survive_transitions_that_are_not_possible(tmp_path):
    contract = small_contract({'samples': 16, 'elites': 4, 'iterations': 1}, name='untrained')
    bundle = tmp_path / 'untrained'
    model = {'model': str(save_bundle(bundle, build(contract, bundle), contract))}
    (result,) = run_rows(
        tmp_path / 'logs',
        {'encoder': model, 'planner': model},
        only=['life-cycle transitions that are not possible'],
    )
    assert result.passed, result
    assert result.state == 'ARMED'
    log = (tmp_path / 'logs' / 'policy.log').read_text()
    assert 'possible: deactivate (4), shutdown (7)' in log


def test_rows_are_chosen_by_name_and_a_name_that_is_none_is_told():
    assert [row.name for row in wanted_rows(['cancel'])] == ['cancel']
    assert len(wanted_rows()) == sum(not row.graph.cable for row in ROWS)
    with pytest.raises(FaultRowError, match="no fault 'camera stop'; choose from: camera stops;"):
        wanted_rows(['cancel', 'camera stop'])
