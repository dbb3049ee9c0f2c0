# Debian: tmux
set -euo pipefail
export TERM=xterm
tmux new -d -s a 'sh -c "echo hello > /tmp/said; sleep 60"'
until grep -q hello /tmp/said; do sleep 0.2; done
tmux split-window -t a 'sleep 60'
tmux list-panes -t a | wc -l | grep 2
tmux kill-server
