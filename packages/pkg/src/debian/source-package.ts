/**
 * Source packages: what a `.dsc` file, or a paragraph of a `Sources` list, says of one. Source: dsc(5); Debian Policy
 * §5.4.
 */
import { parseControl, type Stanza } from "./control.ts";
import { isVersion } from "./version.ts";

/** A source package's description that cannot be gone by. */
export class SourceError extends Error {
  override name = "SourceError";
}

/** One of the files that a source package consists of. */
export interface SourceFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What is before and after the signed text is nobody's word. Source: RFC 9580 §7. */
const SIGNED =
  /^-----BEGIN PGP SIGNED MESSAGE-----\r?\n(?:[^\r\n]+\r?\n)*\r?\n([\s\S]*?)\r?\n-----BEGIN PGP SIGNATURE-----/;

/**
 * The paragraph of a `.dsc` or `.buildinfo` file. Its signature, if it has one, is not looked at.
 *
 * @throws SourceError, ControlError
 */
export function parseSource(text: string, path: string): Stanza {
  const signed = SIGNED.exec(text);
  const stanzas = parseControl(signed === null ? text : signed[1]!.replace(/^- /gm, ""), path);
  const stanza = stanzas[0];
  if (stanza === undefined || stanzas.length > 1) throw new SourceError(`${path}: is not one paragraph`);
  const name = stanza.get("Source") ?? stanza.get("Package"),
    version = stanza.get("Version");
  if (name === undefined || !/^[a-z0-9][a-z0-9+.-]+(?: \([^()]+\))?$/.test(name))
    throw new SourceError(`${path}: names no source package`);
  if (version === undefined || !isVersion(version)) throw new SourceError(`${path}: has no version`);
  return stanza;
}

/**
 * The files by `Checksums-Sha256`; MD5 and SHA-1 are not believed.
 *
 * @throws SourceError  there are none, or a name is no plain one
 */
export function sourceFiles(stanza: Stanza, path: string): SourceFile[] {
  const files: SourceFile[] = [];
  for (const line of (stanza.get("Checksums-Sha256") ?? "").split("\n")) {
    if (line.trim() === "") continue;
    const match = /^\s*([0-9a-f]{64})\s+([0-9]{1,15})\s+([A-Za-z0-9][A-Za-z0-9+.~:_-]*)$/.exec(line);
    if (match === null)
      throw new SourceError(`${path}: not a file with its SHA-256 hash: ${line.trim().slice(0, 160)}`);
    files.push({ name: match[3]!, sizeBytes: Number(match[2]), sha256: match[1]! });
  }
  if (files.length === 0) throw new SourceError(`${path}: has no Checksums-Sha256`);
  return files;
}
