# Debian: ripgrep fd-find jq
set -euo pipefail
rg -c root /etc/passwd
fdfind -e conf . /etc | grep conf
echo '{"a": [1, 2, 3]}' | jq '.a | add' | grep 6
