/** A small repository of ALPM packages in memory, and a system around a root, for tests. */
import { constants as zlib, gzipSync, zstdCompressSync } from "node:zlib";
import { createHash } from "node:crypto";
import { TarType, tarEntry } from "@stratos/formats";
import type { PackageInfo } from "../alpm/package-info.ts";
import type { AlpmConfiguration } from "../alpm/configuration.ts";
import { readConfiguration } from "../alpm/configuration.ts";
import { writeAlpmPackage, type NewFile, listedPaths } from "../alpm/package-archive.ts";
import type { SyncPackage } from "../alpm/alpm-package.ts";
import { writeSyncDatabase, type DatabaseEntry } from "../alpm/sync-database.ts";
import { standardListener, type AlpmEvent, type AlpmListener } from "../alpm/events.ts";
import type { AlpmPorts } from "../alpm/system.ts";
import { testPorts, type TestPorts } from "./test-ports.ts";

const BUILD_DATE = 1_700_000_000;

export interface TestPackageSpec extends Partial<Omit<PackageInfo, "name" | "version">> {
  /** `/` at the end: a folder; `->` in the text: a symbolic link; `=>`: a hard link */
  files?: Record<string, string>;
  modes?: Record<string, number>;
  install?: string;
  /** programs: path → content */
  binaries?: Record<string, Uint8Array>;
}

export function packageInfo(name: string, version: string, fields: Partial<PackageInfo> = {}): PackageInfo {
  return {
    name,
    version,
    base: name,
    description: `the package ${name}`,
    url: "https://example.org",
    architecture: "any",
    packager: "Test <test@example.org>",
    buildDate: BUILD_DATE,
    installedSize: 0,
    licenses: ["MIT"],
    groups: [],
    depends: [],
    optionalDepends: [],
    makeDepends: [],
    checkDepends: [],
    conflicts: [],
    provides: [],
    replaces: [],
    backup: [],
    extraData: [],
    ...fields,
  };
}

export type TestAlpmPorts = TestPorts & AlpmPorts;

export function testAlpmPorts(): TestAlpmPorts {
  return Object.assign(testPorts(), {
    digest: (algorithm: string, bytes: Uint8Array) =>
      createHash(algorithm === "b2" ? "blake2b512" : algorithm)
        .update(bytes)
        .digest("hex"),
    compress: async (compression: string, bytes: Uint8Array) =>
      new Uint8Array(
        compression === "gzip"
          ? gzipSync(bytes)
          : compression === "zstd"
            ? zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } })
            : bytes,
      ),
  });
}

function packageFiles(files: Record<string, string>, modes: Record<string, number> = {}): NewFile[] {
  const made = new Map<string, NewFile>();
  const folder = (path: string): void => {
    if (path === "" || made.has(path)) return;
    if (path.includes("/")) folder(path.slice(0, path.lastIndexOf("/")));
    made.set(path, {
      path,
      entry: tarEntry(path, TarType.directory, {
        mtime: BUILD_DATE,
        mode: modes[`${path}/`] ?? 0o755,
        uname: "root",
        gname: "root",
      }),
      content: new Uint8Array(0),
    });
  };
  for (const [path, text] of Object.entries(files)) {
    const plain = path.replace(/\/$/, "");
    if (plain.includes("/")) folder(plain.slice(0, plain.lastIndexOf("/")));
    if (path.endsWith("/")) {
      folder(plain);
      continue;
    }
    const common = { mtime: BUILD_DATE, uname: "root", gname: "root" };
    if (text.startsWith("-> "))
      made.set(plain, {
        path: plain,
        entry: tarEntry(plain, TarType.symbolicLink, { ...common, mode: 0o777, linkPath: text.slice(3) }),
        content: new Uint8Array(0),
      });
    else if (text.startsWith("=> "))
      made.set(plain, {
        path: plain,
        entry: tarEntry(plain, TarType.hardLink, {
          ...common,
          mode: modes[text.slice(3)] ?? 0o644,
          linkPath: text.slice(3),
        }),
        content: new Uint8Array(0),
      });
    else {
      const content = Buffer.from(text);
      made.set(plain, {
        path: plain,
        entry: tarEntry(plain, TarType.file, { ...common, mode: modes[plain] ?? 0o644, size: content.length }),
        content,
      });
    }
  }
  return [...made.values()];
}

export async function makeAlpmPackage(
  name: string,
  version: string,
  spec: TestPackageSpec = {},
): Promise<{ info: PackageInfo; files: NewFile[]; bytes: Uint8Array }> {
  const { files: given, modes, install, binaries, ...fields } = spec;
  const files =
    binaries === undefined
      ? packageFiles(given ?? { [`usr/share/${name}`]: `${name} ${version}\n` }, modes)
      : packageFiles(
          Object.fromEntries(Object.keys(binaries).map((path) => [path, ""])),
          Object.fromEntries(Object.keys(binaries).map((path) => [path, 0o755])),
        ).map((file) => ({ ...file, content: binaries[file.path] ?? file.content }));
  const installedSize = files.reduce((sum, file) => sum + file.content.length, 0);
  const info = packageInfo(name, version, { installedSize, ...fields });
  const bytes = await writeAlpmPackage(
    { info, files, ...(install === undefined ? {} : { install: Buffer.from(install) }) },
    testAlpmPorts(),
  );
  return { info, files, bytes };
}

/** Publishes packages as repository `name` at `http://mirror/NAME`; `[name, version, spec]` each. */
export async function publishRepository(
  ports: TestAlpmPorts,
  name: string,
  packages: readonly (readonly [string, string, TestPackageSpec?])[],
): Promise<void> {
  const entries: DatabaseEntry[] = [];
  for (const [packageName, version, spec] of packages) {
    const made = await makeAlpmPackage(packageName, version, spec);
    const fileName = `${packageName}-${version}-${made.info.architecture}.pkg.tar.zst`;
    ports.web.set(`http://mirror/${name}/${encodeURIComponent(fileName)}`, made.bytes);
    const { backup: _, ...info } = made.info;
    const digest = (algorithm: string): string => createHash(algorithm).update(made.bytes).digest("hex");
    const sync: SyncPackage = {
      ...info,
      repository: name,
      fileName,
      downloadSize: made.bytes.length,
      sha256: digest("sha256"),
      md5: digest("md5"),
      signature: "",
    };
    entries.push({ package: sync, files: listedPaths(made.files) });
  }
  ports.web.set(
    `http://mirror/${name}/${name}.db`,
    await ports.compress("zstd", writeSyncDatabase(entries, { withFiles: false, mtime: BUILD_DATE })),
  );
}

export function testConfiguration(repositories: readonly string[], options = ""): AlpmConfiguration {
  const text =
    `[options]\nArchitecture = x86_64\nParallelDownloads = 3\n${options}\n` +
    `${repositories.map((name) => `[${name}]\nServer = http://mirror/$repo\n`).join("")}`;
  return readConfiguration("pacman.conf", { read: () => text, glob: () => [], machine: "x86_64" });
}

/** Standard answers, but for those given; events are collected. */
export function collectingListener(answers: Partial<AlpmListener> = {}): AlpmListener & { events: AlpmEvent[] } {
  const events: AlpmEvent[] = [];
  return {
    ...standardListener((event) => {
      events.push(event);
    }),
    ...answers,
    events,
  };
}
