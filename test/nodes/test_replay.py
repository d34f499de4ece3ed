"""A bag played to the real nodes: the plans of `bag eval`, and no fault when it begins anew."""

import numpy as np
import pytest
from cell_bags import played, write_cell_bag
from replay_rig import HAND, ReplayRig
from std_srvs.srv import SetBool

from jepa_wm_ros.evaluation.bags.job import find_jobs
from jepa_wm_ros.evaluation.bags.settings import BagEvalSettings
from jepa_wm_ros.evaluation.bags.team import work
from jepa_wm_ros.nodes.observations import EncodedObservation, ObservationStream
from jepa_wm_ros.paths import share
from jepa_wm_ros.ros.worker import future_for

PLANNING = '{horizon: 3, reduction: last, executed_steps: 1}'


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return write_cell_bag(tmp_path_factory.mktemp('bags') / 'cell', steps=12)


@pytest.fixture
def make_rig(graph):
    rigs = []

    def make(**planner):
        rigs.append(ReplayRig(graph, **planner))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def test_plans_and_latents_of_the_live_nodes_are_those_of_bag_eval(make_rig, bag):
    settings = BagEvalSettings(examples=0, stride=1)
    model = share('models', 'franka_cell_reach')
    (result,) = work(find_jobs([bag], [(model, 'model@0')], settings), settings, 1)
    planned = {record.frame: np.array(record.planned) for record in result.windows}
    rig = make_rig(planning=PLANNING, deadline_s=120.0, max_steps=1, stall_steps=0)
    rig.obey()
    for frame in (2, 5, 8):
        start_s = 0.4 * frame - 0.1
        step = _Step(rig, played(12)[0][frame + 3], 1000.0 + start_s)
        rig.play(bag, step, start_s=start_s, paused=True)
        np.testing.assert_array_equal(rig.plans[-1], planned[frame])
        rig.graph.result_of(rig.graph.result_of(step.sent).cancel_goal_async())
        rig.graph.spin_until(lambda: not rig.planner.busy)


class _Step:
    """Sends a goal while the bag stands still, lets one picture through, and waits for a plan."""

    def __init__(self, rig, goal, start_s):
        self.rig, self.goal, self.start_s = rig, goal, start_s
        self.before = len(rig.shown), len(rig.observed), len(rig.plans)
        self.sent = None

    def __call__(self, player):
        shown, observed, plans = self.before
        if self.sent is None:
            if self.rig.at(self.start_s):
                self.sent = self.rig.send(self.goal)
        elif len(self.rig.plans) > plans:
            player.stop()
        elif len(self.rig.observed) > observed:
            player.pause(True)
        elif len(self.rig.shown) > shown:
            player.pause(False)


def test_nothing_faults_and_all_goes_on_when_a_bag_begins_anew(make_rig, make_publisher, bag):
    patient = {'max_joint_age_s': 2.0, 'max_image_age_s': 4.0, 'hold_floor_s': 3.0}
    publisher = make_publisher(
        use_sim_time=True,
        backend='dry_run',
        **patient,
        **{name: HAND[name] for name in ('gripper_joint', 'gripper')},
    )
    rig = make_rig(observation_timeout_s=10.0, max_steps=3)
    arming = rig.user.create_client(SetBool, 'arm')
    rig.graph.spin_until(arming.service_is_ready)
    goals, answers, results, jumps = [], [], [], []

    def follow(player):
        stamps = [seen.stamp_s for seen in rig.observed]
        jumps[:] = np.flatnonzero(np.diff(stamps) < -1.0).tolist()
        if stamps and not answers:
            answers.append(arming.call_async(SetBool.Request(data=True)))
        if len(jumps) == 1 and not goals and stamps[-1] > 1003.0:
            # near the end of the bag: what it waits for comes after the jump
            goals.append(rig.send(played(12)[0][3]))
        if goals and goals[0].done() and not results:
            results.append(goals[0].result().get_result_async())
        # three times it began anew, and each time pictures were seen (how many is the machine's)
        if len(jumps) >= 3 and results and results[0].done():
            player.stop()

    rig.play(bag, follow, loop=True, rate=1.5)
    assert answers[0].result().success, answers[0].result().message
    assert publisher._arm.supervisor.counters.faults == 0
    assert publisher._arm.supervisor.fault is None
    result = results[0].result().result
    # it looked, planned and asked for motions, whatever came of that
    assert 'no new observation' not in result.message
    assert np.isfinite(result.final_cost)


def test_after_a_reset_of_the_clock_any_observation_is_new(graph):
    node = graph.node('looker')
    eyes, stop = ObservationStream(node), future_for(graph.executor)

    def see(stamp_s):
        empty = dict.fromkeys(('stamp', 'latent', 'pose'))
        eyes.put(
            EncodedObservation(stamp_s=stamp_s, gripper=0, bundle='', encode_time_s=0, **empty)
        )

    see(5.0)
    looking = graph.executor.create_task(eyes.after(5.0, stop, 10.0))
    graph.executor.spin_once(timeout_sec=0.1)
    see(4.9)  # a late one of the same life
    graph.executor.spin_once(timeout_sec=0.1)
    assert not looking.done()
    see(1.0)
    assert graph.result_of(looking).stamp_s == 1.0
