/**
 * How a script comes into the root that was made for it, and not out again. From the namespaces in which that root was
 * put together (which the host's `/` is part of) it goes into a mount and a pid namespace of its own:
 *
 * - the root is moved onto `/`, as switch_root(8) does: `..` ends there, so the second chroot of the textbook leads
 *   nowhere, and no process in `/proc` has another root;
 * - it keeps root's capabilities over files, accounts and its own processes, and loses those over the machine:
 *   modules, ports, devices, mounts, reboot, clock, network, tracing; what of the kernel's settings (`/proc/sys`) asks
 *   for no capability but root's number is read-only.
 *   Without CAP_SYS_ADMIN it can neither take the root away from over the host's nor enter another namespace; in a user
 *   namespace of its own making the kernel locks both together.
 *
 * Source: capabilities(7); pivot_root(2), NOTES; mount_namespaces(7), "Restrictions on mount namespaces".
 */

/**
 * Lines of sh(1) for a namespace that was copied from the host's, with the folder that it works in as $work: lets go of
 * the host's volumes, since one that is in use in any namespace is not unmounted, and what the host unmounts would stay
 * in use until the script has ended. Kept is what programs are run from, and where that folder lies. In a user
 * namespace the kernel locks them all; there, and for the time before, a host whose mounts are shared takes them away
 * itself (`--propagation slave`).
 */
export const LEAVE_VOLUMES = `( set --
while read -r _ _ _ _ place _; do
case $place in
*\\\\*) place=$(printf %b. "$(printf %s "$place" | sed 's/\\\\/\\\\0/g')"); place=\${place%.} ;;
esac
case $place in
/ | /bin | /sbin | /lib* | /usr | /usr/* | /etc | /etc/* | /nix* | /gnu*) ;;
/proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
*) case $work/ in "$place"/*) continue ;; esac; case \${below-}/ in "$place"/*) ;; *) set -- "$@" "$place" ;; esac ;;
esac
done </proc/self/mountinfo
[ $# -eq 0 ] || umount -n -l -- "$@" ) 2>/dev/null || :`;

/**
 * What is left of root: what Docker leaves, too, but for nodes of devices. With these Debian's packages are installed
 * in containers every day.
 */
const KEPT = [
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "setgid",
  "setuid",
  "setpcap",
  "setfcap",
  "net_bind_service",
  "net_raw",
  "sys_chroot",
  "audit_write",
] as const;

/**
 * Lines of sh(1), in a folder where `root` is a mount with an empty `proc`: runs "$@" (an environment and a command, as
 * for `env -i`) in it, without the descriptors above 2, and sets `status`. The first process is a shell, as it is
 * nobody's script: one of number 1 is sent no signal that it does not catch.
 */
export const ENTER_ROOT = `status=0
unshare --mount --propagation slave --pid --fork --kill-child=SIGKILL sh -euc 'cd root
mount -n -t proc proc proc
for own in sys sysrq-trigger; do
  [ ! -e proc/$own ] || { mount -n --bind proc/$own proc/$own; mount -n -o remount,bind,ro proc/$own; }
done
mount -n --move . /
exec setpriv --inh-caps=-all --bounding-set=-all,${KEPT.map((name) => `+${name}`).join(",")} chroot . /usr/bin/env -i \
"$@"' sh "$@" 3>&- 4>&- || status=$?
[ $status -eq 0 ] || exit $status`;

/** A command for `ENTER_ROOT`. @param path  of a script of sh(1), from the root */
export function firstProcess(path: string): string[] {
  return ["/bin/sh", "-c", '/bin/sh "$0"; exit $?', `/${path}`];
}
