import type { Path } from "./path.ts";

/**
 * The absolute name of a place as seen from `root` (d_path): what getcwd(2), /proc/PID/exe and maps show. A name that
 * was unlinked ends in " (deleted)"; null when the place lies outside `root` (getcwd says "(unreachable)").
 */
export function pathNameBelow(path: Path, root: Path): string | null {
  let { mount, dentry } = path;
  let name = "";
  for (;;) {
    if (mount === root.mount && dentry === root.dentry) return name === "" ? "/" : name;
    if (dentry === mount.root) {
      if (mount.parent === null || mount.mountPoint === null) return null;
      dentry = mount.mountPoint;
      mount = mount.parent;
      continue;
    }
    name = `/${dentry.name}${name}`;
    if (dentry.parent === null) return null;
    dentry = dentry.parent;
  }
}

export function pathName(path: Path, root: Path): string {
  let name = pathNameBelow(path, root);
  if (name === null) {
    // Seen from elsewhere: the name within its own tree, or what a nameless file calls itself.
    name = "";
    let { mount, dentry } = path;
    for (;;) {
      if (dentry === mount.root) {
        if (mount.parent === null || mount.mountPoint === null) break;
        dentry = mount.mountPoint;
        mount = mount.parent;
      } else if (dentry.parent === null) {
        if (name === "") return dentry.isUnlinked ? `${dentry.name} (deleted)` : dentry.name;
        break;
      } else {
        name = `/${dentry.name}${name}`;
        dentry = dentry.parent;
      }
    }
    if (name === "") name = "/";
  }
  return path.dentry.isUnlinked ? `${name} (deleted)` : name;
}
