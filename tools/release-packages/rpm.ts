/** The `.rpm`, by rpmbuild, of the files that the `.deb` has. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runTool } from "./native-tool.ts";
import { DOC, isLink, linuxPayload, systemUnits, type PayloadEntry, type PayloadPlaces } from "./payload.ts";
import { ARCHITECTURES, rpmFileNameOf, type Architecture, type Release } from "./release.ts";
import type { Compression } from "./deb.ts";
import { rpmSpec } from "./spec.ts";

/** Fedora's packaging guidelines, "Shell completions". */
const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions",
  zsh: "usr/share/zsh/site-functions",
  fish: "usr/share/fish/vendor_completions.d",
};
/** Folders that are nobody else's. */
const OWN_FOLDERS = ["usr/lib/stratos", DOC];

/** @returns the package's path */
export function writeRpm(
  release: Release,
  places: PayloadPlaces,
  architecture: Architecture,
  options: { output: string; compression: Compression },
): string {
  const folder = mkdtempSync(join(tmpdir(), "stratos-rpm-"));
  try {
    const entries: PayloadEntry[] = [
      ...linuxPayload(places, architecture, COMPLETIONS),
      ...["LICENSE-MIT", "LICENSE-APACHE"].map((name) => ({
        path: `${DOC}/${name}`,
        mode: 0o644,
        content: { file: join(places.root, name) },
      })),
    ];
    const staged = join(folder, "staged");
    stage(entries, staged, release.epoch);
    const spec = join(folder, "stratos.spec");
    writeFileSync(
      spec,
      rpmSpec(release, {
        files: entries.map((entry) => ({
          path: `/${entry.path}`,
          mode: isLink(entry) ? 0o777 : entry.mode,
          isLink: isLink(entry),
        })),
        folders: ownFolders(entries).map((path) => `/${path}`),
        units: systemUnits(entries),
      }),
    );
    const target = ARCHITECTURES[architecture].rpm;
    const name = rpmFileNameOf(release, architecture);
    const defines = {
      _topdir: join(folder, "build"),
      _rpmdir: join(folder, "out"),
      _rpmfilename: name,
      staged,
      _binary_payload: options.compression === "best" ? "w19.zstdio" : "w1.zstdio",
    };
    runTool(
      "rpmbuild",
      [
        "-bb",
        "--target",
        `${target}-linux`,
        ...Object.entries(defines).flatMap(([macro, value]) => ["--define", `${macro} ${value}`]),
        spec,
      ],
      { env: { SOURCE_DATE_EPOCH: String(release.epoch) } },
    );
    const path = join(options.output, name);
    copyFileSync(join(folder, "out", name), path);
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the files below `folder`. */
export function stage(entries: readonly PayloadEntry[], folder: string, epoch: number): void {
  for (const entry of entries) {
    const path = join(folder, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    if (isLink(entry)) {
      symlinkSync(entry.target, path);
      continue;
    }
    if (entry.content instanceof Uint8Array) writeFileSync(path, entry.content);
    else copyFileSync(entry.content.file, path);
    chmodSync(path, entry.mode);
    utimesSync(path, epoch, epoch);
  }
}

function ownFolders(entries: readonly PayloadEntry[]): string[] {
  const folders = new Set<string>(OWN_FOLDERS);
  for (const { path } of entries)
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const above = path.slice(0, slash);
      if (OWN_FOLDERS.some((own) => above.startsWith(`${own}/`))) folders.add(above);
    }
  return [...folders].sort();
}
