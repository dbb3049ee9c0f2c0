/**
 * A signed repository of small packages that do what real ones do, served on this host; and roots that hold little more
 * than dpkg.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import {
  nodePackagePorts,
  readDebFolder,
  RepositoryFolder,
  repositoryServer,
  type NodePackagePorts,
} from "@stratos/tools-node/packages";
import { buildDeb, createSigningKey, type SigningKey } from "@stratos/pkg";
import { nativeObstacle } from "../../packages/tools-node/src/compose/native-runner.ts";
import { stratos, type Result } from "./stratos.ts";

interface Sample {
  name: string;
  version: string;
  fields?: string;
  files?: Record<string, string>;
  control?: Record<string, string>;
}

/** A maintainer script. */
export const script = (text: string): string => `#!/bin/sh\nset -e\n${text}\n`;

export class SampleArchive {
  readonly #folder: string;
  readonly #name: string;
  readonly ports: NodePackagePorts;
  readonly repository: RepositoryFolder;
  readonly #server: Server;
  #key: SigningKey | undefined;
  #url = "";

  /**
   * @param folder  an empty folder, which holds all of it
   * @param name  of the suite; origin and label are the same with a capital
   */
  constructor(folder: string, architecture: string, name = "own") {
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    this.#folder = folder;
    this.#name = name;
    mkdirSync(folder, { recursive: true });
    this.ports = nodePackagePorts(join(folder, "downloads"));
    this.repository = RepositoryFolder.create(join(folder, "repository"), {
      suite: name,
      codename: `${name}-code`,
      origin: title,
      label: title,
      description: "",
      architectures: [architecture],
      components: ["main"],
      validDays: 7,
    });
    this.#server = repositoryServer(this.repository.folder);
  }

  async open(): Promise<void> {
    this.#key = await createSigningKey("Own", Math.floor(Date.now() / 1000) - 60);
    await new Promise<void>((resolve) => {
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.ports.close();
  }

  /** The key that signs it, armored. */
  get publicKey(): string {
    return this.#key!.publicKey;
  }

  get url(): string {
    return this.#url;
  }

  /** An entry for `sources.list.d/NAME.sources`. */
  get source(): string {
    const signed = this.#key!.publicKey.trim()
      .split(/\r?\n/)
      .map((line) => ` ${line === "" ? "." : line}`)
      .join("\n");
    return `Types: deb\nURIs: ${this.#url}\nSuites: ${this.#name}\nComponents: main\nSigned-By:\n${signed}\n`;
  }

  async offer(...samples: Sample[]): Promise<void> {
    for (const { name, version, fields = "", files = {}, control = {} } of samples) {
      const tree = join(this.#folder, "tree");
      rmSync(tree, { recursive: true, force: true });
      const put = (path: string, text: string): void => {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), text);
      };
      put(
        "DEBIAN/control",
        `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Test <t@example.org>\n` +
          `${fields}Description: sample ${name}\n`,
      );
      for (const [path, text] of Object.entries(files)) put(path, text);
      for (const [file, text] of Object.entries(control)) put(`DEBIAN/${file}`, text);
      const built = await buildDeb(readDebFolder(tree), 1_700_000_000, {
        hasher: this.ports.hasher,
        suffix: "",
        compress: async (pieces) => Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))),
      });
      const path = join(this.#folder, built.fileName);
      writeFileSync(path, built.bytes);
      await this.repository.add(path, "main", this.ports);
    }
    await this.sign();
  }

  async withdraw(name: string, version: string): Promise<void> {
    await this.repository.remove(name, version, this.ports);
    await this.sign();
  }

  async sign(key: SigningKey = this.#key!): Promise<void> {
    await this.repository.sign(key.privateKey, this.ports);
  }
}

/** Debian's name for what this host's dpkg is. */
export function hostArchitecture(): string {
  return execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
}

/** Why there can be no such root here whose packages change, or undefined. */
export function smallRootObstacle(): string | undefined {
  if (!existsSync("/usr/bin/dpkg")) return "the host is no Debian";
  return (
    nativeObstacle() ??
    (spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0
      ? undefined
      : "namespaces cannot be made here")
  );
}

/** `stratos pkg VERB --root ROOT …`, and the same that must succeed, which gives its output. */
export function rootCommands(
  root: string,
  env: Record<string, string>,
): { pkg(...args: string[]): Promise<Result>; good(...args: string[]): Promise<string> } {
  const pkg = (...args: string[]): Promise<Result> =>
    stratos(["pkg", args[0]!, "--root", root, ...args.slice(1)], { env });
  return {
    pkg,
    async good(...args) {
      const result = await pkg(...args);
      assert.equal(result.status, 0, result.stdout + result.stderr);
      return Buffer.from(result.stdout, "latin1").toString("utf8");
    },
  };
}

const PROGRAMS = [
  "sh",
  "env",
  "dpkg",
  "dpkg-deb",
  "dpkg-query",
  "dpkg-split",
  "dpkg-trigger",
  "dpkg-divert",
  "tar",
  "rm",
  "cat",
  "chmod",
  "mkdir",
  "sed",
  "diff",
];

/** Makes a root of the host's own dpkg and shell, on which no package is installed. */
export function makeSmallRoot(root: string, source: string): void {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  for (const folder of [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "tmp",
    "dev",
    "proc",
    "sys",
    "etc/apt/sources.list.d",
    "var/lib/apt/lists",
    "var/lib/dpkg/info",
    "var/lib/dpkg/updates",
    "var/lib/dpkg/triggers",
    "var/log",
    "var/cache",
    "usr/share/dpkg",
  ])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(root, name));
  addHostPrograms(root, PROGRAMS);
  // dpkg wants them in its path; what they do is no part of what is tested.
  for (const name of ["ldconfig", "start-stop-daemon"]) put(`usr/sbin/${name}`, "#!/bin/sh\n", 0o755);
  for (const name of ["cputable", "ostable", "tupletable"])
    if (existsSync(`/usr/share/dpkg/${name}`))
      copyFileSync(`/usr/share/dpkg/${name}`, join(root, "usr/share/dpkg", name));
  put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  put("etc/group", "root:x:0:\n");
  put("etc/apt/sources.list.d/own.sources", source);
  put("var/lib/dpkg/status", "");
  put("var/lib/dpkg/arch", `${hostArchitecture()}\n`);
}

/** Copies programs of this host into a root's `usr/bin`, with their libraries. */
export function addHostPrograms(root: string, programs: readonly string[]): void {
  for (const program of programs) {
    const path = realpathSync(execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim());
    addHostLibraries(root, path);
    copyFileSync(path, join(root, "usr/bin", program));
    chmodSync(join(root, "usr/bin", program), 0o755);
  }
}

/** Copies what a program of this host is linked with into a root. */
export function addHostLibraries(root: string, program: string): void {
  for (const library of spawnSync("ldd", [program], { encoding: "utf8" }).stdout.matchAll(/(\/\S+) \(/g)) {
    const at = join(root, library[1]!);
    mkdirSync(dirname(at), { recursive: true });
    copyFileSync(library[1]!, at);
  }
}

/** Reads a file of a root, "" when it is not there. */
export function readInRoot(root: string, path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
}
