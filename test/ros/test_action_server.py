from jepa_wm_msgs.action import ReachGoal
from rclpy.action import ActionClient, GoalResponse

from jepa_wm_ros.ros.action_server import PromptActionServer


def test_goals_keep_their_ids_which_are_written_in_short(graph):
    accepted, executed = [], []

    def execute(goal):
        executed.append(goal.goal_id.uuid.tobytes())
        goal.succeed()
        return ReachGoal.Result(steps=3)

    def accept(goal):
        accepted.append(goal)
        goal.execute()

    PromptActionServer(
        graph.node('server'), ReachGoal, 'go', execute, handle_accepted_callback=accept
    )
    client = ActionClient(graph.node('client'), ReachGoal, 'go')
    graph.spin_until(client.server_is_ready)
    handle = graph.result_of(client.send_goal_async(ReachGoal.Goal(max_steps=[7])))
    result = graph.result_of(handle.get_result_async())
    assert result.result.steps == 3
    uuid = handle.goal_id.uuid.tobytes()
    assert executed == [uuid]
    assert bytes(accepted[0].goal_id.uuid) == uuid
    assert f'{accepted[0].goal_id.uuid}' == uuid.hex()
    assert list(accepted[0].request.max_steps) == [7]


def test_a_goal_that_is_not_accepted_after_all_is_told_as_lost(graph):
    lost = []
    PromptActionServer(
        graph.node('server'),
        ReachGoal,
        'go',
        lambda _: None,
        goal_callback=lambda _: GoalResponse.REJECT,
        lost_callback=lambda: lost.append(True),
    )
    client = ActionClient(graph.node('client'), ReachGoal, 'go')
    graph.spin_until(client.server_is_ready)
    assert not graph.result_of(client.send_goal_async(ReachGoal.Goal())).accepted
    assert lost
