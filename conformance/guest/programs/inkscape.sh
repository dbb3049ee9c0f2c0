# Debian: inkscape imagemagick fonts-dejavu-core
# Image: pictures
set -euo pipefail
cd /tmp
export HOME=/tmp
cat > a.svg <<'SVG'
<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="#0000ff"/>
<circle cx="50" cy="50" r="40" fill="#ff0000"/><text x="110" y="60" font-size="30" fill="#fff">abc</text></svg>
SVG
inkscape --export-type=png --export-filename=a.png a.svg
colour() { convert a.png -format "%[pixel:p{$1}]" info: | grep -o '[0-9]*,[0-9]*,[0-9]*' | head -1; }
test "$(colour 50,50)" = 255,0,0
test "$(colour 5,5)" = 0,0,255
inkscape --export-type=pdf --export-filename=a.pdf a.svg
head -c 5 a.pdf | grep '%PDF-'
