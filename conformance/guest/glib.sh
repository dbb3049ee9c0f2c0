# GLib's own tests as its package installs them. Names on standard input.
. /suite/installed-tests.sh
run_installed_tests glib
