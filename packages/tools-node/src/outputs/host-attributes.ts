/**
 * Extended attributes of the host's files, for which Node has no calls: attr's two programs read and set those of many
 * files at once. Source: getfattr(1), setfattr(1).
 */
import { spawnSync } from "node:child_process";
import { byteString, byteStringOf } from "@stratos/base";
import { FormatError } from "@stratos/formats";

/**
 * What belongs to a system's files. Labels and checksums of the host's own security (`security.selinux`,
 * `security.ima`) and of its overlays do not.
 */
const TAKEN = /^(user\.|trusted\.(?!overlay)|security\.capability$|system\.posix_acl_)/;
const OUTPUT_MAX = 1 << 28;

/**
 * Attributes of all files in a folder, by path within it ("" is the folder itself). Paths and values are byte strings.
 *
 * @returns undefined when the host has no program that reads them. @throws FormatError
 */
export function readAttributes(folder: string): Map<string, Map<string, string>> | undefined {
  const { error, status, stdout, stderr } = spawnSync(
    "getfattr",
    ["-R", "-P", "-h", "--absolute-names", "-d", "-m", "-", "-e", "hex", "--", folder],
    { maxBuffer: OUTPUT_MAX },
  );
  if (error !== undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  if (error !== undefined)
    throw new FormatError(`${folder}: its extended attributes cannot be read: ${error.message}`, { cause: error });
  // A file that went meanwhile is told, and so is one that may not be read; what is read of it later says so better.
  if (status === null)
    throw new FormatError(
      `${folder}: its extended attributes cannot be read: ${stderr.toString("utf8").trim().split("\n")[0] ?? ""}`,
    );
  const prefix = byteString(Buffer.from(folder)).replace(/\/+$/, ""),
    found = new Map<string, Map<string, string>>();
  let own: Map<string, string> | undefined;
  for (const line of byteString(stdout).split("\n")) {
    const path = /^# file: (.*)$/.exec(line)?.[1];
    if (path !== undefined) {
      own = new Map();
      found.set(unquoted(path).slice(prefix.length).replace(/^\/+/, ""), own);
      continue;
    }
    const pair = /^([^=]+)=0x([0-9a-f]*)$/.exec(line) ?? /^([^=]+)$/.exec(line);
    if (pair === null || own === undefined) continue;
    const name = unquoted(pair[1]!);
    if (TAKEN.test(name)) own.set(name, Buffer.from(pair[2] ?? "", "hex").toString("latin1"));
  }
  return found;
}

/** getfattr writes a backslash and what would end a line as three octal digits. */
function unquoted(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

export interface AttributedFile {
  readonly path: Buffer;
  readonly xattrs: ReadonlyMap<string, Uint8Array | string>;
  readonly isLink: boolean;
}

/** @throws FormatError when attributes cannot be set */
export function setAttributes(files: readonly AttributedFile[]): void {
  if (files.length === 0) return;
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
  if (status !== 0)
    throw new FormatError(
      `extended attributes cannot be set here: ${stderr.toString("utf8").trim().split("\n")[0] ?? ""}`,
    );
}
