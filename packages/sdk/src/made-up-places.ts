import { withoutOctalEscapes } from "@stratos/base";

/** What the kernel makes up when it is read, by the names of `/proc/filesystems`: no copy of it is worth anything. */
const MADE_UP = new Set(["proc", "sysfs", "cgroup2", "mqueue", "fusectl", "devpts"]);

/** Where such are mounted, if `from` is in none of them. @param mounts  `/proc/mounts` */
export function madeUpPlaces(mounts: string, from: string): ReadonlySet<string> {
  const places = new Set<string>();
  for (const line of mounts.split("\n")) {
    const [, escaped, type] = line.split(" ");
    if (escaped === undefined || !MADE_UP.has(type!)) continue;
    const place = withoutOctalEscapes(escaped);
    if (from === place || from.startsWith(`${place}/`)) return new Set();
    places.add(place);
  }
  return places;
}
