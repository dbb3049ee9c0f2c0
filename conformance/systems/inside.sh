# What is tried in a system, as root or as an ordinary user: builder, hub and worker, each by its command. Prints
# `NAME: ok` or `NAME: why not`, a line each. $1: folder with the sources; $2: an empty folder of one's own.
sources=$1 own=$2
stratos() { "$STRATOS_NODE" $STRATOS_FLAGS "$STRATOS_PROGRAM" "$@"; }
told() { if [ "$2" = 0 ]; then echo "$1: ok"; else echo "$1: $(tail -n 3 "$own/log" | tr '\n' ' ')"; fi; }
export STRATOS_HOME="$own/home"
cd "$own" || exit 1
# Of what is started in the background the process itself is asked to end, and no shell around it.

{ stratos builder build "$sources/sample-1.0" -o made -v >"$own/names" 2>"$own/log" &&
  grep -q 'sample_1.0_.*\.deb' "$own/names" && dpkg-deb -c made/sample_1.0_*.deb | grep -q usr/share/sample/file; }
told builder $?
# The same bytes from its .dsc, with the layers that are kept.
{ stratos builder build "$sources/sample_1.0.dsc" -o again 2>"$own/log" >/dev/null &&
  cmp made/sample_1.0_*.deb again/sample_1.0_*.deb 2>>"$own/log"; }
told 'builder, again' $?

"$STRATOS_NODE" $STRATOS_FLAGS "$STRATOS_PROGRAM" hub -l 0 --token-file "$own/token" >"$own/address" 2>"$own/log" &
hub=$!
for turn in $(seq 600); do [ -s "$own/address" ] && break; sleep 0.2; done
STRATOS_HUB=$(cat "$own/address"); export STRATOS_HUB
{ stratos hub login --token-file "$own/token" 2>>"$own/log" >/dev/null &&
  stratos hub token create w --role worker >"$own/worker-key" 2>>"$own/log"; }
told hub $?
chmod 600 "$own/worker-key"
"$STRATOS_NODE" $STRATOS_FLAGS "$STRATOS_PROGRAM" worker --token-file "$own/worker-key" 2>"$own/worker-log" &
worker=$!
{ stratos hub task submit --watch --artefact out -- sh -c 'id -u >out' >"$own/watched" 2>"$own/log" &&
  stratos hub artefact get 1 -o got >/dev/null 2>>"$own/log" && [ "$(cat got/out)" = "$(id -u)" ]; }
told 'worker, a command' $?
{ stratos hub build --watch "$sources/sample_1.0.dsc" >"$own/watched" 2>"$own/log" &&
  stratos hub artefact get 2 -o built >/dev/null 2>>"$own/log" &&
  cmp made/sample_1.0_*.deb built/sample_1.0_*.deb 2>>"$own/log"; }
told 'worker, a build' $?
# A moment after a build its packages are in the channel.
for turn in $(seq 50); do stratos hub package ls >"$own/list" 2>"$own/log"; grep -q sample "$own/list" && break; done
{ grep -q 'sample  *1\.0 ' "$own/list" && stratos hub repository show default >/dev/null 2>>"$own/log" &&
  stratos hub fsck >>"$own/log" 2>&1; }
told 'hub, its repository' $?
kill -TERM $worker; wait $worker; ended=$?
kill -TERM $hub; wait $hub; ended=$ended$?
[ $ended = 00 ] || echo "they ended with $ended" >>"$own/log"
[ $ended = 00 ]; told 'both end when they are told to' $?
