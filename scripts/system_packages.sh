# What the system must have: rendering libraries, a compiler, the headers of Python.
# Sourced by setup.sh. Finds out what is missing and installs it where it may.

has_library() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -q "$1"; }
has_file() { compgen -G "$1" >/dev/null; }

python_module() { "$python" -c "import $1" 2>/dev/null; }
python_headers() {
  "$python" -c 'import os, sysconfig as s; raise SystemExit(not os.path.exists(s.get_path("include") + "/Python.h"))'
}

missing_packages() {  # prints the Debian names of what is missing
  has_library libEGL.so.1 || echo libegl1
  has_library libGL.so.1 || echo libgl1
  has_file '/usr/share/glvnd/egl_vendor.d/*.json' || echo libegl-mesa0
  has_file '/usr/lib/*/dri/*_dri.so' || echo libgl1-mesa-dri
  command -v c++ >/dev/null || echo g++
  if [ -z "$python" ]; then
    echo python3 python3-venv python3-dev
    return
  fi
  local name
  name=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  python_module ensurepip || echo "$name-venv"
  python_headers || echo "$name-dev"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get -o DPkg::Lock::Timeout=120 update
  # shellcheck disable=SC2086  # a list of names
  as_root apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $1
}

install_system_packages() {
  local missing
  # A Python is there, but not one that we can use: apt has no other. ROS brings its own.
  if [ -z "$python" ] && { command -v "${PYTHON:-python3}" >/dev/null || [ -n "$ros$PYTHON" ]; }; then
    no_python
  fi
  missing=$(missing_packages | tr '\n' ' ')
  missing=${missing% }
  if [ -z "$missing" ]; then
    step_number=$((step_number + 1))
    return
  fi
  if ! command -v apt-get >/dev/null; then
    fail 'some system packages are missing, and this is not Debian or Ubuntu' \
      "Their Debian names: $missing" \
      'Fedora: sudo dnf install mesa-libEGL mesa-libGL mesa-dri-drivers gcc-c++ python3-devel' \
      'Arch:   sudo pacman -S mesa gcc python' \
      'Then run the same command again.'
  fi
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail 'some system packages are missing, and installing them needs a password' \
      'Type this, then run the same command again:' \
      "sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
  fi
  step 'system packages' '' system apt_install "$missing"
  find_python
  missing=$(missing_packages | tr '\n' ' ')
  [ -z "$missing" ] || fail "still missing after installing: $missing" "The whole output is in $log."
}
