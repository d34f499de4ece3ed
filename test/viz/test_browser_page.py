"""The page in a real browser: it opens, the arm moves, the buttons act, strangers stay outside."""

import time

import cv2
import numpy as np
import pytest

from jepa_wm_ros.robot.description import ARM_JOINTS, BASE_FRAME, READY_POSTURE, robot_description
from jepa_wm_ros.robot.link_tree import parse_link_tree
from jepa_wm_ros.viz.cell_view import CellView, Safety
from jepa_wm_ros.viz.web.access import Access
from jepa_wm_ros.viz.web.browser import BROWSERS, VARIABLE, Browser, BrowserError, find_browser
from jepa_wm_ros.viz.web.gate import Gate
from jepa_wm_ros.viz.web.page import Page

PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(600)  # the machine may be busy, and draws by itself
needs_browser = pytest.mark.skipif(
    find_browser() is None,
    reason=f'no browser: sudo apt install chromium (one of {", ".join(BROWSERS)}, or {VARIABLE})',
)
TOKEN = 'open-sesame'
DISMISS = """document.querySelectorAll('[class*="Notification-closeButton"]')
.forEach(button => button.click())"""


class Robot:
    """Does what it is told, and notes it."""

    def __init__(self):
        self.did = []

    def __getattr__(self, name):
        def do(*args, **kwargs):
            self.did.append((name, *args, *kwargs.values()))
            return f'done: {name}'

        return do


class Site:
    """A page behind two gates, one of them with a token."""

    def __init__(self):
        self.view = CellView(tree=parse_link_tree(robot_description()), base_frame=BASE_FRAME)
        self.robot = Robot()
        self.page = Page(self.view, self.robot)
        self.gates = [
            Gate(Access(token=token), '127.0.0.1', 0, self.page.port) for token in ('', TOKEN)
        ]
        for gate in self.gates:
            gate.open()
        self.stamp_s = 0.0
        self.move(READY_POSTURE)

    @property
    def addresses(self):
        return [f'http://127.0.0.1:{gate.port}/' for gate in self.gates]

    def move(self, joints):
        self.stamp_s += 1.0
        self.view.take_joints(self.stamp_s, ARM_JOINTS, joints)
        self.page.update(int(self.stamp_s))

    def close(self):
        for gate in self.gates:
            gate.close()
        self.page.close()


@pytest.fixture(scope='module')
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope='module')
def browser():
    # small: the scene is drawn without a graphics card, and what is tested are not its details
    with Browser(860, 400) as browser:
        yield browser


@pytest.fixture(scope='module')
def opened(site, browser):
    browser.open(site.addresses[0])
    browser.wait_for_text('Capture goal', PATIENCE_S)
    browser.evaluate(DISMISS)
    return browser


def scene(browser):
    """The part of the page where the arm is, `(H, W, 3)`."""
    picture = cv2.imdecode(np.frombuffer(browser.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return picture[:, :420].astype(int)


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@needs_browser
def test_the_buttons_act(site, opened):
    for label, did in (
        ('Capture goal', ('capture',)),
        ('Go to goal', ('send',)),
        ('Pause', ('pause', True)),
        ('Resume', ('pause', False)),
        ('Arm', ('arm', True)),
        ('Disarm', ('arm', False)),
        ('Reset fault', ('reset_fault',)),
        ('Home', ('home',)),
        ('STOP', ('stop',)),
    ):
        opened.click(label)
        wait_until(lambda did=did: did in site.robot.did)
    opened.wait_for_text('done: stop', PATIENCE_S)
    assert site.page.watched


@needs_browser
def test_the_arm_is_drawn_and_moves(site, opened):
    site.move(READY_POSTURE)
    wait_until(lambda: scene(opened).std() > 5)
    before = scene(opened)
    site.move(READY_POSTURE + np.array([1.2, 0, 0, 0.5, 0, 0, 0]))
    wait_until(lambda: (np.abs(scene(opened) - before).max(-1) > 60).mean() > 0.005)


@needs_browser
def test_the_state_of_the_supervisor_is_told(site, opened):
    site.view.safety = Safety(state=3, message='the camera is frozen')
    site.page.update(-1)
    opened.wait_for_text('the camera is frozen', PATIENCE_S)
    opened.wait_for_text('FAULT', PATIENCE_S)


@needs_browser
def test_with_a_token_only_who_knows_it_gets_in(site, browser, opened):
    address = site.addresses[1]
    browser.open(address)
    browser.wait_for_text('the token is missing or wrong', PATIENCE_S)
    browser.open(f'{address}?token={TOKEN}')
    browser.wait_for_text('Capture goal', PATIENCE_S)  # its WebSocket got through, too
    assert TOKEN not in browser.evaluate('location.href')


def test_a_machine_without_browser_says_what_to_install(monkeypatch):
    monkeypatch.setenv(VARIABLE, '/no/such/browser')
    with pytest.raises(BrowserError, match='sudo apt install chromium'):
        Browser()
