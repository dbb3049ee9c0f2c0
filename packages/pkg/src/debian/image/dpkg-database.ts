/**
 * dpkg's database (`/var/lib/dpkg`) as dpkg itself would leave it after unpacking packages onto an empty system:
 * each is `install ok unpacked`, and `dpkg --configure -a` in the guest finishes the job.
 *
 * Configuration files are the one subtlety. dpkg unpacks them as `NAME.dpkg-new` and moves them when it configures; for
 * a file whose `.dpkg-new` is gone it assumes that this has been done and keeps the hash it has (dpkg
 * src/main/configure.c, `deferred_configure`). On an empty system there is nothing to keep or to ask about, so we write
 * them under their names with their hashes, which is the state after that step.
 *
 * Source: dpkg 1.22: lib/dpkg/parse.c (order of fields), lib/dpkg/triglib.c (triggers), src/main/unpack.c (info files).
 */
import { byteStringOf } from "@stratos/base";
import type { ControlFile, DebArchive } from "../deb-archive.ts";

/** A package that has been unpacked. */
export interface UnpackedPackage {
  name: string;
  architecture: string;
  archive: Pick<DebArchive, "control" | "controlFiles">;
  /** paths with their leading slash, in the archive's order, `/.` first; others may take files over, so it is a set */
  paths: Set<string>;
  /**
   * configuration files by path with its leading slash: what `status` says of each, the MD5 hash of its content as a
   * rule
   */
  conffiles: Map<string, string>;
  /** content hashes of all other regular files, when the package brings no list of its own */
  md5sums: Map<string, string> | undefined;
  /** files that stand elsewhere until it is known where they are diverted to: their places by path, without slashes */
  setAside: Map<string, string>;
}

interface DatabaseFile {
  path: string;
  mode: number;
  content: Uint8Array;
  mtime: number | undefined;
}

/** dpkg's order; other fields follow in the order of the control file. */
const STATUS_FIELDS = [
  "Package",
  "Essential",
  "Protected",
  "Status",
  "Priority",
  "Section",
  "Installed-Size",
  "Origin",
  "Maintainer",
  "Bugs",
  "Architecture",
  "Multi-Arch",
  "Source",
  "Version",
  "Replaces",
  "Provides",
  "Depends",
  "Pre-Depends",
  "Recommends",
  "Suggests",
  "Breaks",
  "Conflicts",
  "Enhances",
  "Conffiles",
  "Description",
];

/** Control files that dpkg keeps elsewhere. */
const NOT_KEPT = new Set(["control"]);

/** All files of the database, with paths relative to the root. */
export function dpkgDatabase(packages: readonly UnpackedPackage[], architecture: string): DatabaseFile[] {
  const files: DatabaseFile[] = [];
  const put = (path: string, text: string, mode = 0o644): void => {
    files.push({ path: `var/lib/dpkg/${path}`, mode, content: byteStringOf(text), mtime: undefined });
  };
  const sorted = [...packages].sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
  put("arch", architecturesText(sorted, architecture));
  put("diversions", "");
  put("info/format", "1\n");
  put("triggers/Unincorp", "");
  for (const one of sorted) {
    const base = infoName(one);
    put(`info/${base}.list`, [...one.paths].map((path) => `${path}\n`).join(""));
    for (const file of one.archive.controlFiles) {
      if (!NOT_KEPT.has(file.name))
        files.push({
          path: `var/lib/dpkg/info/${base}.${file.name}`,
          mode: file.mode,
          content: file.content,
          mtime: file.mtime,
        });
    }
    if (one.md5sums !== undefined)
      put(`info/${base}.md5sums`, [...one.md5sums].map(([path, hash]) => `${hash}  ${path.slice(1)}\n`).join(""));
  }
  for (const [name, text] of triggerInterests(sorted)) put(`triggers/${name}`, text);
  const status = sorted.map((one) => `${statusStanza(one)}\n`).join("");
  put("status", status);
  put("status-old", status);
  put("lock", "", 0o640);
  put("lock-frontend", "", 0o640);
  return files;
}

/** `var/lib/dpkg/arch`: the system's own architecture, then those that packages are of besides. Source: dpkg(1). */
export function architecturesText(
  packages: readonly Pick<UnpackedPackage, "architecture">[],
  architecture: string,
): string {
  const foreign = new Set(packages.map((one) => one.architecture));
  for (const own of [architecture, "all"]) foreign.delete(own);
  return [architecture, ...[...foreign].sort()].map((one) => `${one}\n`).join("");
}

/** Packages that may be there for several architectures have theirs in the name. */
export function infoName(one: Pick<UnpackedPackage, "name" | "architecture" | "archive">): string {
  return one.archive.control.get("Multi-Arch") === "same" ? `${one.name}:${one.architecture}` : one.name;
}

/** A package's entry in `status`. */
export function statusStanza(one: UnpackedPackage): string {
  const { control } = one.archive;
  const conffiles = [...one.conffiles].map(([path, hash]) => `\n ${path} ${hash}`).join("");
  let text = "";
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "")
      text += value.startsWith("\n") ? `${name}:${value}\n` : `${name}: ${value}\n`;
  };
  for (const field of STATUS_FIELDS) {
    if (field === "Status") add(field, "install ok unpacked");
    else if (field === "Conffiles") add(field, conffiles);
    else add(field, control.get(field));
  }
  const known = new Set(STATUS_FIELDS.map((field) => field.toLowerCase()));
  for (const [name, value] of control) if (!known.has(name.toLowerCase())) add(name, value);
  return text;
}

/**
 * A package's configuration files in the order of its list, with what `status` says of one that has not been unpacked:
 * `remove-on-upgrade /etc/x` names one that the package wants gone.
 */
export function parseConffiles(
  controlFiles: readonly ControlFile[],
  latin1: (bytes: Uint8Array) => string,
): Map<string, string> {
  const file = controlFiles.find((one) => one.name === "conffiles");
  const conffiles = new Map<string, string>();
  for (const line of file === undefined ? [] : latin1(file.content).split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words.length === 1 && words[0]!.startsWith("/")) conffiles.set(words[0]!, "newconffile");
    else if (words.length === 2 && words[0] === "remove-on-upgrade" && words[1]!.startsWith("/"))
      conffiles.set(words[1]!, "newconffile remove-on-upgrade");
  }
  return conffiles;
}

/**
 * `triggers/Unincorp` as dpkg leaves it after unpacking onto a system: paths that configured packages are interested in
 * and that others have brought something at or below, each with those packages, which wait for what is done about it
 * (dpkg itself knows who need not).
 *
 * Source: dpkg lib/dpkg/triglib.c, trig_path_activate; deb-triggers(5): "when any file […] under that directory".
 */
export function activatedTriggers(
  configured: readonly UnpackedPackage[],
  unpacked: readonly UnpackedPackage[],
): string {
  const awaiters = new Map(
    [...(triggerInterests(configured).get("File") ?? "").matchAll(/^(\S+) /gm)].map(([, path]): [string, string[]] => [
      path!,
      [],
    ]),
  );
  for (const one of unpacked) {
    const own = new Set<string>();
    for (const path of one.paths)
      for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) if (awaiters.has(at)) own.add(at);
    for (const path of own) awaiters.get(path)!.push(infoName(one));
  }
  return [...awaiters]
    .filter(([, names]) => names.length > 0)
    .map(([path, names]) => `${path} ${names.join(" ")}\n`)
    .join("");
}

/** Who is interested in which trigger: `triggers/File` for paths, a file each for names. */
function triggerInterests(packages: readonly UnpackedPackage[]): Map<string, string> {
  const interests = new Map<string, string>();
  const append = (file: string, line: string): void => {
    interests.set(file, `${interests.get(file) ?? ""}${line}\n`);
  };
  for (const one of packages) {
    const file = one.archive.controlFiles.find((control) => control.name === "triggers");
    if (file === undefined) continue;
    for (const line of asText(file.content).split("\n")) {
      const [directive, name] = line.replace(/#.*/, "").trim().split(/\s+/);
      if (name === undefined || !/^interest(-await|-noawait)?$/.test(directive ?? "")) continue;
      const owner = `${infoName(one)}${directive === "interest-noawait" ? "/noawait" : ""}`;
      if (name.startsWith("/")) append("File", `${name} ${owner}`);
      else if (/^[A-Za-z0-9+.:_-]+$/.test(name)) append(name, owner);
    }
  }
  return interests;
}

function asText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
