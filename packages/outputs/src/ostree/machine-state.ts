/**
 * What of an image lies where each machine has its own: `/var`, and what leads into it (`/home /root /srv /mnt /opt
 * /usr/local`). A commit holds none of it, so it lies elsewhere in the image, and systemd-tmpfiles brings it where it
 * belongs:
 *
 *     /var /home /root /srv /mnt    → /usr/share/stratos/var, copied when a machine boots and has not got it (`C!`)
 *         links outside of homes    → made there when a machine boots and has not got them (`L!`)
 *     /opt/NAME                     → /usr/lib/opt/NAME, and a link in /var/opt (`L`)
 *     /usr/local                    → /usr/lib/usrlocal, and links in /var/usrlocal
 *
 * What is copied is the machine's from then on; what is linked changes with the image, as with rpm-ostree, beside what
 * the machine has there of its own.
 *
 * A home is copied as a whole, into a folder that is not there or empty: a key that was removed from it does not come
 * back. That is why the place is not `/usr/share/factory/var`, whose files newer ostrees bring back one by one at each
 * boot. Source: tmpfiles.d(5), "C", "L", "d"; bootc's documentation, "Filesystem: /var".
 */
import { byteStringOf } from "@stratos/base";
import { FormatError, fileEntry, type FileEntry } from "@stratos/formats";
import type { TreeDraft } from "../tree/tree-draft.ts";

/** What became of it; paths as the image's maker knows them. */
export interface MachineState {
  /** places of which files are copied to a machine, with their number */
  readonly copied: ReadonlyMap<string, number>;
  /** what lies below `/usr` now, with links at its old place */
  readonly linked: readonly string[];
}

const SYSIMAGE = "usr/lib/sysimage";
const COPIES = "usr/share/stratos/var";
const CONF = "usr/lib/tmpfiles.d/stratos-var.conf";
const INTO_VAR: readonly (readonly [place: string, target: string])[] = [
  ["home", "var/home"],
  ["root", "var/roothome"],
  ["srv", "var/srv"],
  ["mnt", "var/mnt"],
  ["opt", "var/opt"],
  ["usr/local", "var/usrlocal"],
];
const LINKED: readonly (readonly [place: string, kept: string, links: string])[] = [
  ["opt", "usr/lib/opt", "var/opt"],
  ["usr/local", "usr/lib/usrlocal", "var/usrlocal"],
];
/** Folders of `/usr/local` that machines add to: what is below them is linked, not they. */
const SHARED_LOCAL =
  // wide: one pattern
  /^(bin|etc|games|include|lib|lib\/systemd(\/system)?|libexec|man|sbin|share|share\/(applications|man|man\/man\d)|src)$/;
/** The archive's lists, which a machine fetches, and what OSTree itself links. */
const NOT_COPIED = /^var\/(cache\/apt\/.|lib\/apt\/lists\/.|run$|lock$)/;

/** Lays out what `draft` has there; dpkg's database, which describes the image, becomes a part of it. */
export function keepMachineState(draft: TreeDraft): MachineState {
  // A tree that was laid out before says by its own file what is copied.
  const lines = linesOf(draft);
  if (draft.has("var/lib/dpkg")) draft.move("var/lib/dpkg", `${SYSIMAGE}/dpkg`);
  if (draft.has(`${SYSIMAGE}/dpkg`)) tell(lines, "L", "var/lib/dpkg", `- - - - /${SYSIMAGE}/dpkg`);
  const linked = linkVendorTrees(draft, lines),
    copied = new Map<string, number>();
  for (const [place, target] of INTO_VAR) intoVar(draft, place, target, lines);
  for (const { path } of draft.below("var")) if (NOT_COPIED.test(path) && draft.has(path)) draft.remove(path);
  for (const entry of draft.below("var")) {
    if (entry.path === "var") continue;
    const home = homeOf(entry.path);
    if (entry.kind === "directory" && home === undefined)
      tell(
        lines,
        "d",
        entry.path,
        `${modeOf(entry)} ${entry.uid === 0 ? "root" : entry.uid} ${entry.gid === 0 ? "root" : entry.gid} - -`,
      );
    if (entry.kind === "directory" && home !== entry.path) continue;
    if (isLinkAlone(entry)) {
      tell(lines, "L!", entry.path, `- - - - ${linkTarget(entry)}`);
      continue;
    }
    if (entry.kind === "file" || entry.kind === "hardLink" || entry.kind === "symlink") {
      const place = placeNow(entry.path);
      copied.set(place, (copied.get(place) ?? 0) + 1);
    }
    const unit = home ?? entry.path;
    tell(lines, "C!", unit, `- - - - /${COPIES}/${unit.slice("var/".length).replaceAll("%", "%%")}`);
  }
  putAside(draft);
  const text = [...lines]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, line]) => `${line}\n`)
    .join("");
  draft.file(CONF, byteStringOf(`# What /var has on a new machine.\n${text}`));
  return { copied, linked };
}

/** Fills `/etc` and `/var` of what was laid out as a machine has them after its first boot; of another tree nothing. */
export function bringMachineState(draft: TreeDraft): void {
  if (!draft.has("etc")) copy(draft, "usr/etc", "etc");
  copy(draft, COPIES, "var");
  for (const [path, line] of linesOf(draft)) {
    const [kind, words] = [line.slice(0, line.indexOf(" ")), line.split(" ")];
    if (kind === "d") {
      const [mode, uid, gid] = words.slice(-5);
      const owner = { uid: uid === "root" ? 0 : Number(uid), gid: gid === "root" ? 0 : Number(gid) };
      draft.directory(path, { mode: parseInt(mode!, 8), ...owner });
    } else if (kind.startsWith("L") && !draft.has(path))
      draft.put(fileEntry(path, "symlink", { mtime: draft.mtime, target: targetIn(line) }));
  }
}

function copy(draft: TreeDraft, from: string, to: string): void {
  for (const entry of draft.below(from)) {
    const source = entry.kind === "hardLink" ? draft.get(entry.target)! : entry;
    draft.put({ ...source, path: to + entry.path.slice(from.length) });
  }
}

/** What the tree's own file says, by path. */
function linesOf(draft: TreeDraft): Map<string, string> {
  return new Map(
    (draft.text(CONF) ?? "")
      .split("\n")
      .filter((line) => !line.startsWith("#") && line !== "")
      .map((line) => [placeOf(line), line]),
  );
}

/** Moves what `/opt` and `/usr/local` bring below `/usr`. */
function linkVendorTrees(draft: TreeDraft, lines: Map<string, string>): string[] {
  const linked: string[] = [];
  for (const [place, kept, links] of LINKED) {
    if (draft.get(place)?.kind !== "directory") continue;
    for (const unit of unitsOf(draft, place, place === "opt" ? /^$/ : SHARED_LOCAL)) {
      const name = unit.slice(place.length + 1);
      draft.move(unit, `${kept}/${name}`);
      tell(lines, "L", `${links}/${name}`, `- - - - /${kept}/${name.replaceAll("%", "%%")}`);
      linked.push(`/${unit}`);
    }
  }
  return linked;
}

/** The highest entries with files, of folders that nobody else adds to. */
function unitsOf(draft: TreeDraft, folder: string, shared: RegExp): string[] {
  return unitsBelow(draft, folder, (path) => shared.test(path.slice(folder.length + 1)));
}

function unitsBelow(draft: TreeDraft, folder: string, isShared: (path: string) => boolean): string[] {
  return draft.children(folder).flatMap((path) => {
    if (draft.get(path)!.kind !== "directory") return [path];
    if (isShared(path)) return unitsBelow(draft, path, isShared);
    return draft.below(path).some(({ kind }) => kind !== "directory") ? [path] : [];
  });
}

/** What is there moves to its place in `/var`, and a link leads to it. */
function intoVar(draft: TreeDraft, place: string, target: string, lines: Map<string, string>): void {
  if (draft.get(place)?.kind === "symlink") return;
  for (const child of draft.children(place)) {
    const moved = `${target}${child.slice(place.length)}`;
    if (draft.has(moved))
      throw new FormatError(`/${child}: /${moved} is there, too, and is the same place on a machine of OSTree`);
    draft.move(child, moved);
  }
  const old = draft.get(place);
  if (old?.kind === "directory" && !draft.has(target)) draft.put({ ...old, path: target });
  if (draft.has(place)) draft.remove(place);
  draft.symlink(place, place.includes("/") ? `../${target}` : target);
  if (draft.get(target) === undefined)
    tell(lines, "d", target, `${target === "var/roothome" ? "0700" : "0755"} root root - -`);
}

/** A home of its own, or root's, that a path lies in. */
function homeOf(path: string): string | undefined {
  return /^var\/(?:roothome|home\/[^/]+)(?=\/|$)/.exec(path)?.[0];
}

/**
 * A symbolic link that goes with no home: it is made at its place. tmpfiles.d's `C` follows links, and fails of those
 * that lead nowhere from where the copies lie (`/var/spool/mail` → `../mail`).
 */
function isLinkAlone({ kind, path }: FileEntry): boolean {
  const home = homeOf(path);
  return kind === "symlink" && (home === undefined || home === path);
}

function linkTarget({ path, target }: FileEntry): string {
  if (target.includes("\n")) throw new FormatError(`/${path}: leads to a name that tmpfiles.d cannot hold`);
  return target.replaceAll("%", "%%");
}

/** `/home/…` of `var/home/…`: the part by which a maker of images knows it. */
function placeNow(path: string): string {
  const known = INTO_VAR.find(([, target]) => path === target || path.startsWith(`${target}/`));
  return known === undefined ? "/var" : `/${known[0]}`;
}

/** `/var` becomes empty; what it had of files lies in `COPIES`. */
function putAside(draft: TreeDraft): void {
  for (const { path, kind } of draft.below("var"))
    if (kind === "character" || kind === "block" || kind === "fifo") draft.remove(path);
  const entries = draft.below("var"),
    wanted = new Set<string>();
  for (const entry of entries) {
    const { path, kind } = entry;
    if ((kind === "directory" && homeOf(path) === undefined) || isLinkAlone(entry)) continue;
    for (let at = path; at !== "" && !wanted.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/"))))
      wanted.add(at);
  }
  if (wanted.size > 0) {
    if (draft.has(COPIES)) throw new FormatError(`/${COPIES} is there already, and /var has files that would go there`);
    draft.move("var", COPIES);
    for (const { path } of draft.below(COPIES).reverse())
      if (!wanted.has(`var${path.slice(COPIES.length)}`)) draft.remove(path);
  }
  for (const path of draft.children("var")) draft.remove(path);
  draft.directory("var");
}

function modeOf({ mode }: FileEntry): string {
  return mode.toString(8).padStart(4, "0");
}

/** Paths and targets are byte strings. */
function tell(lines: Map<string, string>, kind: string, path: string, words: string): void {
  lines.set(path, `${kind} ${quoted(`/${path}`)} ${words}`);
}

/** As tmpfiles.d reads it: words may stand in quotes, `%` begins a specifier. */
function quoted(path: string): string {
  const text = path.replaceAll("%", "%%");
  if (text.includes("\n")) throw new FormatError(`${JSON.stringify(path)}: a name that tmpfiles.d cannot hold`);
  return /[\s"'\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}

/** The path of one of our own lines. */
function placeOf(line: string): string {
  const quotedPath = /^\S+ "((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return (quotedPath === undefined ? line.split(" ")[1]! : quotedPath.replace(/\\(.)/g, "$1"))
    .replaceAll("%%", "%")
    .slice(1);
}

/** Where one of our own lines says that a link leads; a target is the line's rest, spaces and all. */
function targetIn(line: string): string {
  return line.slice(line.indexOf(" - - - - ") + " - - - - ".length).replaceAll("%%", "%");
}
