# Debian: nginx php-fpm php-cli curl
# Image: servers
# Many requests at once through FastCGI, and a reload between.
set -euo pipefail
mkdir -p /run/php
php-fpm8.4 -D
echo '<?php echo 6 * $_GET["n"];' > /var/www/html/times.php
cat > /etc/nginx/sites-enabled/default <<'END'
server { listen 8080; root /var/www/html; location ~ \.php$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/php8.4-fpm.sock; } }
END
nginx
for round in 1 2; do
  for n in $(seq 20); do curl -s "http://127.0.0.1:8080/times.php?n=$n" > /tmp/answer.$n & done
  wait
  for n in $(seq 20); do [ "$(cat /tmp/answer.$n)" = $((6 * n)) ]; done
  nginx -s reload
  sleep 1
done
