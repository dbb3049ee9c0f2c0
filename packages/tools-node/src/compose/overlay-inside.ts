/**
 * What stands around a script that runs over a served tree, or over a folder of the host, in its mount namespace. All
 * that is needed comes in as one archive, and one mount(8) reads what to mount from a table (fstab(5)): each process
 * that a run starts besides the script's own costs as much as one of the script's.
 *
 *     work/        a tmpfs that only the namespace sees
 *       lower/     the served tree, or the folder
 *       brought/   what the tree has and the folder has not
 *       up/        what the script changes
 *       root/      both: an overlay, with dev and sys over it
 *       dev/       devices, and the programs that note-takers stand before
 *       queries    what dpkg-query was asked: each word ended by NUL, each question by a newline and NUL
 */
import type { TreePlace } from "@stratos/compose";
import { comparePaths, fileEntry, MemoryBlob, type FileEntry, type FileTree } from "@stratos/formats";
import { ENTER_ROOT, LEAVE_VOLUMES } from "./enter-root.ts";
import { sha256 } from "./script-changes.ts";
import { LDCONFIG_BEGINS, LDCONFIG_ENDS, LDCONFIG_SIGN } from "./served-tree.ts";

/** Devices by name: major and minor number. Source: Linux Documentation/admin-guide/devices.txt. */
const DEVICES: Readonly<Record<string, readonly [number, number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
};
export const DEVICE_NAMES: readonly string[] = Object.keys(DEVICES);
const DEVICE_LINKS = { fd: "/proc/self/fd", stdin: "fd/0", stdout: "fd/1", stderr: "fd/2" };

const DPKG_QUERY = "usr/bin/dpkg-query";
/**
 * Programs of the tree that a shell script of ours stands before: it takes notes, and runs the program from
 * `/dev/stratos-NAME`. ldconfig's tells the server when it begins and ends.
 */
const NOTE_TAKERS: Readonly<Record<string, string>> = {
  [DPKG_QUERY]:
    '#!/bin/sh\nfor one; do printf "%s\\0" "$one"; done >>/dev/stratos-queries; printf "\\n\\0" ' +
    '>>/dev/stratos-queries\nexec /dev/stratos-dpkg-query "$@"\n',
  "usr/sbin/ldconfig":
    `#!/bin/sh\n[ -e "/${LDCONFIG_SIGN}${LDCONFIG_BEGINS}$$" ]; /dev/stratos-ldconfig "$@"; status=$?; [ -e ` +
    `"/${LDCONFIG_SIGN}${LDCONFIG_ENDS}$$" ]; exit $status\n`,
};

/**
 * $1: an empty folder; $2: the host name; then the environment and command for chroot. Standard input: `insideOverlay`.
 * Descriptor 3: the archive of what has changed, which is what the upper folder holds; 4 is told when all is mounted,
 * so that a host that refuses is not taken for a script that fails, and then the queries; 5: of /dev/fuse. Where nodes
 * of devices cannot be made or used, the host's are mounted.
 */
export const INSIDE_OVERLAY = `set -eu
work=$1 name=$2 below=\${STRATOS_BELOW-}; shift 2; unset STRATOS_BELOW
${LEAVE_VOLUMES}
mount -t tmpfs -o mode=0755 tmpfs "$work"
cd "$work"
tar -x -p --same-owner --numeric-owner -f - 2>/dev/null || [ -f fstab ]
exec </dev/null
if { true >dev/null; } 2>/dev/null; then :; else for device in ${DEVICE_NAMES.join(" ")}; do rm -f "dev/$device"; : \
>"dev/$device"; mount --bind "/dev/$device" "dev/$device"; done; fi
mount -a -i -T fstab
exec 5>&-
[ -d root/proc ] || mkdir -m 0755 root/proc
{ echo "$name" >/proc/sys/kernel/hostname; } 2>/dev/null || hostname "$name" 2>/dev/null || :
echo mounted >&4
${ENTER_ROOT}
[ ! -s queries ] || cat queries >&4
exec tar -c --sort=name --numeric-owner --xattrs --xattrs-include='*' --format=pax -C up/upper -f - . >&3
`;

export const MOUNTED_NOTE = "mounted\n";

/**
 * What standard input brings.
 *
 * @param lower  the tree that is served, or the folder that has it: of what is done there no notes are taken
 * @param work  where the namespace has its tmpfs
 */
export function insideOverlay(lower: FileTree | TreePlace, work: string): FileTree {
  const entries: FileEntry[] = [];
  const folder = (path: string, mode = 0o755): void => void entries.push(fileEntry(path, "directory", { mode }));
  const file = (path: string, text = "", mode = 0o644): void =>
    void entries.push(fileEntry(path, "file", { mode, content: new MemoryBlob(Buffer.from(text, "latin1"), sha256) }));
  for (const path of ["", "root", "lower", "up", "up/upper", "up/work", "dev", "dev/pts"]) folder(path);
  folder("dev/shm", 0o1777);
  for (const [name, [deviceMajor, deviceMinor]] of Object.entries(DEVICES))
    entries.push(fileEntry(`dev/${name}`, "character", { mode: 0o666, deviceMajor, deviceMinor }));
  for (const [name, target] of Object.entries(DEVICE_LINKS))
    entries.push(fileEntry(`dev/${name}`, "symlink", { target }));

  let table = "";
  const escaped = (path: string): string =>
    path.replace(/[\\\s]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
  const place = (path: string): string => escaped(`${work}/${path}`);
  const mount = (what: string, path: string, type: string, words: string): void =>
    void (table += `${what} ${place(path)} ${type} ${words} 0 0\n`);
  const bind = (from: string, to: string): void => mount(place(from), to, "none", "bind");
  const isServed = "entries" in lower;
  if (isServed) mount("stratos", "lower", "fuse.stratos", "fd=5,rootmode=40000,user_id=0,group_id=0,allow_other,ro");
  else {
    mount(escaped(lower.folder), "lower", "none", "bind");
    folder("brought");
    for (const entry of lower.brought.entries()) entries.push({ ...entry, path: `brought/${entry.path}` });
  }
  mount(
    "overlay",
    "root",
    "overlay",
    `nodev,lowerdir=${isServed ? "" : "brought:"}lower,upperdir=up/upper,workdir=up/work,index=off,metacopy=off,` +
      "redirect_dir=off",
  );
  mount(place("dev"), "root/dev", "none", "rbind,X-mount.mkdir=0755");
  mount("tmpfs", "root/sys", "tmpfs", "mode=0555,X-mount.mkdir=0755");
  for (const [path, script] of Object.entries(NOTE_TAKERS)) {
    if (!isServed || !isProgram(kindOf(lower, path))) continue;
    const name = path.slice(path.lastIndexOf("/") + 1);
    file(name, script, 0o755);
    file(`dev/stratos-${name}`);
    bind(`root/${path}`, `root/dev/stratos-${name}`);
    bind(name, `root/${path}`);
    if (path !== DPKG_QUERY) continue;
    file("queries");
    file("dev/stratos-queries");
    bind("queries", "root/dev/stratos-queries");
  }
  file("fstab", table);
  entries.sort((left, right) => comparePaths(left.path, right.path));
  return { entries: () => entries };
}

/** What stands at a path; undefined: nothing. */
function kindOf(tree: FileTree, wanted: string): FileEntry["kind"] | undefined {
  for (const { path, kind } of tree.entries()) if (path === wanted) return kind;
  return undefined;
}

/** A link instead of the program would lead out of the namespace's root. */
function isProgram(kind: FileEntry["kind"] | undefined): boolean {
  return kind === "file" || kind === "hardLink";
}

/**
 * What dpkg-query was asked, of what came by descriptor 4 behind `MOUNTED_NOTE`. Where the program is none that a
 * note-taker stands before, it may have been asked for anything.
 */
export function queriesOf(tree: FileTree, notes: string): string[] {
  const kind = kindOf(tree, DPKG_QUERY);
  if (kind === undefined) return [];
  return isProgram(kind) ? queriedPackages(notes) : ["*"];
}

/**
 * Of what dpkg-query was asked: operands that are names of packages, as dpkg-query(1) has them; `*` when one may be for
 * others.
 */
export function queriedPackages(notes: string): string[] {
  const packages = new Set<string>();
  for (const question of notes.split("\n\0").slice(0, -1)) {
    const words = question.split("\0").filter((word) => word !== "");
    const names: string[] = [];
    for (let index = 0; index < words.length; index++) {
      const word = words[index]!;
      // Options with a value of their own.
      if (/^(-f|--showformat|--admindir|--root)$/.test(word)) index++;
      else if (!word.startsWith("-")) names.push(word.replace(/:[a-z0-9-]+$/, ""));
    }
    const isByName =
      words.some((word) =>
        /^(-[sLWcp]|--(status|listfiles|show|control-path|control-list|control-show|print-avail))$/.test(word),
      ) &&
      names.length > 0 &&
      names.every((name) => /^[a-z0-9][a-z0-9+.-]*$/.test(name));
    for (const name of isByName ? names : ["*"]) packages.add(name);
  }
  return [...packages];
}
