#!/usr/bin/env bash
# Sets everything up, from nothing to a working `jepa-wm`: system libraries, a virtual environment,
# the Python packages, ROS 2 (wheels, unless /opt/ros is sourced) and our messages.
# Safe to run again and again: finished steps are skipped, an interrupted one is repeated.
#
#   PYTHON=/path/to/python3.12   which Python to use                  (default: the first that fits)
#   TORCH='torch==2.13.0'        another PyTorch, such as a CUDA build (default: the CPU build)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
requirements=$root/scripts/requirements
messages=$root/ros2_ws/src/jepa_wm_msgs
wheel_messages=$root/scripts/wheel_messages
ros=${ROS_DISTRO:-}
venv=$root/.venv${ros:+-$ros}
stamps=$venv/.setup
log=$root/.setup.log
torch_cpu=torch==2.13.0+cpu
torch=${TORCH:-$torch_cpu}
torch_index=https://download.pytorch.org/whl/cpu
pythons='3.10 to 3.13'
PYTHON=${PYTHON:-}
step_count=6
prepared=

. scripts/terminal.sh
. scripts/system_packages.sh

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_RETRIES=3 PIP_PROGRESS_BAR=off
unset PYTHONHOME PIP_USER PIP_TARGET VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE
[ -n "$ros" ] || unset PYTHONPATH

# --- stamps: a step is done when its stamp holds the key of what it was done with

is_done() { [ -n "$2" ] && [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { [ -z "$2" ] || { mkdir -p "$stamps" && printf '%s' "$2" >"$stamps/$1"; }; }
key_of() { { printf '%s\n' "$root" "$ros"; cat "$@"; } | sha256sum | cut -c1-16; }

prepare_for_work() {  # once, before the first step that has something to do
  [ -z "$prepared" ] || return 0
  prepared=yes
  : 2>/dev/null >"$log" || fail "$root is read-only" 'Clone the repository to a folder that you may write to.'
  printf 'jepa_wm_ros: setting up %s (details in %s)\n' "$venv" "$log"
  local here=500 temporary=500
  [ -e "$stamps/torch" ] || { here=4000; temporary=1000; }
  need_space "$root" "$here" 'Free some space, or clone the repository to another disk.'
  need_space "${TMPDIR:-/tmp}" "$temporary" 'Free some space, or name another folder with TMPDIR=/path.'
}

need_space() {  # folder, megabytes, what to do
  local free
  free=$(df -Pk "$1" | awk 'NR==2 {print int($4 / 1024)}')
  [ "$free" -ge "$2" ] || fail "$1 has $free MB free, the set-up needs $2 MB there" "$3"
}

# --- Python

usable_python() {  # command: a Python that we support
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' &>/dev/null
}

usable_ros_python() {  # command: the Python that the sourced ROS 2 was built for
  "$1" -c 'import rclpy' &>/dev/null
}

find_python() {  # sets `python`, or leaves it empty
  local candidate fits=usable_python
  local candidates='python3 python3.12 python3.11 python3.13 python3.10 /usr/bin/python3'
  [ -z "$ros" ] || { fits=usable_ros_python; candidates="/usr/bin/python3 python3"; }
  python=
  for candidate in ${PYTHON:-$candidates}; do
    if $fits "$candidate"; then
      # Not the Python of a virtual environment that happens to be active.
      python=$("$candidate" -c 'import sys; print(sys._base_executable)')
      return
    fi
  done
}

no_python() {
  if [ -n "$PYTHON" ]; then
    local wanted="is not a Python $pythons"
    [ -z "$ros" ] || wanted="cannot import rclpy of ROS 2 $ros"
    fail "PYTHON=$PYTHON $wanted" \
      "It says: $("$PYTHON" --version 2>&1 | head -n 1)" 'Name another one, or leave PYTHON out.'
  fi
  if [ -n "$ros" ]; then
    fail "ROS_DISTRO is '$ros', but no Python here can import its rclpy" \
      "Source it first: source /opt/ros/$ros/setup.bash" \
      'Or use ROS 2 from PyPI, in a terminal where no ROS is sourced.'
  fi
  fail "no Python $pythons found (python3 is: $(python3 --version 2>&1 || true))" \
    'Debian, Ubuntu:  sudo apt install python3 python3-venv python3-dev' \
    'Fedora:          sudo dnf install python3.12 python3.12-devel' \
    'Anywhere:        uv python install 3.12   (https://docs.astral.sh/uv), then' \
    '                 PYTHON="$(uv python find 3.12)" make setup'
}

# --- the steps

make_venv() {
  "$python" -m venv --clear ${ros:+--system-site-packages} "$venv"
  "$venv/bin/python" -m pip install 'pip>=24'
}

pip_install() { "$venv/bin/python" -m pip install "$@"; }

install_torch() {
  if [ "$torch" != "$torch_cpu" ]; then pip_install "$torch"; return; fi
  # The CPU build is not on PyPI. A local mirror that has it is asked first.
  pip_install "$torch" || pip_install "$torch" --extra-index-url "$torch_index"
}

install_packages() {
  if [ -z "$ros" ]; then
    pip_install -r "$requirements/library.txt" -r "$requirements/develop.txt" -r "$requirements/ros.txt"
    return
  fi
  # The messages of a ROS 2 are compiled for one major version of NumPy: keep it.
  local numpy
  numpy=$("$python" -c 'import numpy; print(int(numpy.__version__.split(".")[0]) + 1)')
  echo "numpy<$numpy" >"$stamps/constraints.txt"
  pip_install -c "$stamps/constraints.txt" 'setuptools>=70.1,<80' colcon-common-extensions
  pip_install -c "$stamps/constraints.txt" --no-build-isolation \
    --editable "$root[sim,robot,training,data,lerobot,evaluation,test]"
}

build_messages() {
  local colcon=("$venv/bin/python" -m colcon --log-base ros2_ws/log build
    --build-base ros2_ws/build --cmake-clean-cache)
  if [ -n "$ros" ]; then
    "${colcon[@]}" --base-paths "$messages" --install-base ros2_ws/install --cmake-args -DBUILD_TESTING=OFF
    return
  fi
  "$venv/bin/python" scripts/wheel_headers.py
  # Into the environment itself, beside the wheels: then they work without sourcing anything.
  # Those of drivers, which no wheel has, too: see scripts/wheel_messages/README.md.
  AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv PATH=$venv/bin:$PATH "${colcon[@]}" \
    --base-paths "$messages" "$wheel_messages"/*/ --install-base "$venv" --merge-install \
    --cmake-args -GNinja -DBUILD_TESTING=OFF "-DPython3_EXECUTABLE=$venv/bin/python"
}

install_ourselves() {
  pip_install --no-deps --no-build-isolation --editable "$root"
}

main() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64') ;;
    *) [ -n "$ros" ] || fail "ROS 2 comes as wheels for Linux x86-64 only, this is $(uname -sm)" \
      'Install ROS 2 for this machine (https://docs.ros.org), source its setup.bash, and run this again.' ;;
  esac

  if [ -w "$root" ]; then
    exec 9>"$root/.setup.lock"
    flock -n 9 || { echo 'another set-up is running here: waiting for it'; flock 9; }
  fi

  find_python
  install_system_packages

  local version packages
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  packages=$(key_of "$requirements"/*.txt setup.py)
  "$venv/bin/python" -c '' 2>/dev/null || rm -rf "$stamps"
  step "Python $version environment" "$(key_of <(echo "$version"))" venv make_venv
  step 'PyTorch (about 200 MB)' "$torch" torch install_torch
  local what='Python packages'
  [ -n "$ros" ] || what='Python packages and ROS 2'
  step "$what (about 400 MB)" "$packages" packages install_packages
  step 'messages (colcon build)' \
    "$(key_of "$requirements/ros.txt" "$messages"/*.* "$messages"/*/* "$wheel_messages"/*/*.* "$wheel_messages"/*/*/*)" \
    messages build_messages
  step 'jepa_wm_ros itself' "$(key_of setup.py setup.cfg)" ourselves install_ourselves
  [ -z "$prepared" ] || printf 'set-up is complete\n\n'
}

main
