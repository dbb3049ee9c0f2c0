# Debian: imagemagick
set -euo pipefail
cd /tmp
convert -size 64x64 gradient:red-blue -rotate 30 -resize 200% g.png
identify g.png | grep PNG
