/**
 * Damage on the way, of every kind, over real HTTP: lists, packages, signatures and databases, of Debian's kind and of
 * ALPM's. Goal: what is wrong is refused by name and changes nothing, neither the system nor what is kept; when the
 * server has mended it, the same store does its work. The server answers as a proxy, so that repositories may have any
 * name.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { sampleOf } from "@stratos/base/testing";
import { parseAr, writeAr } from "@stratos/formats";
import { FolderStore, HttpFetcher, nodeAlpmPorts, nodeAlpmSystem } from "@stratos/tools-node/packages";
import * as openpgp from "openpgp";
import { Alpm } from "./alpm/alpm.ts";
import { standardListener } from "./alpm/events.ts";
import { openDeb, requireIdentity } from "./debian/deb-archive.ts";
import { PackageIndex } from "./debian/package-index.ts";
import { loadRepository, packageFile } from "./debian/repository.ts";
import { download } from "./download.ts";
import type { PackagePorts } from "./ports.ts";
import { RootTree } from "./root/root-tree.ts";
import { MemoryRoot } from "./root/root-writer.ts";
import { unpackPackage } from "./debian/image/unpack-package.ts";
import { makeAlpmPackage, publishRepository, testAlpmPorts, testConfiguration } from "./testing/alpm-repository.ts";
import {
  makeDeb,
  makeSigner,
  makeTar,
  publish,
  type PublishOptions,
  type TestPackage,
  type TestSigner,
} from "./testing/test-archive.ts";
import { sha256, testPorts } from "./testing/test-ports.ts";

const NOW = 1_800_000_000; // 15 January 2027
type Web = Map<string, Uint8Array>;

/**
 * What the server gives by URL; and after how many bytes it cuts the connection, the first times that somebody asks for
 * the whole.
 */
let web: Web = new Map();
const cuts = new Map<string, number[]>();
/** `URL`, or `URL from N` */
const asked: string[] = [];

const server = createServer((request, response) => {
  const url = decodeURI(request.url!),
    content = web.get(request.url!) ?? web.get(url);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  asked.push(from === 0 ? url : `${url} from ${from}`);
  const cut = cuts.get(url)?.shift();
  response.writeHead(from === 0 ? 200 : 206, {
    "content-length": content.length - from,
    ...(from === 0 ? {} : { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  if (cut === undefined) response.end(content.subarray(from));
  else response.write(content.subarray(from, from + cut), () => response.destroy());
});
let folder = "",
  serial = 0,
  shared: ReturnType<typeof nodeAlpmPorts>,
  fetcher: HttpFetcher;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-damage-"));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  fetcher = new HttpFetcher({ http_proxy: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  shared = nodeAlpmPorts(join(folder, "shared"));
});
after(async () => {
  fetcher.close();
  await shared.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `work` with Node's ports and a new store. */
async function withStore<T>(work: (ports: ReturnType<typeof nodeAlpmPorts>, store: string) => Promise<T>): Promise<T> {
  const store = join(folder, `store-${serial++}`);
  cuts.clear();
  // Tries follow each other at once; the pauses between them are download.ts's, and tested there.
  return work(
    { ...shared, fetcher, store: new FolderStore(store), nowSeconds: () => NOW, sleep: async () => {} },
    store,
  );
}

function filesBelow(place: string): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(place, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1))
    .sort();
}

/** One row of a table of damages. */
interface Damage<World> {
  what: string;
  /** changes what the server gives */
  spoil(world: World): void | Promise<void>;
  /** how the refusal reads */
  says: RegExp;
}

const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = new Uint8Array(bytes);
  changed[at < 0 ? changed.length + at : at]! ^= 0x20;
  return changed;
};
const shorter = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 7);
const longer = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, Buffer.from("more")]);
function change(url: string, by: (bytes: Uint8Array) => Uint8Array): void {
  assert.ok(web.has(url), url);
  web.set(url, by(web.get(url)!));
}

// --- Debian
// ---------------------------------------------------------------------------------------------------------------

const RELEASE = "http://mirror/debian/dists/trixie/InRelease";
const DEB = "http://mirror/debian/pool/hello_1.0.deb";
const HELLO: TestPackage = {
  control: {
    Package: "hello",
    Version: "1.0",
    Architecture: "riscv64",
    Maintainer: "A <a@b.c>",
    Description: "says hello",
  },
  files: [{ path: "./" }, { path: "./usr/" }, { path: "./usr/hello", text: "hello ".repeat(500) }],
};

interface DebianWorld {
  signer: TestSigner;
  stranger: TestSigner;
  list: string;
  publish(packages: readonly TestPackage[], signer: TestSigner, options?: PublishOptions): Promise<void>;
  putDeb(bytes: Uint8Array): Promise<void>;
}

let keys: { signer: TestSigner; stranger: TestSigner };
before(async () => {
  keys = { signer: await makeSigner(NOW - 100_000), stranger: await makeSigner(NOW - 100_000) };
});

/** A repository that is as it should be. */
async function debianWorld(): Promise<DebianWorld> {
  const { signer, stranger } = keys;
  const publishAll = async (
    packages: readonly TestPackage[],
    by: TestSigner,
    options: PublishOptions = {},
  ): Promise<void> => {
    const ports = testPorts();
    await publish(ports, packages, by, options);
    web = ports.web;
  };
  await publishAll([HELLO], signer);
  return {
    signer,
    stranger,
    publish: publishAll,
    get list() {
      return [...web.keys()].find((url) => url.includes("/by-hash/"))!;
    },
    // The signed list vouches for these bytes.
    putDeb: async (bytes) => {
      const list = [...web.keys()].find((url) => url.includes("/by-hash/"))!;
      const text = gunzipSync(web.get(list)!)
        .toString("latin1")
        .replace(/^Size: .*$/m, `Size: ${bytes.length}`)
        .replace(/^SHA256: .*$/m, `SHA256: ${sha256(bytes)}`);
      await putList(signer, gzipSync(text));
      web.set(DEB, bytes);
    },
  };
}

/** Signs `packed` as the list of the repository. */
async function putList(signer: TestSigner, packed: Uint8Array): Promise<void> {
  const release =
    "Suite: stable\nCodename: trixie\nDate: Fri, 15 Jan 2027 07:00:00 UTC\nArchitectures: riscv64\nComponents: " +
    `main\nAcquire-By-Hash: yes\nSHA256:\n ${sha256(packed)} ${packed.length} main/binary-riscv64/Packages.gz\n`;
  for (const url of web.keys()) if (url.includes("/by-hash/")) web.delete(url);
  web.set(`http://mirror/debian/dists/trixie/main/binary-riscv64/by-hash/SHA256/${sha256(packed)}`, packed);
  web.set(RELEASE, Buffer.from(await signer.sign(release)));
}

async function installHello(ports: PackagePorts): Promise<string> {
  const index = new PackageIndex();
  await loadRepository(
    ports,
    {
      uri: "http://mirror/debian",
      suite: "trixie",
      components: ["main"],
      architecture: "riscv64",
      keyrings: [keys.signer.publicKey],
    },
    index,
    () => {},
  );
  const one = index.candidate("hello")!;
  const file = packageFile(one);
  await download(ports, file, () => {});
  const root = new MemoryRoot();
  const archive = await openDeb((await ports.store.read(file.path))!, String(one), ports);
  requireIdentity(archive.control, one);
  await unpackPackage(new RootTree(root, 0), archive, new Map(), ports);
  const node = root.nodes.get("usr/hello");
  return node?.kind === "file" ? Buffer.from(node.content).toString() : "";
}

const DEBIAN_DAMAGES: Damage<DebianWorld>[] = [
  {
    what: "a changed word of the signed list of lists",
    spoil: () =>
      change(RELEASE, (bytes) =>
        Buffer.from(Buffer.from(bytes).toString("latin1").replace("Suite: stable", "Suite: stabla")),
      ),
    says: /dists\/trixie: .*no good signature/,
  },
  {
    what: "a changed byte of its signature",
    spoil: () => change(RELEASE, (bytes) => flip(bytes, Buffer.from(bytes).indexOf("BEGIN PGP SIGNATURE") + 80)),
    says: /dists\/trixie: (not a signed Release file|.*no good signature)/,
  },
  {
    what: "its signature taken away",
    spoil: () => change(RELEASE, (bytes) => bytes.subarray(0, Buffer.from(bytes).indexOf("-----BEGIN PGP SIGNATURE"))),
    says: /dists\/trixie: .*sign/,
  },
  {
    what: "no signature at all",
    spoil: () => void web.set(RELEASE, Buffer.from("Suite: stable\nCodename: trixie\n")),
    says: /dists\/trixie: .*sign/,
  },
  {
    what: "a stranger's signature",
    spoil: ({ publish: put, stranger }) => put([HELLO], stranger),
    says: /dists\/trixie: .*no good signature by a trusted key/,
  },
  {
    what: "a list of lists that has expired",
    spoil: ({ publish: put, signer }) =>
      put([HELLO], signer, { extra: "Valid-Until: Thu, 14 Jan 2027 07:00:00 UTC\n" }),
    says: /dists\/trixie: .*valid until 2027-01-14/,
  },
  {
    what: "one from the future",
    spoil: ({ publish: put, signer }) => put([HELLO], signer, { date: "Fri, 22 Jan 2027 07:00:00 UTC" }),
    says: /dists\/trixie: .*from the future/,
  },
  {
    what: "another suite's",
    spoil: async ({ publish: put, signer }) => {
      await put([HELLO], signer, { suite: "sid" });
      web.set(RELEASE, web.get("http://mirror/debian/dists/sid/InRelease")!);
    },
    says: /dists\/trixie: is sid, not trixie/,
  },
  {
    what: "a changed byte of a list",
    spoil: ({ list }) => change(list, (bytes) => flip(bytes, 40)),
    says: /by-hash\/SHA256\/.*: does not have the SHA-256 hash/,
  },
  {
    what: "a list that goes on",
    spoil: ({ list }) => change(list, longer),
    says: /by-hash\/SHA256\/.*: is larger than the \d+ bytes/,
  },
  {
    what: "a list that ends early",
    spoil: ({ list }) => change(list, shorter),
    says: /by-hash\/SHA256\/.*: ended after \d+ of \d+ bytes/,
  },
  {
    what: "a list that is not there",
    spoil: ({ list }) => void web.delete(list),
    says: /by-hash\/SHA256\/.*: 404|Packages\.gz: 404/,
  },
  {
    what: "a signed list that cannot be unpacked",
    spoil: ({ signer }) => putList(signer, Buffer.from("no gzip")),
    says: /trixie\/main: the list of packages cannot be unpacked/,
  },
  {
    what: "a signed list without versions",
    spoil: ({ signer }) => putList(signer, gzipSync("Package: hello\nArchitecture: riscv64\n")),
    says: /trixie\/main: a package without a proper name, version or architecture/,
  },
  {
    what: "a signed list whose file leaves the repository",
    spoil: ({ signer }) =>
      putList(
        signer,
        gzipSync(
          "Package: hello\nVersion: 1.0\nArchitecture: riscv64\nFilename: ../../etc/passwd\nSize: 1\nSHA256: " +
            `${"0".repeat(64)}\n`,
        ),
      ),
    says: /hello 1\.0: its file name leaves the repository/,
  },
  {
    what: "a changed byte of a package",
    spoil: () => change(DEB, (bytes) => flip(bytes, -40)),
    says: /hello_1\.0\.deb: does not have the SHA-256 hash/,
  },
  { what: "a package that goes on", spoil: () => change(DEB, longer), says: /hello_1\.0\.deb: is larger/ },
  { what: "a package that ends early", spoil: () => change(DEB, shorter), says: /hello_1\.0\.deb: ended after/ },
  {
    what: "another package in its place",
    spoil: () => void web.set(DEB, makeDeb({ ...HELLO, control: { ...HELLO.control, Version: "0.9" } })),
    says: /hello_1\.0\.deb: /,
  },
  { what: "a package that is not there", spoil: () => void web.delete(DEB), says: /hello_1\.0\.deb: 404/ },
  {
    what: "a listed package that is none",
    spoil: ({ putDeb }) => putDeb(Buffer.from("no archive")),
    says: /hello 1\.0: not a Debian package/,
  },
  {
    what: "a listed package whose data is damaged",
    spoil: ({ putDeb }) => putDeb(withMember("data.tar.zst", (data) => flip(data, 30))),
    says: /hello 1\.0: data\.tar\.zst cannot be unpacked/,
  },
  {
    what: "a listed package without control data",
    spoil: ({ putDeb }) => putDeb(withMember("control.tar.gz", () => gzipSync(makeTar([{ path: "./" }])))),
    says: /hello 1\.0: has no control file/,
  },
  {
    what: "a listed package that is another",
    spoil: ({ putDeb }) => putDeb(makeDeb({ ...HELLO, control: { ...HELLO.control, Version: "0.9" } })),
    says: /hello 1\.0: the package is hello 0\.9 for riscv64, not what the index says/,
  },
  {
    what: "a listed package that leads out of the root",
    spoil: ({ putDeb }) => putDeb(makeDeb({ ...HELLO, files: [{ path: "./../../etc/passwd", text: "root::0:0" }] })),
    says: /hello: .*passwd/,
  },
];

function withMember(name: string, by: (data: Uint8Array) => Uint8Array): Uint8Array {
  const members = parseAr(makeDeb(HELLO));
  assert.ok(typeof members !== "string");
  return writeAr(members.map((one) => (one.name === name ? { ...one, data: by(one.data) } : one)));
}

test("Debian: what is damaged on the way is refused by name and not kept", async (context) => {
  for (const { what, spoil, says } of sampleOf(DEBIAN_DAMAGES, 2)) {
    await context.test(what, async () => {
      const world = await debianWorld();
      const good: Web = new Map(web);
      await withStore(async (ports, store) => {
        await spoil(world);
        const isListed = what.startsWith("a listed package");
        await assert.rejects(
          installHello(ports),
          (error) =>
            (error instanceof Error && says.test(error.message) && !/^TypeError|undefined/.test(String(error))) ||
            assert.fail(String(error)),
        );
        if (!isListed)
          assert.deepEqual(
            filesBelow(store).filter((path) => /\.deb$|\.part$/.test(path)),
            [],
            "nothing that could be taken for the package",
          );
        // Lists that were made later serve; these have the same time.
        web = good;
        assert.match(await installHello(ports), /^(hello ){500}$/, "mended, the same store serves");
      });
    });
  }
});

test("a download that is cut goes on where it stopped; what the rest makes of it must have the hash", async () => {
  await debianWorld();
  const bytes = web.get(DEB)!;
  await withStore(async (ports) => {
    cuts.set(DEB, [100, 50, 20]);
    asked.length = 0;
    assert.match(await installHello(ports), /^(hello ){500}$/);
    assert.deepEqual(
      asked.filter((one) => one.startsWith(DEB)),
      [DEB, `${DEB} from 100`, `${DEB} from 150`, `${DEB} from 170`],
      "each byte came once",
    );
  });
  await withStore(async (ports, store) => {
    // What came before the cut is the good one's, what comes after it another's.
    cuts.set(DEB, [100]);
    const changed = flip(bytes, 200);
    asked.length = 0;
    const swap = (): void => {
      if (asked.some((one) => one === DEB)) web.set(DEB, changed);
    };
    server.on("request", swap);
    try {
      await assert.rejects(
        installHello(ports),
        /hello_1\.0\.deb: does not have the SHA-256 hash that the signed index gives/,
      );
    } finally {
      server.off("request", swap);
    }
    assert.ok(asked.includes(`${DEB} from 100`), asked.join("\n"));
    assert.deepEqual(
      filesBelow(store).filter((path) => path.endsWith(".deb")),
      [],
    );
    web.set(DEB, bytes);
    assert.match(await installHello(ports), /^(hello ){500}$/, "and nothing of it is left in the way");
  });
});

// --- ALPM
// -----------------------------------------------------------------------------------------------------------------

const DATABASE = "http://mirror/core/core.db",
  PACKAGE = "http://mirror/core/tool-1-1-any.pkg.tar.zst";

interface AlpmWorld {
  sign(url: string, by?: openpgp.PrivateKey): Promise<void>;
  stranger: openpgp.PrivateKey;
  put(name: string, version: string, bytes?: Uint8Array): Promise<void>;
}

const makeKey = (name: string): Promise<{ privateKey: openpgp.PrivateKey; publicKey: openpgp.PublicKey }> =>
  openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name }],
    format: "object",
    date: new Date((NOW - 100_000) * 1000),
  });
let packager: { privateKey: openpgp.PrivateKey; publicKey: openpgp.PublicKey },
  stranger: { privateKey: openpgp.PrivateKey };
before(async () => {
  packager = await makeKey("Packager");
  stranger = await makeKey("Stranger");
});

async function alpmWorld(): Promise<AlpmWorld> {
  const sign = async (url: string, by = packager.privateKey): Promise<void> => {
    web.set(
      `${url}.sig`,
      (await openpgp.sign({
        message: await openpgp.createMessage({ binary: web.get(url)! }),
        signingKeys: by,
        detached: true,
        format: "binary",
        date: new Date((NOW - 100) * 1000),
      })) as Uint8Array,
    );
  };
  // A database that lists the package `name` at `version`, whose file is `bytes`.
  const put = async (name: string, version: string, bytes?: Uint8Array): Promise<void> => {
    const ports = testAlpmPorts();
    await publishRepository(ports, "core", [[name, version]]);
    web = ports.web;
    if (bytes !== undefined) {
      const { readSyncDatabase, writeSyncDatabase } = await import("./alpm/sync-database.ts");
      const database = await readSyncDatabase("core", web.get(DATABASE)!, ports);
      const entries = database.packages.map((one) => ({
        package: { ...one, sha256: sha256(bytes), downloadSize: bytes.length },
        files: [],
      }));
      web.set(DATABASE, zstdCompressSync(writeSyncDatabase(entries, { withFiles: false, mtime: NOW - 1000 })));
      web.set(PACKAGE, bytes);
    }
    await sign(DATABASE);
    await sign(PACKAGE);
  };
  await put("tool", "1-1");
  return { sign, put, stranger: stranger.privateKey };
}

const ALPM_DAMAGES: Damage<AlpmWorld>[] = [
  {
    what: "a changed byte of a database",
    spoil: () => change(DATABASE, (bytes) => flip(bytes, 30)),
    says: /core\.db: has a bad signature/,
  },
  { what: "a database that goes on", spoil: () => change(DATABASE, longer), says: /core\.db: has a bad signature/ },
  { what: "a database that ends early", spoil: () => change(DATABASE, shorter), says: /core\.db: has a bad signature/ },
  { what: "a database that is not there", spoil: () => void web.delete(DATABASE), says: /core\.db: 404/ },
  {
    what: "a database without a signature",
    spoil: () => void web.delete(`${DATABASE}.sig`),
    says: /core\.db: is not signed, and a signature is required/,
  },
  {
    what: "a database's signature changed",
    spoil: () => change(`${DATABASE}.sig`, (bytes) => flip(bytes, -3)),
    says: /core\.db: has a (bad signature|signature that cannot be read)/,
  },
  {
    what: "a database's signature that is none",
    spoil: () => void web.set(`${DATABASE}.sig`, Buffer.from("nonsense")),
    says: /core\.db: has a signature that cannot be read/,
  },
  {
    what: "a database signed by a stranger",
    spoil: ({ sign, stranger: by }) => sign(DATABASE, by),
    says: /core\.db: is signed by the key [0-9a-f]+, which is not in the keyring/,
  },
  {
    what: "a signed database that is none",
    spoil: async ({ sign }) => {
      web.set(DATABASE, Buffer.from("no archive"));
      await sign(DATABASE);
    },
    says: /core(\.db)?: /,
  },
  {
    what: "a changed byte of a package",
    spoil: () => change(PACKAGE, (bytes) => flip(bytes, -20)),
    says: /tool-1-1-any\.pkg\.tar\.zst: does not have the SHA-256 hash/,
  },
  {
    what: "a package that goes on",
    spoil: () => change(PACKAGE, longer),
    says: /tool-1-1-any\.pkg\.tar\.zst: is larger/,
  },
  {
    what: "a package that ends early",
    spoil: () => change(PACKAGE, shorter),
    says: /tool-1-1-any\.pkg\.tar\.zst: ended after/,
  },
  {
    what: "a package that is not there",
    spoil: () => void web.delete(PACKAGE),
    says: /tool-1-1-any\.pkg\.tar\.zst: 404/,
  },
  {
    what: "a package without a signature",
    spoil: () => void web.delete(`${PACKAGE}.sig`),
    says: /tool-1-1-any\.pkg\.tar\.zst: is not signed/,
  },
  {
    what: "a package's signature changed",
    spoil: () => change(`${PACKAGE}.sig`, (bytes) => flip(bytes, -3)),
    says: /tool-1-1-any\.pkg\.tar\.zst: has a (bad signature|signature that cannot be read)/,
  },
  {
    what: "a package signed by a stranger",
    spoil: ({ sign, stranger: by }) => sign(PACKAGE, by),
    says: /tool-1-1-any\.pkg\.tar\.zst: is signed by the key/,
  },
  {
    what: "a listed package that is none",
    spoil: ({ put }) => put("tool", "1-1", Buffer.from("no archive")),
    says: /tool-1-1-any\.pkg\.tar\.zst: /,
  },
  {
    what: "a listed package that is another",
    spoil: async ({ put }) => put("tool", "1-1", (await makeAlpmPackage("other", "1-1")).bytes),
    says: /tool-1-1-any\.pkg\.tar\.zst: .*other/,
  },
  {
    what: "a listed package of another version",
    spoil: async ({ put }) => put("tool", "1-1", (await makeAlpmPackage("tool", "2-1")).bytes),
    says: /tool-1-1-any\.pkg\.tar\.zst: .*2-1/,
  },
  {
    what: "a listed package that leads out of the root",
    spoil: ({ put }) =>
      put(
        "tool",
        "1-1",
        zstdCompressSync(
          makeTar([
            { path: ".PKGINFO", text: "pkgname = tool\npkgver = 1-1\narch = any\nsize = 1\n" },
            { path: "../../etc/passwd", text: "x" },
          ]),
        ),
      ),
    says: /tool-1-1-any\.pkg\.tar\.zst: holds a path that is none within a root/,
  },
];

test("ALPM: what is damaged on the way is refused by name, and the root stays as it was", async (context) => {
  for (const { what, spoil, says } of sampleOf(ALPM_DAMAGES, 2)) {
    await context.test(what, async () => {
      const world = await alpmWorld();
      const good: Web = new Map(web);
      await withStore(async (ports) => {
        const root = join(folder, `root-${serial++}`);
        const keyring = join(root, "usr/share/pacman/keyrings/own.gpg");
        mkdirSync(dirname(keyring), { recursive: true });
        writeFileSync(keyring, packager.publicKey.write());
        const install = async (): Promise<string[]> => {
          const alpm = await Alpm.open({
            ports,
            system: { ...nodeAlpmSystem(root), runner: undefined },
            configuration: testConfiguration(["core"], "SigLevel = Required"),
            listener: standardListener(() => {}),
          });
          try {
            await alpm.refresh();
            await alpm.commit(await alpm.prepare({ install: ["tool"] }));
            return alpm.local.packages().map((one) => `${one.name} ${one.version}`);
          } finally {
            alpm.close();
          }
        };
        await spoil(world);
        await assert.rejects(
          install(),
          (error) =>
            (error instanceof Error && says.test(error.message) && !/^TypeError|undefined/.test(String(error))) ||
            assert.fail(String(error)),
        );
        const left = filesBelow(root).filter((path) => !/^usr\/share\/pacman|\/sync\/core\.db(\.sig)?$/.test(path));
        assert.deepEqual(left, [], "no package, no lock, no draft");
        web = good;
        assert.deepEqual(await install(), ["tool 1-1"], "mended, the same root takes it");
      });
    });
  }
});
