/** What a walk through a volume asks of each inode. Each returns a negated errno when the volume can't say. */
import { DirectoryEntry, type Subvolume } from "@stratos/aegisfs";
import { byteString } from "@stratos/base";

/** Names in a folder but `.` and `..`, in the volume's order. */
export function entriesOf(files: Subvolume, folder: number): { name: string; ino: number }[] | number {
  const entries: { name: string; ino: number }[] = [];
  const entry = new DirectoryEntry();
  for (let cursor = 0; ; cursor = entry.nextCursor) {
    const result = files.readDirectory(folder, cursor, entry);
    if (result < 0) return result;
    if (result === 0) return entries;
    if (entry.name !== "." && entry.name !== "..") entries.push({ name: entry.name, ino: entry.ino });
  }
}

export function xattrsOf(files: Subvolume, ino: number): ReadonlyMap<string, string> | number {
  const names = files.listXattrs(ino);
  if (typeof names === "number") return names;
  const values = new Map<string, string>();
  for (const name of names) {
    const value = files.getXattr(ino, name);
    if (typeof value === "number") return value;
    values.set(name, byteString(value));
  }
  return values;
}
