/** The `.deb`, by the writer that `stratos pkg deb build` has. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { buildDeb, type DebEntry } from "@stratos/pkg";
import { tarEntry, TarType } from "@stratos/formats";
import { debChangelog, debControl, debCopyright, lintianOverrides, maintainerScripts } from "./control.ts";
import { DOC, isLink, linuxPayload, packed, sizeOf, systemUnits, type PayloadEntry } from "./payload.ts";
import type { PayloadPlaces } from "./payload.ts";
import { debFileNameOf, type Architecture, type Release } from "./release.ts";

/** `best` is for releases; `fast` for who looks into the package at once. */
export type Compression = "best" | "fast";

/** Debian Policy 4.7 §9.1; zsh's and fish's are those that Debian's own packages of them read. */
const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions",
  zsh: "usr/share/zsh/vendor-completions",
  fish: "usr/share/fish/vendor_completions.d",
};
const PIECE_BYTES = 1 << 20;

/** @returns the package's path */
export async function writeDeb(
  release: Release,
  places: PayloadPlaces,
  architecture: Architecture,
  options: { output: string; compression: Compression },
): Promise<string> {
  const payload = linuxPayload(places, architecture, COMPLETIONS);
  const text = (path: string, content: string, mode = 0o644): PayloadEntry => ({
    path,
    mode,
    content: Buffer.from(content),
  });
  const mit = readFileSync(join(places.root, "LICENSE-MIT"), "utf8");
  const entries: PayloadEntry[] = [
    ...payload,
    text(`${DOC}/copyright`, debCopyright(release, mit)),
    { path: `${DOC}/changelog.gz`, mode: 0o644, content: packed(Buffer.from(debChangelog(release))) },
    text("usr/share/lintian/overrides/stratos", lintianOverrides(architecture)),
  ];
  const scripts = Object.entries(maintainerScripts(systemUnits(entries)));
  const built = await buildDeb(
    {
      // Byte strings are what the writer takes: a maintainer's name may be no ASCII.
      control: Buffer.from(debControl(release, architecture)).toString("latin1"),
      controlFiles: scripts.map(([name, content]) => ({
        name,
        mode: 0o755,
        mtime: release.epoch,
        content: Buffer.from(content),
      })),
      tree: debTree(entries, release.epoch),
    },
    release.epoch,
    {
      hasher: md5Hasher,
      suffix: ".gz",
      compress: compressor(options.compression),
    },
  );
  const path = join(options.output, debFileNameOf(release, architecture));
  writeFileSync(path, built.bytes);
  return path;
}

/** With the folders that the paths name. */
function debTree(entries: readonly PayloadEntry[], mtime: number): DebEntry[] {
  const folders = new Set<string>();
  for (const { path } of entries)
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1))
      folders.add(path.slice(0, slash));
  return [
    ...[...folders].map((path) => ({ entry: tarEntry(path, TarType.directory, { mtime }) })),
    ...entries.map((entry): DebEntry => {
      if (isLink(entry))
        return { entry: tarEntry(entry.path, TarType.symbolicLink, { mode: 0o777, mtime, linkPath: entry.target }) };
      const { path, mode, content } = entry;
      return {
        entry: tarEntry(path, TarType.file, { mode, mtime, size: sizeOf(entry) }),
        content: () => (content instanceof Uint8Array ? [content] : filePieces(content.file)),
      };
    }),
  ];
}

function* filePieces(path: string): Iterable<Uint8Array> {
  const descriptor = openSync(path, "r");
  try {
    for (;;) {
      const piece = new Uint8Array(PIECE_BYTES);
      const count = readSync(descriptor, piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}

function md5Hasher(): { update(bytes: Uint8Array): void; hex(): string } {
  const hash = createHash("md5");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}

/** gzip is what each dpkg and lintian read; of Zstandard lintian says that it is no package. */
function compressor(compression: Compression): (pieces: Iterable<Uint8Array>) => Promise<Uint8Array> {
  return async (pieces) => {
    const parts: Uint8Array[] = [];
    const packer = createGzip({ level: compression === "best" ? 9 : 1 });
    await pipeline(Readable.from(pieces), packer, async (stream: AsyncIterable<Uint8Array>) => {
      for await (const part of stream) parts.push(part);
    });
    return Buffer.concat(parts);
  };
}
