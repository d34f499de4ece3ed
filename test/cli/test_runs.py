from collections import namedtuple

import pytest

from jepa_wm_ros.cli.runs import RunFolderError, run_folder


def test_two_runs_in_one_second_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = run_folder('demo', None), run_folder('demo', None)
    assert first != second
    assert first.parent == second.parent == tmp_path / 'runs'


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(RunFolderError, match='choose another folder with --out'):
        run_folder('demo', tmp_path / 'file' / 'run')


def test_a_full_disk_is_noticed_before_the_work_begins(tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr('shutil.disk_usage', lambda _: usage(10**9, 10**9, 3_000_000))
    with pytest.raises(RunFolderError, match=r'only 3 MB are free .* 20 MB are needed'):
        run_folder('demo', tmp_path)
