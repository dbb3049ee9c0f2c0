# Debian: tcl
set -euo pipefail
echo 'after 100 {puts [expr 6 * 7]; exit}; vwait forever' | tclsh | grep 42
