/**
 * Packages and repositories of one's own, judged by the real tools: dpkg-deb reads what we build and builds what we
 * read; apt trusts, fetches and refuses. The same folder gives the same bytes.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress, gunzipSync, zstdCompressSync } from "node:zlib";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { parseAr } from "@stratos/formats";
import {
  buildDeb,
  createSigningKey,
  DebError,
  debProblems,
  InstalledState,
  loadSystemIndex,
  aptSettings,
  openDeb,
  parseSourcesList,
  PackageIndex,
  loadRepository,
  publicHalf,
  ReleaseError,
  signDeb,
  verifyDebSignature,
  visitData,
  type BuiltDeb,
  type PackagePorts,
  type SystemFiles,
} from "@stratos/pkg";
import { makeSigner } from "@stratos/pkg/testing";
import { readDebFolder } from "./deb-folder.ts";
import { nodePackagePorts } from "./node-package-ports.ts";
import { RepositoryFolder } from "./repository-folder.ts";
import { repositoryServer } from "./repository-server.ts";

const hasDebianTools = existsSync("/usr/bin/dpkg-deb") && existsSync("/usr/bin/apt-get");
const skip = hasDebianTools ? false : "the host has no apt and dpkg-deb";
const LONG = "n".repeat(120);

async function inFolder(work: (folder: string, ports: PackagePorts) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-own-"));
  const ports = nodePackagePorts(join(folder, "downloads"));
  try {
    await work(folder, ports);
  } finally {
    await ports.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A package's folder with one of everything. */
function sampleFolder(folder: string, version: string, control = ""): void {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["DEBIAN", "etc", `usr/share/${LONG}`, "usr/bin"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, "DEBIAN/control"),
    `Package: sample\nVersion: ${version}\nArchitecture: all\nMaintainer: A <a@b.c>\n${control}Description: of ` +
      "everything\n one\n",
  );
  writeFileSync(join(folder, "DEBIAN/conffiles"), "/etc/sample.conf\n");
  writeFileSync(join(folder, "DEBIAN/postinst"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(folder, "DEBIAN/postinst"), 0o755);
  writeFileSync(join(folder, "etc/sample.conf"), "x = 1\n");
  writeFileSync(join(folder, "usr/bin/sample"), "#!/bin/sh\necho sample\n");
  chmodSync(join(folder, "usr/bin/sample"), 0o755);
  writeFileSync(join(folder, `usr/share/${LONG}/${LONG}`), "long\n");
  linkSync(join(folder, "usr/bin/sample"), join(folder, "usr/bin/hard"));
  symlinkSync(`../share/${LONG}/${LONG}`, join(folder, "usr/bin/soft"));
}

function build(folder: string, ports: PackagePorts): Promise<BuiltDeb> {
  return buildDeb(readDebFolder(folder), 1_700_000_000, {
    hasher: ports.hasher,
    suffix: ".zst",
    compress: async (pieces) => zstdCompressSync(Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece)))),
  });
}

test("dpkg-deb reads a package of ours, and it is the same each time", { skip }, async () => {
  await inFolder(async (folder, ports) => {
    sampleFolder(join(folder, "tree"), "1:2.0-1");
    const built = await build(join(folder, "tree"), ports);
    utimesSync(join(folder, "tree/usr/bin/sample"), 1_800_000_000, 1_800_000_000);
    assert.ok(
      Buffer.from((await build(join(folder, "tree"), ports)).bytes).equals(Buffer.from(built.bytes)),
      "later times are not kept",
    );
    assert.equal(built.fileName, "sample_2.0-1_all.deb");
    const file = join(folder, built.fileName);
    writeFileSync(file, built.bytes);
    const info = execFileSync("dpkg-deb", ["--field", file], { encoding: "utf8" });
    assert.match(info, /Version: 1:2\.0-1\n/);
    assert.match(info, /Installed-Size: \d+\n/);
    execFileSync("dpkg-deb", ["--raw-extract", file, join(folder, "out")]);
    assert.equal(readFileSync(join(folder, `out/usr/bin/soft`), "utf8"), "long\n");
    assert.equal(execFileSync("sh", [join(folder, "out/usr/bin/hard")], { encoding: "utf8" }), "sample\n");
    const listing = execFileSync("dpkg-deb", ["--contents", file], { encoding: "utf8" });
    assert.match(listing, /^-rwxr-xr-x root\/root +\d+ .* \.\/usr\/bin\/(sample|hard)$/m);
    execFileSync("md5sum", ["-c", "DEBIAN/md5sums", "--quiet"], { cwd: join(folder, "out"), input: "" });
    assert.deepEqual(await debProblems(await openDeb(built.bytes, "sample", ports), ports), []);
  });
});

test("we read what dpkg-deb builds, and find nothing wrong with it", { skip }, async () => {
  await inFolder(async (folder, ports) => {
    sampleFolder(join(folder, "tree"), "2.0");
    for (const compression of ["xz", "gzip", "zstd", "none"]) {
      execFileSync(
        "dpkg-deb",
        ["--root-owner-group", `-Z${compression}`, "--build", join(folder, "tree"), join(folder, "theirs.deb")],
        { stdio: "ignore" },
      );
      const archive = await openDeb(readFileSync(join(folder, "theirs.deb")), "theirs", ports);
      assert.equal(archive.control.get("Package"), "sample");
      assert.deepEqual(await debProblems(archive, ports), []);
    }
  });
});

test("what no package may be is refused in words", async () => {
  await inFolder(async (folder, ports) => {
    const tree = join(folder, "tree");
    const refusal = async (change: () => void): Promise<string> => {
      sampleFolder(tree, "1");
      change();
      try {
        await build(tree, ports);
      } catch (error) {
        assert.ok(error instanceof DebError, String(error));
        return error.message;
      }
      return assert.fail("it was built");
    };
    assert.match(await refusal(() => rmSync(join(tree, "DEBIAN"), { recursive: true })), /holds no folder DEBIAN/);
    assert.match(await refusal(() => rmSync(tree, { recursive: true })), /: no such file or directory$/);
    assert.match(await refusal(() => rmSync(join(tree, "DEBIAN/control"))), /holds no control/);
    assert.match(
      await refusal(() =>
        writeFileSync(
          join(tree, "DEBIAN/control"),
          "Package: A_b\nVersion: x\nArchitecture: all\nDescription: d\nDepends: a (>> )\n",
        ),
      ),
      /Maintainer is missing; A_b is no package name.*; x is no version; Depends: /,
    );
    assert.match(
      await refusal(() => rmSync(join(tree, "etc/sample.conf"))),
      /conffiles: \/etc\/sample\.conf: the package holds no such file/,
    );
    assert.match(
      await refusal(() => writeFileSync(join(tree, "DEBIAN/postinst"), "echo no\n")),
      /postinst: does not begin with #!/,
    );
    assert.match(await refusal(() => mkdirSync(join(tree, "DEBIAN/sub"))), /not a plain file/);
  });
});

test("a damaged package is found out", async () => {
  await inFolder(async (folder, ports) => {
    sampleFolder(join(folder, "tree"), "1");
    writeFileSync(
      join(folder, "tree/DEBIAN/md5sums"),
      `${"0".repeat(32)}  usr/bin/sample\n${"0".repeat(32)}  usr/bin/none\n`,
    );
    const built = await build(join(folder, "tree"), ports);
    assert.deepEqual(await debProblems(await openDeb(built.bytes, "x", ports), ports), [
      "usr/bin/sample: its content does not have the MD5 hash of md5sums",
      "usr/bin/none: is in md5sums, but not in the package",
    ]);
  });
});

test(
  "a package is signed as debsigs does it, and what was changed since, or signed by another, is refused",
  {
    skip: existsSync("/usr/bin/gpgv") && hasDebianTools ? false : "the host has no gpgv",
  },
  async () => {
    await inFolder(async (folder, ports) => {
      sampleFolder(join(folder, "tree"), "1");
      const { bytes } = await build(join(folder, "tree"), ports);
      const now = Math.floor(ports.nowSeconds());
      const key = await createSigningKey("Own", now - 10),
        stranger = await createSigningKey("Stranger", now - 10);
      const signed = await signDeb(bytes, key.privateKey, now);
      writeFileSync(join(folder, "signed.deb"), signed);
      execFileSync("dpkg-deb", ["--info", join(folder, "signed.deb")], { stdio: "ignore" });
      writeFileSync(join(folder, "key.gpg"), (await publicHalf(key.privateKey)).binary);
      const members = parseAr(signed);
      assert.ok(typeof members !== "string");
      const member = (name: string): Uint8Array => members.find((one) => one.name === name)!.data;
      writeFileSync(
        join(folder, "content"),
        Buffer.concat([member("debian-binary"), member("control.tar.zst"), member("data.tar.zst")]),
      );
      writeFileSync(join(folder, "signature"), member("_gpgorigin"));
      execFileSync("gpgv", ["--keyring", join(folder, "key.gpg"), join(folder, "signature"), join(folder, "content")], {
        stdio: "ignore",
      });

      const keyrings = [Buffer.from(key.publicKey)];
      assert.deepEqual(await verifyDebSignature(signed, keyrings, now), [key.fingerprint]);
      assert.deepEqual(
        await verifyDebSignature(await signDeb(signed, key.privateKey, now), keyrings, now),
        [key.fingerprint],
        "signed again",
      );
      await assert.rejects(verifyDebSignature(bytes, keyrings, now), /is not signed/);
      await assert.rejects(
        verifyDebSignature(signed, [Buffer.from(stranger.publicKey)], now),
        /no good signature by a trusted key/,
      );
      const changed = new Uint8Array(signed);
      changed[changed.indexOf(0x32)]! ^= 1; // the 2 of debian-binary's 2.0
      await assert.rejects(verifyDebSignature(changed, keyrings, now), DebError);
    });
  },
);

const SETTINGS = {
  suite: "stable",
  codename: "own",
  origin: "Own",
  label: "Own",
  description: "packages of our own",
  architectures: ["amd64"],
  components: ["main", "extra"],
  validDays: 7,
};

/** apt in folders of its own, which knows one source. */
function aptAt(folder: string, source: string): (...args: string[]) => { status: number | null; output: string } {
  for (const name of [
    "state/lists/partial",
    "cache/archives/partial",
    "etc/apt.conf.d",
    "etc/preferences.d",
    "etc/trusted.gpg.d",
  ])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "status"), "");
  writeFileSync(join(folder, "etc/sources.list"), `${source}\n`);
  writeFileSync(
    join(folder, "apt.conf"),
    [
      `Dir "${folder}";`,
      `Dir::State "${folder}/state";`,
      `Dir::State::status "${folder}/status";`,
      `Dir::Cache "${folder}/cache";`,
      `Dir::Etc "${folder}/etc";`,
      'APT::Architecture "amd64";',
      'APT::Architectures { "amd64"; };',
      'APT::Sandbox::User "root";',
      'Debug::NoLocking "true";',
      'Acquire::Retries "0";',
      "",
    ].join("\n"),
  );
  return (...args) => {
    const result = spawnSync("apt-get", args, {
      encoding: "utf8",
      env: { ...process.env, APT_CONFIG: join(folder, "apt.conf"), LC_ALL: "C", http_proxy: "", no_proxy: "*" },
      cwd: folder,
    });
    return { status: result.status, output: result.stdout + result.stderr };
  };
}

test(
  "apt trusts, lists and downloads from a repository of ours over HTTP; and refuses it when it is changed or " +
    "signed by another",
  {
    skip,
  },
  async () => {
    await inFolder(async (folder, ports) => {
      const root = join(folder, "repository");
      const repository = RepositoryFolder.create(root, SETTINGS);
      assert.throws(() => RepositoryFolder.create(root, SETTINGS), ReleaseError);
      const put = async (version: string, control = ""): Promise<string> => {
        sampleFolder(join(folder, "tree"), version, control);
        const built = await build(join(folder, "tree"), ports);
        writeFileSync(join(folder, built.fileName), built.bytes);
        return repository.add(join(folder, built.fileName), "main", ports);
      };
      assert.equal(await put("1:1.0"), "pool/main/s/sample/sample_1.0_all.deb");
      const key = await createSigningKey("Own Archive <own@example.org>", ports.nowSeconds() - 10);
      assert.equal((await repository.sign(key.privateKey, ports)).fingerprint, key.fingerprint);

      // apt runs synchronously here, so the server has a process of its own.
      const child = startServer(root);
      try {
        const url = await child.url;
        const apt = aptAt(
          join(folder, "apt"),
          `deb [signed-by=${join(root, "archive-key.gpg")}] ${url} stable main extra`,
        );
        const update = apt("update");
        assert.equal(update.status, 0, update.output);
        assert.doesNotMatch(update.output, /^[WE]:/m);
        const download = apt("download", "sample");
        assert.equal(download.status, 0, download.output);
        assert.ok(readdirSync(join(folder, "apt")).includes("sample_1%3a1.0_all.deb"), download.output);

        // A newer version appears, and the lists before it still stand under their hashes.
        const before = byHash(root);
        await put("1:1.1");
        await repository.sign(key.privateKey, ports);
        for (const name of before) assert.ok(byHash(root).includes(name));
        assert.match(apt("update").output, /Get:/);
        assert.match(apt("-s", "install", "sample").output, /Inst sample \(1:1\.1 /);
        // Ours reads it too.
        const index = new PackageIndex();
        await loadRepository(
          ports,
          {
            uri: url,
            suite: "stable",
            components: ["main"],
            architecture: "amd64",
            keyrings: [Buffer.from(key.publicKey)],
          },
          index,
          () => {},
        );
        assert.equal(index.candidate("sample")?.version, "1:1.1");
        await put("1:1.2");
        await repository.sign(key.privateKey, ports);
        assert.ok(
          before.some((name) => !byHash(root).includes(name)),
          "lists of two states ago are gone",
        );

        const stranger = await createSigningKey("Stranger", ports.nowSeconds() - 10);
        const good = readFileSync(join(root, "archive-key.gpg"));
        await repository.sign(stranger.privateKey, ports);
        writeFileSync(join(root, "archive-key.gpg"), good);
        assert.match(apt("update").output, /NO_PUBKEY|couldn't be verified/);
        await repository.sign(key.privateKey, ports);
        const inRelease = join(root, "dists/stable/InRelease");
        writeFileSync(inRelease, readFileSync(inRelease, "latin1").replace("Origin: Own", "Origin: own"), "latin1");
        // Lists that are made within a second of each other have later times than the clock; the changed one is to be
        // the latest.
        utimesSync(inRelease, Date.now() / 1000 + 60, Date.now() / 1000 + 60);
        assert.match(apt("update").output, /BADSIG|invalid signature|not signed/i);
      } finally {
        child.stop();
      }
    });
  },
);

extendedTest("apt and we agree on who may sign, whatever a source's Signed-By names", { skip }, async () => {
  await inFolder(async (folder, ports) => {
    const created = ports.nowSeconds() - 1000;
    const own = await makeSigner(created, { withSubkey: true }),
      other = await makeSigner(created);
    const root = join(folder, "repository");
    const repository = RepositoryFolder.create(root, SETTINGS);
    sampleFolder(join(folder, "tree"), "1:1.0");
    const built = await build(join(folder, "tree"), ports);
    writeFileSync(join(folder, built.fileName), built.bytes);
    await repository.add(join(folder, built.fileName), "main", ports);
    await repository.sign(own.privateKey, ports);
    const ofOwn = own.fingerprint.toUpperCase(),
      ofOther = other.fingerprint.toUpperCase();
    const both = join(folder, "both.gpg");
    writeFileSync(both, Buffer.concat([own.publicKey, other.publicKey]));
    const good = [
        ofOwn,
        own.fingerprint,
        own.subkey!,
        `${own.subkey}!`,
        `${ofOther},${ofOwn}`,
        both,
        `${both},${ofOwn}`,
      ],
      bad = [ofOther, `${ofOwn}!`, `${both},${ofOther}`, `${both},${ofOwn}!`];
    for (const [number, words] of [...good, ...bad].entries()) {
      const place = join(folder, `apt-${number}`),
        source = `deb [signed-by=${words}] file:${root} stable main`;
      const apt = aptAt(place, source);
      for (const [name, signer] of [
        ["own", own],
        ["other", other],
      ] as const)
        writeFileSync(join(place, `etc/trusted.gpg.d/${name}.gpg`), signer.publicKey);
      const update = apt("update");
      assert.equal(/^[WE]:/m.test(update.output), bad.includes(words), `apt: ${words}\n${update.output}`);
      const at = (path: string): string => join(place, path.replace(/^etc\/apt\//, "etc/"));
      const files: SystemFiles = {
        read: (path) =>
          existsSync(path.startsWith("etc/") ? at(path) : `/${path}`)
            ? readFileSync(path.startsWith("etc/") ? at(path) : `/${path}`)
            : undefined,
        list: (path) => (existsSync(at(path)) ? readdirSync(at(path)).sort() : []),
      };
      const system = {
        architecture: "amd64",
        foreignArchitectures: [],
        state: new InstalledState("amd64", []),
        sources: parseSourcesList(`${source}\n`),
        pins: [],
        settings: aptSettings({ apt: [], dpkg: [] }),
      };
      const ours = loadSystemIndex(ports, files, system, { lists: "fresh", keyrings: [] }, () => {}).then(
        (index) => index.candidate("sample")?.version,
        (error: unknown) => error,
      );
      if (bad.includes(words))
        assert.match(String(await ours), /ReleaseError.*is trusted, but this source is to be signed by/, words);
      else assert.equal(await ours, "1:1.0", words);
    }
  });
});

function byHash(root: string): string[] {
  return readdirSync(join(root, "dists/stable/main/binary-amd64/by-hash/SHA256"));
}

/** A server in a process of its own. */
function startServer(root: string): { url: Promise<string>; stop(): void } {
  const program = `import { repositoryServer } \
from ${JSON.stringify(new URL("./repository-server.ts", import.meta.url).href)};
    const server = repositoryServer(${JSON.stringify(root)});
    server.listen(0, "127.0.0.1", () => process.stdout.write("http://127.0.0.1:" + server.address().port + "\\n"));`;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (bytes: Buffer) => resolve(bytes.toString().trim()));
    child.once("exit", () => reject(new Error("the server ended")));
  });
  return { url, stop: () => void child.kill() };
}

test("the server gives parts, knows what has not changed, and nothing outside of what is public", async () => {
  await inFolder(async (folder) => {
    const root = join(folder, "repository");
    RepositoryFolder.create(root, SETTINGS);
    writeFileSync(join(root, "pool/file"), "0123456789");
    symlinkSync("/etc/passwd", join(root, "pool/leak"));
    symlinkSync("file", join(root, "pool/link"));
    const server = repositoryServer(root);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const get = async (path: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
        const response = await fetch(base + path, { headers });
        return [response.status, await response.text()];
      };
      assert.deepEqual(await get("/pool/file"), [200, "0123456789"]);
      assert.deepEqual(await get("/pool/link"), [200, "0123456789"]);
      assert.deepEqual(await get("/pool/file", { range: "bytes=4-" }), [206, "456789"]);
      assert.deepEqual(await get("/pool/file", { range: "bytes=-2" }), [206, "89"]);
      assert.equal((await get("/pool/file", { range: "bytes=20-" }))[0], 416);
      const { headers } = await fetch(`${base}/pool/file`);
      assert.equal((await get("/pool/file", { "if-modified-since": headers.get("last-modified")! }))[0], 304);
      for (const path of [
        "/conf/repository.json",
        "/pool/leak",
        "/pool/../conf/repository.json",
        "/pool/%2e%2e/conf/repository.json",
        "/%00",
        "/pool",
        "/",
        "/%zz",
      ])
        assert.equal((await get(path))[0], 404, path);
      assert.equal((await fetch(`${base}/pool/file`, { method: "POST" })).status, 405);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

test(
  "the pool takes a package once, refuses another of the same name, a wrong " + "architecture and a damaged one",
  async () => {
    await inFolder(async (folder, ports) => {
      const repository = RepositoryFolder.create(join(folder, "repository"), SETTINGS);
      const file = join(folder, "x.deb");
      const put = async (change: (control: string) => string, more = ""): Promise<string> => {
        sampleFolder(join(folder, "tree"), "1");
        writeFileSync(
          join(folder, "tree/DEBIAN/control"),
          change(readFileSync(join(folder, "tree/DEBIAN/control"), "utf8")),
        );
        if (more !== "") writeFileSync(join(folder, "tree/usr/bin/sample"), more);
        writeFileSync(file, (await build(join(folder, "tree"), ports)).bytes);
        return repository.add(file, "main", ports);
      };
      await put((control) => control);
      await put((control) => control);
      await assert.rejects(
        put((control) => control, "other"),
        /a changed package needs a new version/,
      );
      await assert.rejects(
        put((control) => control.replace("all", "riscv64")),
        /is for riscv64, and the repository for amd64/,
      );
      writeFileSync(file, readFileSync(file).subarray(0, 500));
      await assert.rejects(repository.add(file, "main", ports), DebError);
      await assert.rejects(repository.add(file, "other", ports), /has only main, extra/);
      assert.deepEqual(await repository.remove("sample", "2", ports), []);
      assert.deepEqual(await repository.remove("sample", undefined, ports), ["pool/main/s/sample/sample_1_all.deb"]);
      assert.deepEqual(await repository.pool(ports), []);
    });
  },
);

extendedTest(
  "packages that are larger than may be held are streamed: told the same of, laid out the same, refused if damaged",
  async () => {
    await inFolder(async (folder, ports) => {
      const tree = join(folder, "tree"),
        // A little more than is held.
        size = 257 << 20;
      sampleFolder(tree, "1");
      mkdirSync(join(tree, "usr/share/large"), { recursive: true });
      writeFileSync(join(tree, "usr/share/large/zeros"), "");
      truncateSync(join(tree, "usr/share/large/zeros"), size);
      linkSync(join(tree, "usr/share/large/zeros"), join(tree, "usr/share/large/again"));
      for (const suffix of sampleOf([".zst", ".gz"], 2)) {
        const built = await buildDeb(readDebFolder(tree), 1_700_000_000, {
          hasher: ports.hasher,
          suffix,
          compress: async (pieces) => {
            const parts: Uint8Array[] = [];
            const through = suffix === ".zst" ? createZstdCompress() : createGzip({ level: 1 });
            await pipeline(
              Readable.from(
                (function* () {
                  for (const piece of pieces) yield piece.slice();
                })(),
              ),
              through,
              async (stream: AsyncIterable<Uint8Array>) => {
                for await (const part of stream) parts.push(part);
              },
            );
            return Buffer.concat(parts);
          },
        });
        assert.ok(built.bytes.length < 4 << 20);
        const archive = await openDeb(built.bytes, "large", ports),
          sizes = new Map<string, number>();
        assert.ok(archive.data.length === 0 && archive.stream !== undefined);
        assert.deepEqual(await debProblems(archive, ports), []);
        await visitData(archive, "large", {
          entry: (entry) => void sizes.set(entry.path, entry.size),
          data() {},
          end() {},
        });
        assert.deepEqual([sizes.get("./usr/share/large/again"), sizes.get("./usr/share/large/zeros")], [size, 0]);
        // A damage that only the end of the stream shows.
        const cut = built.bytes.slice();
        cut.fill(0x55, cut.length - 600, cut.length - 100);
        await assert.rejects(
          async () => void (await debProblems(await openDeb(cut, "large", ports), ports)),
          /large: .*(cannot be unpacked|damaged)/,
        );
        await assert.rejects(
          openDeb(built.bytes, "large", { decompress: ports.decompress, latin1: ports.latin1 }),
          /data\.tar\.\w+ cannot be unpacked: unpacks to more than 268435456 bytes/,
        );
      }
    });
  },
);

test("a repository reads a package once, lists its files, and is there by its codename too", async () => {
  await inFolder(async (folder, ports) => {
    const tree = join(folder, "tree"),
      place = join(folder, "repository"),
      repository = RepositoryFolder.create(place, SETTINGS);
    sampleFolder(tree, "1");
    const file = join(folder, "sample.deb"),
      { privateKey } = await createSigningKey("A", ports.nowSeconds());
    writeFileSync(file, (await build(tree, ports)).bytes);
    const path = join(place, await repository.add(file, "main", ports));
    await repository.sign(privateKey, ports);
    const contents = gunzipSync(
      readFileSync(join(place, `dists/${SETTINGS.suite}/main/Contents-${SETTINGS.architectures[0]}.gz`)),
    ).toString("latin1");
    assert.match(contents, /^usr\/bin\/sample +\S+\/sample$/m);
    if (SETTINGS.codename !== SETTINGS.suite)
      assert.equal(
        readFileSync(join(place, `dists/${SETTINGS.codename}/InRelease`), "utf8"),
        readFileSync(join(place, `dists/${SETTINGS.suite}/InRelease`), "utf8"),
      );
    // What has not changed is not opened: a file whose bytes are others by a way that leaves no trace would be listed
    // as it was.
    let opened = 0;
    const counting = {
      ...ports,
      decompress: (...job: Parameters<typeof ports.decompress>) => {
        opened++;
        return ports.decompress(...job);
      },
    };
    assert.equal((await repository.pool(counting)).length, 1);
    assert.equal(opened, 0);
    utimesSync(path, 5, 5);
    await repository.pool(counting);
    assert.equal(opened, 2, "its two parts");
    rmSync(path);
    assert.deepEqual(await repository.pool(counting), []);
    assert.deepEqual(JSON.parse(readFileSync(join(place, "conf/pool.json"), "utf8")), { format: 1, packages: [] });
  });
});
