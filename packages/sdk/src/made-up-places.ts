/** What the kernel makes up when it is read, by the names of `/proc/filesystems`: no copy of it is worth anything. */
const MADE_UP = new Set(["proc", "sysfs", "cgroup2", "mqueue", "fusectl", "devpts"]);

/** Where such are mounted, if `from` is in none of them. @param mounts  `/proc/mounts` */
export function madeUpPlaces(mounts: string, from: string): ReadonlySet<string> {
  const places = new Set<string>();
  for (const line of mounts.split("\n")) {
    const [, place, type] = line.split(" ");
    if (place === undefined || !MADE_UP.has(type!)) continue;
    if (from === place || from.startsWith(`${place}/`)) return new Set();
    // proc_pid_mounts(5): blanks and the like are octal.
    places.add(place.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  }
  return places;
}
