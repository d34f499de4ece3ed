"""`jepa-wm view`: a running graph in a web browser, with buttons."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_wm_ros.errors import JepaWmError

if TYPE_CHECKING:
    import argparse

    from jepa_wm_ros.ros.operating import Operator
    from jepa_wm_ros.viz.cell_view import CellView
    from jepa_wm_ros.viz.web.gate import Gate
    from jepa_wm_ros.viz.web.page import Page

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

PORT = 8080
RATE_HZ = 5.0
TOKEN_VARIABLE = 'JEPA_WM_VIEW_TOKEN'
_TOKEN = re.compile(r'[A-Za-z0-9._~-]+')
_WAIT_S = 0.2
_OPEN_S = 120.0
_SIZE = 1280, 900
_DISMISS = """document.querySelectorAll('[class*="Notification-closeButton"]')
.forEach(button => button.click())"""


class TokenError(JepaWmError):
    """A word that cannot be a token."""

    exit_code = 2


def add_parser(subparsers: Subparsers) -> None:
    """Add the sub-command's arguments."""
    parser = subparsers.add_parser(
        'view',
        help='see a running graph in a web browser, and push its buttons',
        description='Serves a page with the robot, plans, boxes, pictures, plots, and buttons to '
        'capture a goal, go there, pause, stop, arm and disarm. From another computer: ssh -L '
        '8080:localhost:8080 ROBOT, then open http://localhost:8080.',
    )
    parser.add_argument(
        '--host', default='localhost', help='address to serve (default: localhost)'
    )
    parser.add_argument('--port', type=int, default=PORT, help=f'(default: {PORT}; 0: a free one)')
    parser.add_argument(
        '--token',
        help='what visitors must know; needed for, and made up for, any other address than '
        f'localhost (default: that of {TOKEN_VARIABLE})',
    )
    parser.add_argument('--namespace', default='', help="of the graph's nodes")
    parser.add_argument('--base-frame', help='frame of all poses (default: panda_link0)')
    parser.add_argument('--urdf', type=Path, help='robot to draw (default: that of this package)')
    parser.add_argument(
        '--rate', type=float, default=RATE_HZ, help=f'looks per second (default: {RATE_HZ:g})'
    )
    parser.add_argument(
        '--screenshot',
        type=Path,
        metavar='FILE',
        help='write a PNG of the page, taken by a headless Chromium, and end',
    )
    parser.add_argument(
        '--after', type=float, default=10.0, help='seconds before that (default: 10)'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or until its picture has been taken."""
    from rich.console import Console

    from jepa_wm_ros.ros.operating import Operator
    from jepa_wm_ros.viz.web.access import addresses

    token = _token(args)
    with Operator(namespace=args.namespace) as operator:
        page, gate = serve(args, operator, token)
        address, *others = addresses(args.host, gate.port, token, socket.gethostname())
        elsewhere = f', or from another computer {others[0]}' if others else ''
        Console().print(
            f'open {address}{elsewhere}   (Ctrl-C ends)',
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
        try:
            if args.screenshot is not None:
                _take_screenshot(address, args.screenshot, args.after)
                Console().print(f'  {args.screenshot}', soft_wrap=True, highlight=False)
                return 0
            while True:
                time.sleep(_WAIT_S)
        finally:
            gate.close()
            page.close()


def serve(args: argparse.Namespace, operator: Operator, token: str) -> tuple[Page, Gate]:
    """Bring the page up.

    Raises:
        DescriptionError: The robot's description cannot be read.
        GateError: The address is taken or not ours.
    """
    from jepa_wm_ros.ros.operating import Buttons, Watching
    from jepa_wm_ros.viz.web.access import Access
    from jepa_wm_ros.viz.web.gate import Gate
    from jepa_wm_ros.viz.web.page import Page
    from jepa_wm_ros.viz.web.panel import PICTURES

    view = _view(args)
    page = Page(view, Buttons(operator))
    gate = Gate(Access(token=token), args.host, args.port, page.port)
    gate.open()
    Watching(
        operator,
        view,
        rate_hz=args.rate,
        topics=PICTURES,
        take_picture=page.take_picture,
        watched=lambda: page.watched,
        update=page.update,
    )
    return page, gate


def _token(args: argparse.Namespace) -> str:
    """Return the token that visitors must know; empty for this computer alone.

    Raises:
        TokenError: It does not survive in an address or a cookie.
    """
    from jepa_wm_ros.viz.web.access import LOCAL_HOSTS

    given = args.token or os.environ.get(TOKEN_VARIABLE, '')
    if given and not _TOKEN.fullmatch(given):
        raise TokenError(
            'a token must have letters (a to z), digits and . _ ~ - only, or browsers change it '
            f'in addresses and cookies; give another --token or {TOKEN_VARIABLE}'
        )
    if given or args.host.strip('[]') in LOCAL_HOSTS:
        return given
    return secrets.token_urlsafe(16)


def _view(args: argparse.Namespace) -> CellView:
    from jepa_wm_ros.robot.description import BASE_FRAME, robot_description
    from jepa_wm_ros.robot.link_tree import parse_link_tree
    from jepa_wm_ros.viz.cell_view import CellView

    tree = parse_link_tree(robot_description(args.urdf), str(args.urdf or 'the description'))
    return CellView(tree=tree, base_frame=args.base_frame or BASE_FRAME)


def _take_screenshot(address: str, file: Path, after_s: float) -> None:
    """Look at the page for a while, then write its picture.

    Raises:
        BrowserError: There is no browser, or the page does not open in it.
    """
    from jepa_wm_ros.viz.web.browser import Browser

    with Browser(*_SIZE) as browser:
        browser.open(address)
        browser.wait_for_text('Capture goal', _OPEN_S)
        time.sleep(after_s)
        browser.evaluate(_DISMISS)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(browser.screenshot())
