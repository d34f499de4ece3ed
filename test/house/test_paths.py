import pytest

from jepa_wm_ros import paths


def test_a_checkout_is_asked_first(root):
    assert paths.share('package.xml') == root / 'package.xml'
    assert paths.share() == root


def test_an_installed_package_finds_the_share_folder_of_its_prefix(tmp_path, monkeypatch):
    shared = tmp_path / 'prefix/share/jepa_wm_ros/config'
    shared.mkdir(parents=True)
    module = tmp_path / 'prefix/lib/python3.12/site-packages/jepa_wm_ros/paths.py'
    monkeypatch.setattr(paths, '__file__', str(module))
    assert paths.share('config') == shared


def test_the_error_names_what_is_missing_and_every_place(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, '__file__', str(tmp_path / 'lib/jepa_wm_ros/paths.py'))
    monkeypatch.setattr(paths.sys, 'prefix', '/prefix')
    with pytest.raises(paths.MissingFileError, match=r'urdf/x\.urdf.*/prefix/share/jepa_wm_ros'):
        paths.share('urdf', 'x.urdf')
