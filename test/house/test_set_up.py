"""The set-up scripts: what they skip, and what they say when they cannot go on."""

import importlib.util
import os
import re
import shutil
import subprocess

import pytest
from source_tree import ROOT

SCRIPTS = sorted((ROOT / 'scripts').glob('*.sh'))


def run(command, **environment):
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_bash(script):
    assert run(['bash', '-n', script]).stderr == ''


def test_a_python_that_does_not_exist_is_named():
    done = run(['scripts/setup.sh'], PYTHON='/nowhere/python', ROS_DISTRO='')
    assert done.returncode == 1
    assert 'PYTHON=/nowhere/python is not a Python 3.10 to 3.13' in done.stderr


def test_a_ros_that_is_not_really_there_is_named():
    done = run(['scripts/setup.sh'], ROS_DISTRO='imaginary', PYTHON='/bin/false')
    assert done.returncode == 1
    assert 'imaginary' in done.stderr
    assert not (ROOT / '.venv-imaginary').exists()


def test_the_environment_script_says_when_nothing_is_set_up(tmp_path):
    (tmp_path / 'scripts').mkdir()
    (tmp_path / 'scripts/env.sh').write_text((ROOT / 'scripts/env.sh').read_text())
    done = run(['bash', '-c', f'. {tmp_path}/scripts/env.sh'])
    assert done.returncode == 1
    assert "run 'make setup' first" in done.stderr


def test_help_lists_every_target():
    targets = re.search(r'^\.PHONY: (.*)$', (ROOT / 'Makefile').read_text(), re.MULTILINE)[1]
    listed = run(['make', 'help']).stdout
    assert [name for name in targets.split() if f'  {name} ' not in listed] == []


def test_continuous_integration_runs_make_test():
    assert os.access(ROOT / '.ci/run', os.X_OK)
    script = (ROOT / '.ci/run').read_text()
    assert re.findall(r'\bmake .*', script) == ['make -C "$(dirname "$0")/.." test']


class Steps:
    """`scripts/terminal.sh` in a folder of its own, with stamps there."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, script):
        prelude = (
            f'set -euo pipefail; log={self.folder}/log; step_count=2; cd {self.folder}\n'
            'is_done() { [ -n "$2" ] && [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }\n'
            'mark_done() { printf %s "$2" >"$1"; }\n'
            'prepare_for_work() { :; }\n'
            f'. {ROOT}/scripts/terminal.sh\n'
        )
        return run(['bash', '-c', prelude + script])


@pytest.fixture
def steps(tmp_path):
    return Steps(tmp_path)


def test_a_finished_step_is_skipped_until_its_key_changes(steps):
    one = "step 'the step' one stamp sh -c 'echo x >>count'"
    for script in (one, one, one.replace(' one ', ' two ')):
        assert steps.run(script).returncode == 0
    assert (steps.folder / 'count').read_text() == 'x\nx\n'


def test_a_failed_step_shows_its_output_and_is_repeated(steps):
    script = "step 'the step' key stamp sh -c 'echo because >&2; exit 3'"
    for _ in range(2):
        done = steps.run(script)
        assert done.returncode == 1
        assert '[1/2] the step' in done.stdout
        assert 'because' in done.stderr
        assert 'it continues with this step' in done.stderr


def test_a_step_stops_at_its_first_command_that_fails(steps):
    done = steps.run("work() { false; touch late; }\nstep 'the step' key stamp work")
    assert done.returncode == 1
    assert not (steps.folder / 'late').exists()


@pytest.mark.parametrize(
    ('output', 'advice'),
    [
        ('OSError: [Errno 28] No space left on device', 'the disk is full'),
        ('Failed to resolve pypi.example', 'no connection to the package server'),
        ('[SSL: CERTIFICATE_VERIFY_FAILED]', 'certificate is not trusted'),
        ("[Errno 13] Permission denied: 'x'", 'not yours to write'),
    ],
)
def test_usual_failures_are_explained(steps, output, advice):
    done = steps.run(f'step title key stamp sh -c "echo \\"{output}\\"; exit 1"')
    assert advice in done.stderr


def test_headers_of_the_build_machine_are_replaced():
    spec = importlib.util.spec_from_file_location('headers', ROOT / 'scripts/wheel_headers.py')
    headers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(headers)
    line = (
        'set(x "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include;${y}")'
    )
    mended = headers.mend(line, '/py', '/np')
    assert mended == 'set(x "/py;/np;${y}")'
    assert headers.mend(mended, '/py', '/np') == mended


def browser_script(folder, *, user='0', **environment):
    """Run the script in a copy of the house, on a system with a pretended apt and no browser."""
    (folder / 'scripts').mkdir(parents=True, exist_ok=True)
    (folder / '.venv/.setup').mkdir(parents=True, exist_ok=True)
    (folder / 'bin').mkdir(exist_ok=True)
    script = folder / 'scripts/test_browser.sh'
    script.write_text((ROOT / 'scripts/test_browser.sh').read_text())
    for tool in ('bash', 'dirname', 'timeout'):
        if not (folder / 'bin' / tool).exists():
            (folder / 'bin' / tool).symlink_to(shutil.which(tool))
    for name, words in {'id': f'echo {user}', 'apt-get': f'echo "$@" >> {folder}/asked'}.items():
        (folder / 'bin' / name).write_text(f'#!/bin/bash\n{words}\n')
        (folder / 'bin' / name).chmod(0o755)
    clean = {'ROS_DISTRO': '', 'JEPA_WM_BROWSER': '', 'PATH': str(folder / 'bin')}
    done = run(['/bin/bash', script], **clean | environment)
    assert done.returncode == 0, done.stderr
    asked = folder / 'asked'
    return asked.read_text() if asked.exists() else ''


def test_a_browser_for_the_tests_is_installed_once_by_root(tmp_path):
    asked = browser_script(tmp_path)
    assert asked.splitlines()[-1] == 'install -y --no-install-recommends chromium'
    assert browser_script(tmp_path) == asked


def test_nobody_else_installs_a_browser_and_it_can_be_refused(tmp_path):
    assert browser_script(tmp_path / 'user', user='1000') == ''
    assert browser_script(tmp_path / 'refused', JEPA_WM_BROWSER='none') == ''
