/**
 * System and configuration extensions: what one image of a compose has beyond another, below /usr and /opt or below
 * /etc, with the file that says which system it is for. systemd lays such over a running system. Source:
 * systemd-sysext(8); os-release(5), "extension-release".
 */
import { byteString, utf8Of } from "@stratos/base";
import { fileEntry, fileTreeOf, MemoryBlob, readBlob, type FileEntry, type FileTree } from "@stratos/formats";

type ExtensionKind = "sysext" | "confext";

interface Extension {
  readonly kind: ExtensionKind;
  /** of its file, without `.raw`: systemd asks for both to be the same */
  readonly name: string;
  readonly architecture: string;
  /** what must fit instead of the system's version: SYSEXT_LEVEL, CONFEXT_LEVEL */
  readonly level?: string | undefined;
  /** whatever the system is called */
  readonly fitsAny?: boolean | undefined;
  readonly epochSeconds: number;
}

/** What is to be an extension cannot be one. */
export class ExtensionError extends Error {
  override name = "ExtensionError";
}

const PLACES: Readonly<Record<ExtensionKind, readonly string[]>> = { sysext: ["usr", "opt"], confext: ["etc"] };
/** As systemd's ConditionArchitecture= has them. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: "x86-64",
  arm64: "arm64",
  armhf: "arm",
  armel: "arm",
  i386: "x86",
  ppc64el: "ppc64-le",
  riscv64: "riscv64",
  s390x: "s390x",
};
/** What each system has of its own, and an extension must not lay over it. */
const OWN =
  // wide: one pattern
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid|machine-id|hostname|hosts|fstab|os-release|resolv\.conf|ld\.so\.cache|mtab|apt\/sources\.list\.d\/debian\.sources)(-|$)/;
const SHOWN_MAX = 3;

/**
 * What `tree` has beyond `base`.
 *
 * @throws ExtensionError  nothing, or the base's files are gone: an extension only adds
 */
export function extensionTree(
  tree: FileTree,
  base: FileTree,
  extension: Extension,
  sha256: (bytes: Uint8Array) => string,
): FileTree {
  const { kind, name, epochSeconds } = extension,
    places = PLACES[kind];
  const below = new Map([...base.entries()].map((entry) => [entry.path, entry])),
    own = new Map([...tree.entries()].map((entry) => [entry.path, entry]));
  const isPlaced = (path: string): boolean => places.some((place) => path.startsWith(`${place}/`)) && !OWN.test(path);
  const gone = [...below.keys()].filter((path) => isPlaced(path) && !own.has(path));
  if (gone.length > 0)
    throw new ExtensionError(
      `an extension only adds, and /${gone.slice(0, SHOWN_MAX).join(", /")}` +
        `${gone.length > SHOWN_MAX ? ` and ${gone.length - SHOWN_MAX} more` : ""} of the image below ` +
        `${gone.length === 1 ? "is" : "are"} not there any more`,
    );
  const kept = new Map<string, FileEntry>();
  for (const entry of own.values()) {
    // Of folders, those that are new count, though they hold nothing.
    if (
      !isPlaced(entry.path) ||
      (entry.kind === "directory" ? below.has(entry.path) : isSame(entry, below.get(entry.path), own, below))
    )
      continue;
    for (let slash = entry.path.indexOf("/"); slash >= 0; slash = entry.path.indexOf("/", slash + 1))
      kept.set(entry.path.slice(0, slash), own.get(entry.path.slice(0, slash))!);
    const file = entry.kind === "hardLink" && !kept.has(entry.target) ? own.get(entry.target)! : entry;
    kept.set(entry.path, { ...file, path: entry.path });
  }
  if (kept.size === 0)
    throw new ExtensionError(
      `nothing is left for it: the image has the same below /${places.join(" and /")} as the one below`,
    );
  const folder = kind === "sysext" ? "usr/lib/extension-release.d" : "etc/extension-release.d";
  for (const path of ["", ...folder.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"))])
    if (!kept.has(path)) kept.set(path, own.get(path) ?? fileEntry(path, "directory", { mtime: epochSeconds }));
  kept.set(
    `${folder}/extension-release.${name}`,
    fileEntry(`${folder}/extension-release.${name}`, "file", {
      mtime: epochSeconds,
      content: new MemoryBlob(utf8Of(releaseText(base, extension)), sha256),
    }),
  );
  return fileTreeOf(kept.values());
}

/** Times say nothing: a configured root has the same for all. */
function isSame(
  one: FileEntry,
  other: FileEntry | undefined,
  own: ReadonlyMap<string, FileEntry>,
  below: ReadonlyMap<string, FileEntry>,
): boolean {
  if (other === undefined) return false;
  const left = one.kind === "hardLink" ? own.get(one.target)! : one,
    right = other.kind === "hardLink" ? below.get(other.target)! : other;
  return (
    left.kind === right.kind &&
    left.mode === right.mode &&
    left.uid === right.uid &&
    left.gid === right.gid &&
    left.target === right.target &&
    left.content?.digest === right.content?.digest &&
    left.deviceMajor === right.deviceMajor &&
    left.deviceMinor === right.deviceMinor &&
    JSON.stringify([...left.xattrs]) === JSON.stringify([...right.xattrs])
  );
}

function releaseText(base: FileTree, { kind, architecture, level, fitsAny }: Extension): string {
  if (fitsAny === true) return `ID=_any\nARCHITECTURE=${ARCHITECTURES[architecture] ?? architecture}\n`;
  const entry = [...base.entries()].find(({ path, kind: type }) => path === "usr/lib/os-release" && type === "file");
  if (entry === undefined || entry.content === null)
    throw new ExtensionError(
      "the image below has no /usr/lib/os-release, which says what the extension is for; its package is base-files",
    );
  const fields = new Map(
    byteString(readBlob(entry.content))
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const version =
    level === undefined
      ? fields.has("VERSION_ID")
        ? `VERSION_ID=${fields.get("VERSION_ID")!}\n`
        : ""
      : `${kind.toUpperCase()}_LEVEL=${level}\n`;
  return `ID=${fields.get("ID") ?? "linux"}\n${version}ARCHITECTURE=${ARCHITECTURES[architecture] ?? architecture}\n`;
}
