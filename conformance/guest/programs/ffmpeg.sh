# Debian: ffmpeg
set -euo pipefail
cd /tmp
ffmpeg -v error -f lavfi -i testsrc=duration=1:size=160x120:rate=10 -c:v mpeg4 o.mp4
ffprobe -v error -show_streams o.mp4 | grep mpeg4
ffmpeg -v error -f lavfi -i sine=duration=1 o.flac
ffprobe -v error -show_streams o.flac | grep flac
