# Debian: gimp imagemagick
# Image: pictures
set -euo pipefail
cd /tmp
export HOME=/tmp
convert -size 64x64 xc:'#102030' png24:in.png
timeout 500 gimp-console -i --batch-interpreter plug-in-script-fu-eval -b '
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "/tmp/in.png")))
       (layer (vector-ref (car (gimp-image-get-layers image)) 0)))
  (gimp-drawable-invert layer FALSE)
  (gimp-image-scale image 32 32)
  (gimp-file-save RUN-NONINTERACTIVE image "/tmp/out.png"))' --quit
identify out.png | grep 32x32
convert out.png -format '%[pixel:p{5,5}]' info: | grep '239,223,207'
