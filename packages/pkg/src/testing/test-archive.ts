/** A small archive of Debian's kind, made in memory and signed by a key of its own. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { TarType, tarEnd, tarEntry, tarHeader, tarPadding, writeAr, type TarEntry } from "@stratos/formats";
import * as openpgp from "openpgp";
import { sha256, type TestPorts } from "./test-ports.ts";

export interface TestFile {
  path: string;
  text?: string;
  fields?: Partial<TarEntry>;
  type?: TarType;
}
export interface TestPackage {
  /** fields of the control file, Package, Version and Architecture among them */
  control: Record<string, string>;
  files?: readonly TestFile[];
  /** files of the control archive besides `control` */
  scripts?: Record<string, string>;
}

export function makeTar(files: readonly TestFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const content = Buffer.from(file.text ?? "", "latin1");
    const type = file.type ?? (file.path.endsWith("/") ? TarType.directory : TarType.file);
    parts.push(
      tarHeader(
        tarEntry(file.path.replace(/(.)\/$/, "$1"), type, {
          mtime: 1_700_000_000,
          size: content.length,
          ...file.fields,
        }),
      ),
      content,
      new Uint8Array(tarPadding(content.length)),
    );
  }
  return Buffer.concat([...parts, tarEnd()]);
}

export function makeDeb(one: TestPackage): Uint8Array {
  const control = Object.entries(one.control)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
  const controlFiles: TestFile[] = [{ path: "./" }, { path: "./control", text: control }];
  for (const [name, text] of Object.entries(one.scripts ?? {}))
    controlFiles.push({
      path: `./${name}`,
      text,
      fields: { mode: name === "conffiles" || name === "triggers" || name === "md5sums" ? 0o644 : 0o755 },
    });
  const member = { mtime: 0, uid: 0, gid: 0, mode: 0o100644 };
  return writeAr([
    { ...member, name: "debian-binary", data: Buffer.from("2.0\n") },
    { ...member, name: "control.tar.gz", data: gzipSync(makeTar(controlFiles)) },
    { ...member, name: "data.tar.zst", data: zstdCompressSync(makeTar(one.files ?? [{ path: "./" }])) },
  ]);
}

export interface TestSigner {
  publicKey: Uint8Array;
  fingerprint: string;
  /** of the subkey that signs, where there is one */
  subkey: string | undefined;
  /** armored */
  privateKey: string;
  sign(text: string): Promise<string>;
  /** a signature for a file of its own, armored */
  signDetached(text: string): Promise<string>;
}

/** @param how.withSubkey  signs by a subkey, as Debian's archive does */
export async function makeSigner(dateSeconds: number, how: { withSubkey?: boolean } = {}): Promise<TestSigner> {
  const date = new Date(dateSeconds * 1000);
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Test Archive" }],
    format: "object",
    date,
    ...(how.withSubkey === true ? { subkeys: [{ sign: true }] } : {}),
  });
  return {
    publicKey: publicKey.write(),
    fingerprint: publicKey.getFingerprint(),
    subkey: how.withSubkey === true ? publicKey.getSubkeys()[0]!.getFingerprint() : undefined,
    privateKey: privateKey.armor(),
    async sign(text) {
      return openpgp.sign({
        message: await openpgp.createCleartextMessage({ text }),
        signingKeys: privateKey,
        date: new Date((dateSeconds + 60) * 1000),
      });
    },
    async signDetached(text) {
      return openpgp.sign({
        message: await openpgp.createMessage({ binary: Buffer.from(text) }),
        signingKeys: privateKey,
        detached: true,
        date: new Date((dateSeconds + 60) * 1000),
      });
    },
  };
}

/** `sources`: the text of the list of source packages */
export interface PublishOptions {
  date?: string;
  extra?: string;
  byHash?: boolean;
  suite?: string;
  root?: string;
  sources?: string;
}

/**
 * Puts the packages into one folder of the web, with their list, as a flat repository; how it is signed is the
 * test's. @returns the text of its `Release`
 */
export function publishFlat(ports: TestPorts, packages: readonly TestPackage[], folder: string): string {
  const stanzas = packages.map((one) => {
    const deb = makeDeb(one),
      filename = `./${one.control["Package"]}.deb`;
    ports.web.set(`${folder}/${filename}`, deb);
    return Object.entries({ ...one.control, Filename: filename, Size: String(deb.length), SHA256: sha256(deb) })
      .map(([name, value]) => `${name}: ${value}\n`)
      .join("");
  });
  const list = Buffer.from(stanzas.join("\n"));
  ports.web.set(`${folder}/Packages`, list);
  return `Date: Fri, 15 Jan 2027 07:00:00 UTC\nSHA256:\n ${sha256(list)} ${list.length} Packages\n`;
}

/**
 * Puts the packages on the web of `ports`, under `root` (`http://mirror/debian`). The list of riscv64 has all; each
 * other architecture that one is of has its own.
 */
export async function publish(
  ports: TestPorts,
  packages: readonly TestPackage[],
  signer: TestSigner,
  options: PublishOptions = {},
): Promise<void> {
  const root = options.root ?? "http://mirror/debian",
    suite = options.suite ?? "trixie";
  const stanzas = packages.map((one) => {
    const deb = makeDeb(one),
      { Architecture: architecture = "all" } = one.control,
      suffix = isOther(architecture) ? `_${architecture}` : "";
    const filename = `pool/${one.control["Package"]}_${one.control["Version"]}${suffix}.deb`;
    ports.web.set(
      `${root}/` +
        filename.replace(/[^A-Za-z0-9/._~-]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
      deb,
    );
    const fields = { ...one.control, Filename: filename, Size: String(deb.length), SHA256: sha256(deb) };
    return Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join("");
  });
  const folder = `${root}/dists/${suite}`,
    others = new Set(packages.map(({ control }) => control["Architecture"] ?? "all").filter(isOther)),
    lists: string[] = [];
  for (const architecture of ["riscv64", ...others]) {
    const isOf = (one: TestPackage): boolean =>
      architecture === "riscv64" || [architecture, "all"].includes(one.control["Architecture"] ?? "all");
    const packed = gzipSync(stanzas.filter((_, index) => isOf(packages[index]!)).join("\n")),
      path = `main/binary-${architecture}`;
    ports.web.set(
      `${folder}/${path}/${(options.byHash ?? true) ? `by-hash/SHA256/${sha256(packed)}` : "Packages.gz"}`,
      packed,
    );
    lists.push(` ${sha256(packed)} ${packed.length} ${path}/Packages.gz\n`);
  }
  const sources = options.sources === undefined ? undefined : gzipSync(options.sources);
  if (sources !== undefined) ports.web.set(`${folder}/main/source/Sources.gz`, sources);
  const release =
    `Origin: Debian\nSuite: stable\nCodename: ${suite}\nVersion: 13.0\nDate: ` +
    `${options.date ?? "Fri, 15 Jan 2027 07:00:00 UTC"}\nArchitectures: ${["riscv64", ...others].join(" ")}\n` +
    "Components: main\n" +
    `${(options.byHash ?? true) ? "Acquire-By-Hash: yes\n" : ""}${options.extra ?? ""}SHA256:\n${lists.join("")}` +
    (sources === undefined ? "" : ` ${sha256(sources)} ${sources.length} main/source/Sources.gz\n`);
  ports.web.set(`${folder}/InRelease`, Buffer.from(await signer.sign(release)));
}

function isOther(architecture: string): boolean {
  return architecture !== "riscv64" && architecture !== "all";
}
