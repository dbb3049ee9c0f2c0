# Debian: firefox-esr fonts-dejavu-core imagemagick
# Image: pictures
# A page that is laid out, drawn, and changed by its scripts, which are compiled, and by WebAssembly.
set -euo pipefail
cd /tmp
cat > page.html <<'HTML'
<body style="margin: 0; background: #cc0000">
<div id="box" style="width: 100px; height: 100px"></div>
<script>
let sum = 0;
for (let i = 0; i < 3e6; i++) sum = (sum * 31 + i) | 0;
const bytes = [0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11];
const { add } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
if (sum === 637018976 && add(40, 2) === 42) box.style.background = "#00cc00";
</script>
HTML
timeout 500 firefox-esr --headless --window-size=400,300 --screenshot /tmp/page.png file:///tmp/page.html
colour() { convert page.png -format "%[pixel:p{$1}]" info: | grep -o '[0-9]*,[0-9]*,[0-9]*'; }
test "$(colour 50,50)" = 0,204,0
test "$(colour 200,200)" = 204,0,0
