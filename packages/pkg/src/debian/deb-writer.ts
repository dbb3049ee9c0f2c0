/**
 * Makes a `.deb` from a control file, scripts and a tree. What goes in is all that counts: no clock, no host, no order
 * of a folder, so the same tree gives the same bytes. Source: deb(5), deb-control(5), dpkg-deb(1) `--build`.
 */
import { byteStringOf } from "@stratos/base";
import { gnuTarHeader, tarEnd, tarEntry, tarPadding, TarType, writeAr, type TarEntry } from "@stratos/formats";
import type { Hasher } from "../ports.ts";
import type { ControlFile, DebArchive } from "./deb-archive.ts";
import { DebError, visitData } from "./deb-archive.ts";
import { parseSingleStanza, Stanza } from "./control.ts";
import { parseDependencies } from "./dependency.ts";
import { isVersion } from "./version.ts";

/** A file of the tree; `entry.path` is relative (`usr/bin/x`), with its parents given too. */
export interface DebEntry {
  entry: TarEntry;
  /** of a file: its bytes in pieces, `entry.size` in all, the same each time; only valid until the next is asked for */
  content?(): Iterable<Uint8Array>;
}

export interface DebSource {
  /** `DEBIAN/control` as it stands */
  control: string;
  /** scripts and lists of `DEBIAN/`: `postinst`, `conffiles`, `triggers`, … */
  controlFiles: readonly ControlFile[];
  tree: readonly DebEntry[];
}

export interface DebTools {
  hasher(algorithm: "md5"): Hasher;
  /** @param sizeBytes  of all pieces */
  compress(pieces: Iterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array>;
  /** of the members' names: `.zst`, `.gz` or "" */
  suffix: string;
}

export interface BuiltDeb {
  bytes: Uint8Array;
  control: Stanza /** `NAME_VERSION_ARCHITECTURE.deb`, the version without its epoch */;
  fileName: string;
}

const SCRIPTS = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);
const LISTS = new Set(["conffiles", "triggers", "md5sums", "shlibs", "symbols", "templates"]);
const RELATIONS = [
  "Depends",
  "Pre-Depends",
  "Recommends",
  "Suggests",
  "Enhances",
  "Breaks",
  "Conflicts",
  "Provides",
  "Replaces",
];

/**
 * Held are the packed parts; files are read in pieces, twice.
 *
 * @param mtime  of what has no time of its own, and the latest that anything has, in seconds since 1970
 * @throws DebError  the control file, a script or the tree is not fit for a package
 */
export async function buildDeb(source: DebSource, mtime: number, tools: DebTools): Promise<BuiltDeb> {
  const control = checkControl(source.control);
  const tree = source.tree.map(({ entry, content }) => ({
    entry: {
      ...entry,
      ...(entry.uid === 0 ? { uname: "root" } : {}),
      ...(entry.gid === 0 ? { gname: "root" } : {}),
      mtime: Math.min(Math.floor(entry.mtime), mtime),
    },
    ...(content === undefined ? {} : { content }),
  }));
  checkTree(tree);
  if (!control.has("Installed-Size")) {
    // As dpkg-gencontrol counts: whole kibibytes of files, one for all else.
    let kib = 0;
    for (const { entry } of tree) kib += entry.type === TarType.file ? Math.ceil(entry.size / 1024) : 1;
    control.set("Installed-Size", String(kib));
  }
  const files = source.controlFiles
    .filter((file) => file.name !== "control")
    .map((file) => ({ ...file, mode: SCRIPTS.has(file.name) ? 0o755 : 0o644 }));
  checkControlFiles(files, tree);
  if (!files.some((file) => file.name === "md5sums")) {
    const sums = md5sumsOf(tree, tools);
    if (sums !== "") files.push({ name: "md5sums", mode: 0o644, mtime, content: byteStringOf(sums) });
  }
  files.push({ name: "control", mode: 0o644, mtime, content: byteStringOf(control.toString()) });
  files.sort((left, right) => (left.name < right.name ? -1 : 1));
  const root: DebEntry = { entry: tarEntry("./", TarType.directory, { mtime, uname: "root", gname: "root" }) };
  const controlEntries = [
    root,
    ...files.map((file) => ({
      entry: tarEntry(`./${file.name}`, TarType.file, {
        mode: file.mode,
        uname: "root",
        gname: "root",
        mtime: Math.min(Math.floor(file.mtime), mtime),
        size: file.content.length,
      }),
      content: () => [file.content],
    })),
  ];
  // Links come last, symbolic ones after all, as with dpkg-deb: what they lead to is there by then.
  const rank = ({ entry }: DebEntry): number =>
    entry.type === TarType.symbolicLink ? 2 : entry.type === TarType.hardLink ? 1 : 0;
  const ordered = [...tree].sort(
    (left, right) => rank(left) - rank(right) || (left.entry.path < right.entry.path ? -1 : 1),
  );
  const dataEntries = [
    root,
    ...ordered.map(({ entry, content }): DebEntry => ({
      entry: {
        ...entry,
        path: `./${entry.path}`,
        ...(entry.type === TarType.hardLink ? { linkPath: `./${entry.linkPath}` } : {}),
      },
      ...(content === undefined ? {} : { content }),
    })),
  ];
  const pack = (entries: readonly DebEntry[]): Promise<Uint8Array> =>
    tools.compress(tarPieces(entries), tarSize(entries));
  const member = { mtime, uid: 0, gid: 0, mode: 0o100644 };
  const bytes = writeAr([
    { ...member, name: "debian-binary", data: byteStringOf("2.0\n") },
    { ...member, name: `control.tar${tools.suffix}`, data: await pack(controlEntries) },
    { ...member, name: `data.tar${tools.suffix}`, data: await pack(dataEntries) },
  ]);
  return { bytes, control, fileName: debFileName(control) };
}

/** The usual name of a package's file. */
export function debFileName(control: Stanza): string {
  const version = (control.get("Version") ?? "").replace(/^[0-9]+:/, "");
  return `${control.get("Package")}_${version}_${control.get("Architecture")}.deb`;
}

/** What is wrong with a package's control file, if anything; one sentence each. */
export function controlProblems(control: Stanza): string[] {
  const problems: string[] = [];
  for (const field of ["Package", "Version", "Architecture", "Maintainer", "Description"])
    if ((control.get(field) ?? "") === "") problems.push(`the field ${field} is missing`);
  const name = control.get("Package"),
    version = control.get("Version"),
    architecture = control.get("Architecture");
  if (name !== undefined && !/^[a-z0-9][a-z0-9+.-]+$/.test(name))
    problems.push(`${name} is no package name: lower-case letters, digits, +, - and ., two at least`);
  if (version !== undefined && !isVersion(version)) problems.push(`${version} is no version`);
  if (architecture !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(architecture))
    problems.push(`${architecture} is no architecture`);
  for (const field of RELATIONS) {
    try {
      parseDependencies(control.get(field) ?? "");
    } catch (error) {
      problems.push(`${field}: ${(error as Error).message}`);
    }
  }
  return problems;
}

/** What is wrong with a whole package: its control file, its hashes, its configuration files, its paths. */
export async function debProblems(
  archive: DebArchive,
  tools: { hasher(algorithm: "md5"): Hasher; latin1(bytes: Uint8Array): string },
): Promise<string[]> {
  const problems = controlProblems(archive.control);
  const listOf = (name: string): string[] => {
    const file = archive.controlFiles.find((one) => one.name === name);
    return file === undefined
      ? []
      : tools
          .latin1(file.content)
          .split("\n")
          .filter((line) => line.trim() !== "");
  };
  const sums = new Map(listOf("md5sums").map((line) => [line.slice(34), line.slice(0, 32)]));
  const seen = new Map<string, TarType>();
  const hashes = new Map<string, string>();
  let current: TarEntry | undefined, hasher: Hasher | undefined;
  await visitData(archive, archive.control.get("Package") ?? "", {
    entry(entry) {
      current = entry;
      hasher = entry.type === TarType.file ? tools.hasher("md5") : undefined;
    },
    data(bytes) {
      hasher?.update(bytes);
    },
    end() {
      look(current!, hasher?.hex());
    },
  });
  for (const path of sums.keys()) if (!seen.has(path)) problems.push(`${path}: is in md5sums, but not in the package`);
  for (const line of listOf("conffiles"))
    if (line.startsWith("/") && !seen.has(line.trim().slice(1)))
      problems.push(`${line.trim()}: is a configuration file that the package does not hold`);
  return problems;

  function look(entry: TarEntry, ownHash: string | undefined): void {
    const path = inRoot(entry.path),
      former = seen.get(path);
    if (entry.path.startsWith("/") || path.split("/").includes(".."))
      problems.push(`${entry.path}: a path that leads out of the root`);
    if (path.includes("\n")) problems.push(`${path}: a line ends in this name`);
    if (former !== undefined && (former !== TarType.directory || entry.type !== TarType.directory))
      problems.push(`${path}: is there twice`);
    // Through a link of its own a package would place files where nobody sees that it does.
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const above = seen.get(path.slice(0, slash));
      if (above !== undefined && above !== TarType.directory)
        problems.push(`${path}: lies below ${path.slice(0, slash)}, which is no folder`);
    }
    if (entry.type === TarType.hardLink && seen.get(inRoot(entry.linkPath)) !== TarType.file)
      problems.push(`${path}: is another name of ${entry.linkPath}, which is no file before it in the package`);
    // What a further name leads to is as good as a file for one more.
    seen.set(path, entry.type === TarType.hardLink ? TarType.file : entry.type);
    const expected = sums.get(path);
    const hash = entry.type === TarType.hardLink ? hashes.get(inRoot(entry.linkPath)) : ownHash;
    if (hash === undefined) return;
    hashes.set(path, hash);
    if (expected !== undefined && hash !== expected)
      problems.push(`${path}: its content does not have the MD5 hash of md5sums`);
  }
}

/** `./usr/bin/x` as `usr/bin/x`. */
function inRoot(path: string): string {
  return path.replace(/^(\.?\/)+/, "").replace(/^\.$/, "");
}

function checkControl(text: string): Stanza {
  let control: Stanza;
  try {
    control = parseSingleStanza(text, "DEBIAN/control");
  } catch (cause) {
    throw new DebError((cause as Error).message, { cause });
  }
  const problems = controlProblems(control);
  if (problems.length > 0) throw new DebError(`DEBIAN/control: ${problems.join("; ")}`);
  return control;
}

function checkTree(tree: readonly DebEntry[]): void {
  const seen = new Set<string>();
  for (const { entry } of tree) {
    if (
      entry.path === "" ||
      entry.path.startsWith("/") ||
      /[\n\0]/.test(entry.path) ||
      entry.path.split("/").some((name) => name === "" || name === "." || name === "..")
    )
      throw new DebError(`not a path for a package: ${JSON.stringify(entry.path)}`);
    if (seen.has(entry.path)) throw new DebError(`${entry.path}: is there twice`);
    if (entry.path === "DEBIAN" || entry.path.startsWith("DEBIAN/"))
      throw new DebError(`${entry.path}: belongs to the control part`);
    seen.add(entry.path);
  }
}

function checkControlFiles(files: readonly ControlFile[], tree: readonly DebEntry[]): void {
  const paths = new Map(tree.map(({ entry }) => [`/${entry.path}`, entry.type]));
  for (const file of files) {
    if (!SCRIPTS.has(file.name) && !LISTS.has(file.name) && !/^[a-z0-9][a-z0-9.-]*$/.test(file.name))
      throw new DebError(`DEBIAN/${file.name}: not a name of a control file`);
    const isElf = file.content[0] === 0x7f && file.content[1] === 0x45;
    if (SCRIPTS.has(file.name) && !isElf && !(file.content[0] === 0x23 && file.content[1] === 0x21))
      throw new DebError(`DEBIAN/${file.name}: does not begin with #!, so it could not be run`);
    if (file.name !== "conffiles") continue;
    for (const line of String.fromCharCode(...file.content).split("\n")) {
      const path = line.trim();
      if (path === "" || path.startsWith("remove-on-upgrade ")) continue;
      if (!path.startsWith("/")) throw new DebError(`DEBIAN/conffiles: ${path}: not an absolute path`);
      if (paths.get(path) !== TarType.file)
        throw new DebError(`DEBIAN/conffiles: ${path}: the package holds no such file`);
    }
  }
}

function md5sumsOf(tree: readonly DebEntry[], tools: Pick<DebTools, "hasher">): string {
  let text = "";
  const contents = new Map(tree.map(({ entry, content }) => [entry.path, content]));
  for (const { entry, content } of [...tree].sort((left, right) => (left.entry.path < right.entry.path ? -1 : 1))) {
    if (entry.type !== TarType.file && entry.type !== TarType.hardLink) continue;
    const hasher = tools.hasher("md5");
    for (const piece of (entry.type === TarType.file ? content : contents.get(entry.linkPath))?.() ?? [])
      hasher.update(piece);
    text += `${hasher.hex()}  ${entry.path}\n`;
  }
  return text;
}

/** @throws DebError  a file has another size than it had */
function* tarPieces(entries: readonly DebEntry[]): Iterable<Uint8Array> {
  for (const { entry, content } of entries) {
    yield headerOf(entry);
    if (entry.type !== TarType.file) continue;
    let sizeBytes = 0;
    for (const piece of content?.() ?? []) {
      sizeBytes += piece.length;
      yield piece;
    }
    if (sizeBytes !== entry.size) throw new DebError(`${entry.path}: changed while it was read`);
    yield new Uint8Array(tarPadding(entry.size));
  }
  yield tarEnd();
}

function tarSize(entries: readonly DebEntry[]): number {
  return entries.reduce(
    (sum, { entry }) =>
      sum + headerOf(entry).length + (entry.type === TarType.file ? entry.size + tarPadding(entry.size) : 0),
    tarEnd().length,
  );
}

function headerOf(entry: TarEntry): Uint8Array {
  try {
    return gnuTarHeader(entry);
  } catch (cause) {
    throw new DebError((cause as Error).message, { cause });
  }
}
