#!/usr/bin/env bash
# For `make test`: a browser for the tests of the page of `jepa-wm view`, where apt may install one
# without asking anybody. Tries once and never fails: without one, those tests are skipped and say so.
# JEPA_WM_BROWSER=none keeps it from trying.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tried=.venv${ROS_DISTRO:+-$ROS_DISTRO}/.setup/browser
log=.setup.log

[ -z "${JEPA_WM_BROWSER:-}" ] || exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
  ! command -v "$name" >/dev/null || exit 0
done
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0
# The folder is that of the set-up: where it may not write, there is nothing to remember with.
[ ! -e "$tried" ] && : 2>/dev/null >"$tried" || exit 0

echo 'browser for the tests of the page (Chromium, about 100 MB, once; JEPA_WM_BROWSER=none: without)'
export DEBIAN_FRONTEND=noninteractive
fetch() { timeout 300 apt-get install -y --no-install-recommends --download-only chromium; }
{
  # Ubuntu has no such package, only a snap, which containers cannot run.
  { fetch || { timeout 120 apt-get update && fetch; }; } &&
    apt-get install -y --no-install-recommends chromium
} >>"$log" 2>&1 || echo '  none could be installed: its tests will be skipped'
exit 0
