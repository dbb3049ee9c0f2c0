# Debian: mosquitto mosquitto-clients
# Image: servers
set -euo pipefail
mosquitto -d -p 1884
sleep 1
mosquitto_sub -p 1884 -t a/b -C 1 > /tmp/heard &
sleep 1
mosquitto_pub -p 1884 -t a/b -m words
wait %1
grep words /tmp/heard
