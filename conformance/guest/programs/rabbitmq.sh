# Debian: rabbitmq-server
# Image: servers
set -euo pipefail
as() { su rabbitmq -s /bin/sh -c "HOME=/var/lib/rabbitmq $1"; }
as '/usr/lib/rabbitmq/bin/rabbitmq-server -detached'
until as '/usr/lib/rabbitmq/bin/rabbitmqctl await_startup' > /dev/null 2>&1; do sleep 1; done
as '/usr/lib/rabbitmq/bin/rabbitmqctl add_user someone secret'
as '/usr/lib/rabbitmq/bin/rabbitmqctl list_users' | grep someone
as '/usr/lib/rabbitmq/bin/rabbitmqctl stop'
