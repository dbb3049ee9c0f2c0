/** `stratos pkg alpm update|list|search|show|verify|history|rollback`. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { byteStringToUtf8, printable } from "@stratos/base";
import {
  parseAlpmDependency,
  parseMtree,
  placeOf,
  compareAlpmVersions,
  satisfiesAlpmDependency,
  type AlpmPackage,
  type InstalledPackage,
  type MtreeEntry,
  type RootFiles,
  type SyncPackage,
} from "@stratos/pkg";
import { CommandError, UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import { formatFacts, formatTable } from "../text-table.ts";
import type { AlpmChangeOptions, AlpmInstalledOptions, AlpmListOptions, AlpmRootOptions } from "./alpm-options.ts";
import { alpmAtTerminal } from "./alpm-terminal.ts";

export async function updateAlpm(options: AlpmRootOptions): Promise<number> {
  return alpmAtTerminal(options, { command: "pkg alpm update" }, async ({ alpm, progress, refresh }) => {
    await refresh();
    progress.clear();
    process.stdout.write(
      alpm.databases.map((database) => `${database.repository}: ${database.packages.length} packages\n`).join(""),
    );
    return 0;
  });
}

export async function listAlpm(options: AlpmInstalledOptions): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    const offered = (name: string): SyncPackage | undefined =>
      alpm.databases.map((database) => database.get(name)).find((one) => one !== undefined);
    const packages = alpm.local
      .packages()
      .filter(
        (one) =>
          (options.explicit !== true || one.reason === "explicit") &&
          (options.foreign !== true || offered(one.name) === undefined),
      );
    const rows = packages.map((one) => {
      const newest = offered(one.name);
      return {
        name: one.name,
        version: one.version,
        reason: one.reason,
        installedSize: one.installedSize,
        repository: newest?.repository ?? null,
        newer: newest !== undefined && compareAlpmVersions(newest.version, one.version) > 0 ? newest.version : null,
      };
    });
    if (options.json === true) print(rows);
    else
      process.stdout.write(
        formatTable(
          ["NAME", "VERSION", "REASON", "SIZE", "NEWER"],
          rows.map((row) => [row.name, row.version, row.reason, formatSize(row.installedSize), row.newer ?? "-"]),
        ),
      );
    return 0;
  });
}

export async function searchAlpm(words: readonly string[], options: AlpmListOptions): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    if (alpm.databases.length === 0)
      throw new CommandError(whatOf(options), "no package lists are there yet; run `stratos pkg alpm update` first");
    const found = alpm.databases
      .flatMap((database) => database.packages)
      .filter((one) => {
        const text = (
          `${one.name} ${byteStringToUtf8(one.description)} ` + `${one.groups.join(" ")} ${one.provides.join(" ")}`
        ).toLowerCase();
        return words.every((word) => text.includes(word.toLowerCase()));
      });
    if (options.json === true) print(found.map((one) => ({ repository: one.repository, ...plain(one) })));
    else
      process.stdout.write(
        formatTable(
          ["NAME", "VERSION", "REPOSITORY", "INSTALLED", "DESCRIPTION"],
          found.map((one) => [
            one.name,
            one.version,
            one.repository,
            alpm.local.get(one.name)?.package.version ?? "-",
            byteStringToUtf8(one.description),
          ]),
        ),
      );
    return found.length > 0 ? 0 : 1;
  });
}

export async function showAlpm(names: readonly string[], options: AlpmListOptions): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    const shown = names.map((name) => {
      const one =
        alpm.local.get(name)?.package ??
        alpm.databases.map((database) => database.get(name)).find((candidate) => candidate !== undefined);
      if (one === undefined) throw new CommandError(name, "no such package, neither installed nor offered");
      return one;
    });
    if (options.json === true) {
      print(
        shown.map((one) => ({
          ...plain(one),
          ...("reason" in one
            ? { reason: (one as InstalledPackage).reason, installDate: (one as InstalledPackage).installDate }
            : { repository: (one as SyncPackage).repository }),
        })),
      );
      return 0;
    }
    for (const one of shown) {
      const rows: [string, string][] = [
        ["Name", one.name],
        ["Version", one.version],
        ["Description", one.description],
        ["URL", one.url],
        ["Licenses", one.licenses.join(" ")],
        ["Groups", one.groups.join(" ")],
        ["Depends", one.depends.join(" ")],
        ["Optional", one.optionalDepends.join("; ")],
        ["Provides", one.provides.join(" ")],
        ["Conflicts", one.conflicts.join(" ")],
        ["Replaces", one.replaces.join(" ")],
        ["Size", formatSize(one.installedSize)],
      ];
      process.stdout.write(formatFacts(rows));
    }
    return 0;
  });
}

/** Compares the files of installed packages with what their packages said, as `pacman -Qkk` does. */
export async function verifyAlpm(names: readonly string[], options: AlpmListOptions): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm, files }) => {
    const entries =
      names.length === 0 ? alpm.local.entries() : names.map((name) => alpm.local.get(name) ?? notInstalled(name));
    const altered: { package: string; path: string; what: string }[] = [];
    for (const entry of entries) {
      const packed = alpm.local.mtree(entry.package.name);
      if (packed === undefined) continue;
      const backup = new Set(entry.backup.map((one) => one.path));
      for (const line of parseMtree(
        (packed[0] === 0x1f ? gunzipSync(packed) : Buffer.from(packed)).toString("latin1"),
      )) {
        if (line.path.startsWith(".") || backup.has(line.path)) continue;
        const what = difference(files, line);
        if (what !== "") altered.push({ package: entry.package.name, path: byteStringToUtf8(`/${line.path}`), what });
      }
    }
    if (options.json === true) print(altered);
    else
      process.stdout.write(
        altered.length === 0
          ? `${entries.length} packages, no altered files\n`
          : formatTable(
              ["PACKAGE", "PATH", "WHAT"],
              altered.map((one) => [one.package, one.path, one.what]),
            ),
      );
    return altered.length === 0 ? 0 : 1;
  });
}

function notInstalled(name: string): never {
  throw new CommandError(name, "is not installed");
}

function difference(files: RootFiles, line: MtreeEntry): string {
  const place = placeOf((path) => files.look(path), line.path);
  const node = files.look(place);
  if (node === undefined) return "missing";
  if (line.kind === "directory" && node.kind === "symlink") return "";
  if (node.kind !== line.kind) return `is a ${node.kind}`;
  if (node.kind === "symlink") return node.target === line.target ? "" : `leads to ${byteStringToUtf8(node.target)}`;
  if (node.meta.mode !== line.meta.mode) return `mode ${node.meta.mode.toString(8)}`;
  if (process.getuid?.() === 0 && (node.meta.uid !== line.meta.uid || node.meta.gid !== line.meta.gid))
    return `owner ${node.meta.uid}:${node.meta.gid}`;
  if (node.kind !== "file") return "";
  if (line.sizeBytes !== undefined && node.sizeBytes !== line.sizeBytes) return `size ${node.sizeBytes}`;
  if (line.sha256 !== undefined && createHash("sha256").update(files.read(place)).digest("hex") !== line.sha256)
    return "content";
  return "";
}

export async function alpmHistory(options: AlpmListOptions): Promise<number> {
  if (options.root === undefined)
    throw new UsageError("history", "an image has `stratos pkg history`; this is for folders (--root)");
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    const records = alpm.history().map((record) => ({
      id: record.id,
      time: new Date(record.note.time * 1000).toISOString(),
      title: record.note.title,
      changes: (record.note.data as { summary?: string[] } | null)?.summary ?? [],
      paths: record.paths.length,
    }));
    if (options.json === true) print(records);
    else
      process.stdout.write(
        formatTable(
          ["ID", "TIME", "FILES", "WHAT"],
          records.map((one) => [String(one.id), one.time.slice(0, 16).replace("T", " "), String(one.paths), one.title]),
        ),
      );
    return 0;
  });
}

export async function rollbackAlpm(id: string | undefined, options: AlpmChangeOptions): Promise<number> {
  if (options.root === undefined)
    throw new UsageError("rollback", "an image has `stratos pkg rollback`; this is for folders (--root)");
  return alpmAtTerminal(options, {}, async ({ alpm }) => {
    if (alpm.history().length === 0) throw new CommandError(whatOf(options), "no transaction was made yet");
    const from = id === undefined ? undefined : Number(id);
    if (from !== undefined && !alpm.history().some((record) => record.id === from))
      throw new CommandError(id!, "there is no such transaction; see `stratos pkg alpm history`");
    const titles = await alpm.rollback(from);
    process.stdout.write(titles.map((title) => `took back: ${title}\n`).join(""));
    return 0;
  });
}

/** Tells whom an installed package is there for, by the shortest chain to one that was asked for. */
export async function whyAlpm(names: readonly string[], options: AlpmListOptions): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    const installed = alpm.local.packages();
    const answers = names.map((name) => {
      const one = alpm.local.get(name)?.package ?? notInstalled(name);
      return { name, reason: one.reason, chain: chainTo(one, installed) };
    });
    if (options.json === true) print(answers);
    else {
      for (const { name, reason, chain } of answers) {
        process.stdout.write(
          printable(
            reason === "explicit"
              ? `${name}: was asked for\n`
              : chain.length === 0
                ? `${name}: came as a dependency, and nothing needs it any more\n`
                : `${name}: ${chain.map(({ by, needs }) => `${by} needs ${needs}`).join("; ")}\n`,
          ),
        );
      }
    }
    return 0;
  });
}

/** From a package that was asked for down to `one`; empty when nothing needs it. */
function chainTo(one: InstalledPackage, installed: readonly InstalledPackage[]): { by: string; needs: string }[] {
  const seen = new Set([one.name]);
  let rows = [{ at: one, chain: [] as { by: string; needs: string }[] }];
  let longest: { by: string; needs: string }[] = [];
  while (rows.length > 0) {
    const next: typeof rows = [];
    for (const { at, chain } of rows) {
      for (const other of installed) {
        const needs = other.depends.find((text) => satisfiesAlpmDependency(at, parseAlpmDependency(text)));
        if (needs === undefined || seen.has(other.name)) continue;
        seen.add(other.name);
        const longer = [{ by: other.name, needs: byteStringToUtf8(needs) }, ...chain];
        if (other.reason === "explicit") return longer;
        longest = longer;
        next.push({ at: other, chain: longer });
      }
    }
    rows = next;
  }
  return longest;
}

/** What packages depend on, or what depends on them. */
export async function dependsAlpm(
  names: readonly string[],
  options: AlpmListOptions & { readonly reverse?: true },
): Promise<number> {
  return alpmAtTerminal(options, { readOnly: true }, async ({ alpm }) => {
    const installed = alpm.local.packages();
    const rows = names.flatMap((name) => {
      const one =
        alpm.local.get(name)?.package ??
        alpm.databases.map((database) => database.get(name)).find((candidate) => candidate !== undefined);
      if (one === undefined) throw new CommandError(name, "no such package, neither installed nor offered");
      if (options.reverse === true) {
        return installed.flatMap((other) =>
          other.depends
            .filter((text) => satisfiesAlpmDependency(one, parseAlpmDependency(text)))
            .map((text) => ({ package: other.name, needs: byteStringToUtf8(text), by: one.name })),
        );
      }
      return one.depends.map((text) => ({
        package: name,
        needs: byteStringToUtf8(text),
        by: installed.find((other) => satisfiesAlpmDependency(other, parseAlpmDependency(text)))?.name ?? "-",
      }));
    });
    if (options.json === true) print(rows);
    else
      process.stdout.write(
        formatTable(
          ["PACKAGE", "NEEDS", "FULFILLED BY"],
          rows.map((row) => [row.package, row.needs, row.by]),
        ),
      );
    return 0;
  });
}

function whatOf(options: AlpmRootOptions): string {
  return options.root ?? options.image ?? "image";
}

/** A package for JSON: text rather than byte strings. */
function plain(one: AlpmPackage): Record<string, unknown> {
  const texts = (list: readonly string[]): string[] => list.map(byteStringToUtf8);
  return {
    name: one.name,
    version: one.version,
    base: one.base,
    description: byteStringToUtf8(one.description),
    url: one.url,
    architecture: one.architecture,
    installedSize: one.installedSize,
    licenses: texts(one.licenses),
    groups: texts(one.groups),
    depends: texts(one.depends),
    optionalDepends: texts(one.optionalDepends),
    provides: texts(one.provides),
    conflicts: texts(one.conflicts),
    replaces: texts(one.replaces),
  };
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
