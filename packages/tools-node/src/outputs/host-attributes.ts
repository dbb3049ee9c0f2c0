/**
 * Extended attributes of the host's files, for which Node has no calls: attr's two programs read and set those of many
 * files at once. Source: getfattr(1), setfattr(1).
 */
import { spawnSync } from "node:child_process";
import { byteString, byteStringOf, withoutOctalEscapes } from "@stratos/base";
import { FormatError } from "@stratos/formats";

/**
 * What belongs to a system's files. Labels and checksums of the host's own security (`security.selinux`,
 * `security.ima`) and of its overlays do not.
 */
const TAKEN = /^(user\.|trusted\.(?!overlay)|security\.capability$|system\.posix_acl_)/;
const OUTPUT_MAX = 1 << 28;

/** getfattr of what its first argument names by octal digits; 127 where there is none. */
const BY_OCTAL =
  'command -v getfattr >/dev/null || exit 127; place=$(printf "%b/" "$1"); shift; exec getfattr "$@" "${place%/}"';
const GETFATTR = ["-R", "-P", "-h", "--absolute-names", "-d", "-m", "-", "-e", "hex", "--"];

/**
 * Attributes of all files in a folder, or of one file, by path within it ("" is the folder itself). Paths and values
 * are byte strings.
 *
 * @returns undefined when the host has no program that reads them. @throws FormatError
 */
export function readAttributes(folder: string | Uint8Array): Map<string, Map<string, string>> | undefined {
  const place = Buffer.from(folder);
  // Node gives a program text alone as its arguments; printf(1) knows all bytes but what ends a line at the end.
  const isText = place.equals(Buffer.from(place.toString("utf8")));
  const { error, status, stdout, stderr } = isText
    ? spawnSync("getfattr", [...GETFATTR, place.toString("utf8")], { maxBuffer: OUTPUT_MAX })
    : spawnSync(
        "sh",
        ["-c", BY_OCTAL, "sh", [...place].map((byte) => `\\0${byte.toString(8)}`).join(""), ...GETFATTR],
        { maxBuffer: OUTPUT_MAX },
      );
  if (!isText && status === 127) return undefined;
  if (error !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  if (error !== undefined)
    throw new FormatError(`${folder}: its extended attributes cannot be read: ${error.message}`, { cause: error });
  // A file that went meanwhile is told, and so is one that may not be read; what is read of it later says so better.
  if (status === null)
    throw new FormatError(
      `${folder}: its extended attributes cannot be read: ${stderr.toString("utf8").trim().split("\n")[0] ?? ""}`,
    );
  const prefix = byteString(place).replace(/\/+$/, ""),
    found = new Map<string, Map<string, string>>();
  let own: Map<string, string> | undefined;
  for (const line of byteString(stdout).split("\n")) {
    const path = /^# file: (.*)$/.exec(line)?.[1];
    if (path !== undefined) {
      own = new Map();
      found.set(withoutOctalEscapes(path).slice(prefix.length).replace(/^\/+/, ""), own);
      continue;
    }
    const pair = /^([^=]+)=0x([0-9a-f]*)$/.exec(line) ?? /^([^=]+)$/.exec(line);
    if (pair === null || own === undefined) continue;
    // getfattr writes a backslash and what would end a line so.
    const name = withoutOctalEscapes(pair[1]!);
    if (TAKEN.test(name)) own.set(name, Buffer.from(pair[2] ?? "", "hex").toString("latin1"));
  }
  return found;
}

export interface AttributedFile {
  readonly path: Buffer;
  readonly xattrs: ReadonlyMap<string, Uint8Array | string>;
  readonly isLink: boolean;
}

/** @throws FormatError when attributes cannot be set */
export function setAttributes(files: readonly AttributedFile[]): void {
  const refused = trySetAttributes(files);
  if (refused.length > 0) throw new FormatError(`extended attributes cannot be set here: ${refused[0]!}`);
}

/**
 * Sets what can be set.
 *
 * @returns what setfattr said of the rest, a line each. @throws FormatError when it is not there
 */
export function trySetAttributes(files: readonly AttributedFile[]): string[] {
  if (files.length === 0) return [];
  const quote = (bytes: string): string =>
    bytes.replace(/[\n\\\r]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
  const hex = (value: Uint8Array | string): string =>
    Buffer.from(typeof value === "string" ? byteStringOf(value) : value).toString("hex");
  const dump = files
    .map(
      ({ path, xattrs }) =>
        `# file: ${quote(byteString(path))}\n` +
        `${[...xattrs].map(([name, value]) => `${name}=0x${hex(value)}\n`).join("")}`,
    )
    .join("\n");
  const options = files.some(({ isLink }) => isLink) ? ["-h"] : [];
  const { error, status, stderr } = spawnSync("setfattr", [...options, "--restore=-"], {
    input: Buffer.from(dump, "latin1"),
    maxBuffer: OUTPUT_MAX,
  });
  if (error !== undefined)
    throw new FormatError(
      "setfattr: is not there, and extended attributes cannot be set without it (on Debian: apt-get install attr)",
      { cause: error },
    );
  const lines = stderr.toString("utf8").trim();
  return status === 0 ? [] : lines === "" ? [`setfattr: status ${status ?? "unknown"}`] : lines.split("\n");
}
