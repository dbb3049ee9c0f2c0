# Debian: blender imagemagick
# Image: pictures
# A scene that a script makes, by the path tracer.
set -euo pipefail
cd /tmp
cat > scene.py <<'PY'
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 4
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 48, 100
scene.render.filepath = "/tmp/out.png"
bpy.ops.render.render(write_still=True)
PY
timeout 550 blender --background --factory-startup --python scene.py
identify out.png | grep 64x48
test "$(convert out.png -unique-colors -format %w info:)" -gt 50
