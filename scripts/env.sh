# Source this file to work in a terminal:   source scripts/env.sh
# It puts the virtual environment first on the PATH and makes ROS 2 and our messages importable,
# with the wheels from PyPI as well as with a sourced /opt/ros. Works in bash and zsh.

if [ -n "${BASH_SOURCE:-}" ]; then _jepa_root=${BASH_SOURCE[0]}; else _jepa_root=$0; fi
_jepa_root=$(cd "$(dirname "$_jepa_root")/.." && pwd)
_jepa_venv=$_jepa_root/.venv${ROS_DISTRO:+-$ROS_DISTRO}

if [ ! -x "$_jepa_venv/bin/python" ]; then
  echo "scripts/env.sh: $_jepa_venv does not exist yet; run 'make setup' first" >&2
  unset _jepa_root _jepa_venv
  return 1
fi

export VIRTUAL_ENV=$_jepa_venv
case ":$PATH:" in
  *":$_jepa_venv/bin:"*) ;;
  *) export PATH="$_jepa_venv/bin:$PATH" ;;
esac

if [ -n "${ROS_DISTRO:-}" ]; then
  # A sourced ROS 2: our messages were built on top of it, into the workspace.
  if [ -f "$_jepa_root/ros2_ws/install/local_setup.sh" ]; then
    COLCON_CURRENT_PREFIX=$_jepa_root/ros2_ws/install
    . "$_jepa_root/ros2_ws/install/local_setup.sh"
    unset COLCON_CURRENT_PREFIX
  fi
else
  # The wheels and our messages live in the virtual environment itself.
  case ":${AMENT_PREFIX_PATH:-}:" in
    *":$_jepa_venv:"*) ;;
    *) export AMENT_PREFIX_PATH="$_jepa_venv${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}" ;;
  esac
fi

# Stay on this machine unless told otherwise: nobody else's robot shall hear a demo.
export ROS_AUTOMATIC_DISCOVERY_RANGE=${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}

unset _jepa_root _jepa_venv
