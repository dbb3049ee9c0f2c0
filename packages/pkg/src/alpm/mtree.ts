/**
 * `.MTREE` of a package: one line for each file with its time, mode, owner, size and hashes, from which `pacman -Qkk`
 * tells what was altered. Source: mtree(5) of libarchive, which decides how names are escaped and what `/set` means.
 */
import { withoutOctalEscapes } from "@stratos/base";
import type { RootMeta } from "../root/root-writer.ts";

export interface MtreeEntry {
  /** within the package, without a leading slash */
  path: string;
  kind: "file" | "directory" | "symlink";
  meta: RootMeta;
  /** of a symlink */
  target?: string;
  /** of a file */
  sizeBytes?: number;
  md5?: string;
  sha256?: string;
}

/** The text of an `.MTREE`, before gzip. */
export function formatMtree(entries: readonly MtreeEntry[]): string {
  let text = "#mtree\n/set type=file uid=0 gid=0 mode=644\n";
  for (const entry of entries) {
    let line = `./${escapeName(entry.path)} time=${entry.meta.mtime.toFixed(1)}`;
    if (entry.meta.mode !== 0o644) line += ` mode=${entry.meta.mode.toString(8)}`;
    if (entry.meta.uid !== 0) line += ` uid=${entry.meta.uid}`;
    if (entry.meta.gid !== 0) line += ` gid=${entry.meta.gid}`;
    if (entry.kind === "directory") line += " type=dir";
    else if (entry.kind === "symlink") line += ` type=link link=${escapeName(entry.target ?? "")}`;
    else {
      line += ` size=${entry.sizeBytes ?? 0}`;
      if (entry.md5 !== undefined) line += ` md5digest=${entry.md5}`;
      if (entry.sha256 !== undefined) line += ` sha256digest=${entry.sha256}`;
    }
    text += `${line}\n`;
  }
  return text;
}

/** @throws Error  a line that means nothing here, with its number */
export function parseMtree(text: string): MtreeEntry[] {
  const entries: MtreeEntry[] = [];
  let defaults = new Map<string, string>();
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!.trim();
    if (line === "" || line.startsWith("#")) continue;
    const words = line.split(/ +/);
    const keys = new Map(
      words.slice(1).map((word) => {
        const equals = word.indexOf("=");
        return equals < 0 ? ([word, ""] as const) : ([word.slice(0, equals), word.slice(equals + 1)] as const);
      }),
    );
    if (words[0] === "/set") {
      defaults = new Map([...defaults, ...keys]);
      continue;
    }
    if (words[0] === "/unset") {
      for (const key of keys.keys()) defaults.delete(key);
      continue;
    }
    const get = (key: string): string | undefined => keys.get(key) ?? defaults.get(key);
    const kind = { file: "file", dir: "directory", link: "symlink" }[get("type") ?? "file"] as
      | MtreeEntry["kind"]
      | undefined;
    const mode = parseInt(get("mode") ?? "644", 8),
      mtime = Number(get("time") ?? 0),
      uid = Number(get("uid") ?? 0),
      gid = Number(get("gid") ?? 0);
    if (kind === undefined || !Number.isFinite(mode + mtime + uid + gid) || !words[0]!.startsWith("./"))
      throw new Error(`mtree line ${index + 1}: not understood: ${line.slice(0, 80)}`);
    const entry: MtreeEntry = {
      path: withoutOctalEscapes(words[0]!.slice(2)),
      kind,
      meta: { mode: mode & 0o7777, mtime, uid, gid },
    };
    if (kind === "symlink") entry.target = withoutOctalEscapes(get("link") ?? "");
    if (kind === "file") {
      if (get("size") !== undefined) entry.sizeBytes = Number(get("size"));
      const md5 = get("md5digest") ?? get("md5"),
        sha256 = get("sha256digest") ?? get("sha256");
      if (md5 !== undefined) entry.md5 = md5;
      if (sha256 !== undefined) entry.sha256 = sha256;
    }
    entries.push(entry);
  }
  return entries;
}

function escapeName(name: string): string {
  return name.replace(/[^!$-<>-Z\]-~]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
