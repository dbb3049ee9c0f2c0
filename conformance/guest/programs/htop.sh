# Debian: htop mc bsdutils
set -euo pipefail
export TERM=xterm
# Both go on until they are ended.
(timeout 8 script -qc htop /dev/null < /dev/null || true) | grep -a Tasks
(timeout 8 script -qc 'mc -b' /dev/null < /dev/null || true) | grep -a Name
