import sys
import time
from types import SimpleNamespace

import pytest

from jepa_wm_ros import __version__
from jepa_wm_ros.cli import main as cli
from jepa_wm_ros.errors import JepaWmError


@pytest.fixture
def command(monkeypatch):
    """Puts a sub-command `fake` in place that does what the test says."""

    def install(run):
        def add_parser(subparsers):
            parser = subparsers.add_parser('fake')
            parser.add_argument('--number', type=int, default=0)
            parser.set_defaults(run=run)

        module = SimpleNamespace(add_parser=add_parser)
        monkeypatch.setitem(sys.modules, 'jepa_wm_ros.cli.fake', module)
        monkeypatch.setitem(cli.COMMANDS, 'fake', 'for tests')

    return install


def raising(error):
    def run(_):
        raise error

    return run


def test_the_exit_code_is_the_command_s(command):
    command(lambda args: args.number)
    assert cli.main(['fake', '--number', '7']) == 7


def test_an_error_for_people_is_one_line_without_a_traceback(command, capsys):
    command(raising(JepaWmError('the goal is black')))
    assert cli.main(['fake']) == 1
    assert capsys.readouterr().err == 'jepa-wm: the goal is black\n'


def test_a_bug_keeps_its_traceback(command):
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(['fake'])


def test_ctrl_c_ends_with_130(command):
    command(raising(KeyboardInterrupt()))
    assert cli.main(['fake']) == 130


def test_a_package_that_is_not_installed_is_named(command, capsys):
    command(raising(ModuleNotFoundError("No module named 'torch.nn'", name='torch.nn')))
    assert cli.main(['fake']) == 1
    assert "'torch'" in capsys.readouterr().err


def test_a_package_that_hides_another_is_told_where_it_is(command, capsys):
    command(raising(ModuleNotFoundError("No module named 'json.ros'", name='json.ros')))
    assert cli.main(['fake']) == 1
    assert 'json/__init__.py without json.ros' in capsys.readouterr().err


def test_a_package_that_cannot_be_imported_is_one_line(command, capsys):
    command(raising(ImportError('libfoo.so:\nno such file')))
    assert cli.main(['fake']) == 1
    assert 'cannot be imported: libfoo.so: no such file; ' in capsys.readouterr().err
    command(raising(ImportError('cannot import name', name='jepa_wm_ros.ros')))
    with pytest.raises(ImportError):
        cli.main(['fake'])


def test_an_unknown_command_gets_the_one_that_was_meant(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['dmeo'])
    assert end.value.code == 2
    assert "did you mean 'demo'?" in capsys.readouterr().err


def test_no_command_shows_all_of_them(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert all(name in shown for name in cli.COMMANDS)


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(['--version'])
    assert capsys.readouterr().out.strip() == f'jepa-wm {__version__}'


def test_help_imports_no_sub_command(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib, 'import_module', raising(AssertionError()))
    began = time.process_time()
    with pytest.raises(SystemExit):
        cli.main(['--help'])
    assert time.process_time() - began < 0.3
    assert 'demo' in capsys.readouterr().out


def test_a_wrong_environment_ends_with_two(command, capsys):
    from jepa_wm_ros.ros.environment import EnvironmentMistake

    command(raising(EnvironmentMistake('ROS_DOMAIN_ID must be a number')))
    assert cli.main(['fake']) == 2
    assert capsys.readouterr().err == 'jepa-wm: ROS_DOMAIN_ID must be a number\n'


def test_an_error_of_ros_itself_is_one_line(command, capsys):
    error = type('RCLError', (RuntimeError,), {})
    command(raising(error('error creating node:\nno peer, at /project/src/participant.cpp:234')))
    assert cli.main(['fake']) == 2
    assert capsys.readouterr().err == 'jepa-wm: ROS refuses: error creating node: no peer\n'


def test_a_reader_that_has_gone_away_is_no_error(command, monkeypatch):
    command(raising(BrokenPipeError()))
    monkeypatch.setattr('sys.stderr', open('/dev/null', 'w'))  # noqa: SIM115 (main closes it)
    assert cli.main(['fake']) == 1
