/**
 * Repositories. Goal: nothing is believed that a trusted key has not signed, at each link of the chain; what is cached
 * is checked; old lists do not push out newer ones. The archive is made in memory and signed by keys of the test.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { download, IntegrityError } from "../download.ts";
import { FetchError, type Progress } from "../ports.ts";
import { makeSigner, publish, publishFlat, type TestPackage } from "../testing/test-archive.ts";
import { sha256, testPorts, type TestPorts } from "../testing/test-ports.ts";
import { PackageIndex } from "./package-index.ts";
import { parseRelease, ReleaseError, verifyInRelease } from "./release.ts";
import { loadRepository, packageFile } from "./repository.ts";
import { TRIXIE_KEYS, trixieKeyrings } from "./trixie-keys.ts";

const NOW = 1_800_000_000; // 15 January 2027
const signer = await makeSigner(NOW - 100_000);
const stranger = await makeSigner(NOW - 100_000);
const HELLO: TestPackage = {
  control: { Package: "hello", Version: "1:1.0+x-1", Architecture: "riscv64", Description: "says hello" },
};

async function load(
  ports: TestPorts,
  keyrings = [signer.publicKey],
  suite = "trixie",
): Promise<{ index: PackageIndex; warnings: string[]; signers: string[] }> {
  const index = new PackageIndex();
  const warnings: string[] = [];
  const source = { uri: "http://mirror/debian/", suite, components: ["main"], architecture: "riscv64", keyrings };
  const release = await loadRepository(ports, source, index, (progress: Progress) => {
    if (progress.phase === "warning") warnings.push(progress.name);
  });
  return { index, warnings, signers: release.signers };
}

test("a signed repository is loaded, by hash when it says so, and once only", async () => {
  for (const byHash of [true, false]) {
    const ports = testPorts();
    await publish(ports, [HELLO], signer, { byHash, extra: "Label: Prüfung\n" });
    const { index, signers } = await load(ports);
    assert.deepEqual(signers, [signer.fingerprint]);
    const hello = index.candidate("hello")!;
    const file = packageFile(hello);
    await download(ports, file, () => {});
    assert.equal(sha256(ports.files.get(file.path)!), file.sha256);
    const before = ports.opened.length;
    await load(ports);
    await download(ports, file, () => {});
    assert.deepEqual(
      ports.opened.slice(before),
      ["http://mirror/debian/dists/trixie/InRelease"],
      "only the signed list is asked for again",
    );
  }
});

test("what no trusted key has signed is refused", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], stranger);
  await assert.rejects(
    load(ports),
    (error) => error instanceof ReleaseError && /no good signature by a trusted key/.test(error.message),
  );
  await publish(ports, [HELLO], signer);
  const url = "http://mirror/debian/dists/trixie/InRelease";
  const text = Buffer.from(ports.web.get(url)!).toString("latin1");
  ports.web.set(url, Buffer.from(text.replace("Suite: stable", "Suite: stabla")));
  await assert.rejects(load(ports), ReleaseError);
  ports.web.set(url, Buffer.from(text.slice(0, text.indexOf("-----BEGIN PGP SIGNATURE"))));
  await assert.rejects(load(ports), ReleaseError);
  ports.web.set(url, Buffer.from("Suite: stable\n"));
  await assert.rejects(load(ports), ReleaseError);
});

test("text outside of the signature is not read", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer);
  const url = "http://mirror/debian/dists/trixie/InRelease";
  const signed = Buffer.from(ports.web.get(url)!).toString("latin1");
  const parsed = await verifyInRelease(signed, [signer.publicKey], NOW);
  for (const wrapped of [`Codename: evil\n\n${signed}`, `${signed}\nCodename: evil\n`]) {
    try {
      assert.deepEqual(await verifyInRelease(wrapped, [signer.publicKey], NOW), parsed);
    } catch (error) {
      assert.ok(error instanceof ReleaseError);
    }
  }
});

test("expired and future lists, other suites and other architectures are refused by name", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer, { extra: "Valid-Until: Thu, 14 Jan 2027 07:00:00 UTC\n" });
  await assert.rejects(load(ports), /was valid until 2027-01-14/);
  await publish(ports, [HELLO], signer, { date: "Fri, 22 Jan 2027 07:00:00 UTC" });
  await assert.rejects(load(ports), /from the future/);
  await publish(ports, [HELLO], signer);
  ports.web.set(
    "http://mirror/debian/dists/sid/InRelease",
    ports.web.get("http://mirror/debian/dists/trixie/InRelease")!,
  );
  await assert.rejects(load(ports, [signer.publicKey], "sid"), /is trixie, not sid/);
});

test("an index or a package that was tampered with is refused, and not kept", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer);
  const indexUrl = [...ports.web.keys()].find((url) => url.includes("by-hash"))!;
  const good = ports.web.get(indexUrl)!;
  const bad = new Uint8Array(good);
  bad[20]! ^= 1;
  ports.web.set(indexUrl, bad);
  await assert.rejects(load(ports));
  ports.web.set(indexUrl, good);
  const file = packageFile((await load(ports)).index.candidate("hello")!);
  const deb = ports.web.get(file.urls[0]!)!;
  ports.web.set(file.urls[0]!, Buffer.concat([deb, Buffer.from("more")]));
  await assert.rejects(
    download(ports, file, () => {}),
    (error) => error instanceof IntegrityError && /larger/.test(error.message),
  );
  ports.web.set(
    file.urls[0]!,
    deb.map((byte) => byte ^ 1),
  );
  await assert.rejects(
    download(ports, file, () => {}),
    IntegrityError,
  );
  assert.ok(!ports.files.has(file.path));
  ports.web.set(file.urls[0]!, deb);
  await download(ports, file, () => {});
  ports.files.set(file.path, new Uint8Array(deb.length));
  await download(ports, file, () => {});
  assert.deepEqual(
    Buffer.from(ports.files.get(file.path)!),
    Buffer.from(deb),
    "a damaged file of the store is fetched again",
  );
});

test("an interrupted download goes on where it stopped, and bytes are counted once", async () => {
  const ports = testPorts();
  const bytes = Buffer.alloc(1000, "0123456789");
  const url = "http://mirror/big";
  ports.web.set(url, bytes);
  const whole = ports.fetcher.open;
  let cuts = 2;
  ports.fetcher.open = async (at, options) => {
    const response = await whole(at, options);
    if (cuts-- <= 0) return response;
    return {
      ...response,
      body: (async function* () {
        yield bytes.subarray(options.offset, options.offset + 300);
        throw new FetchError("cut", { isPermanent: false });
      })(),
    };
  };
  let counted = 0;
  await download(ports, { urls: [url], path: "big", sizeBytes: 1000, sha256: sha256(bytes) }, (count) => {
    counted += count;
  });
  assert.deepEqual(ports.opened, [url, `${url}@300`, `${url}@600`]);
  assert.equal(counted, 1000);
  assert.deepEqual(Buffer.from(ports.files.get("big")!), bytes);
});

test("a server that cannot resume, or a part that was wrong, begins anew", async () => {
  const ports = testPorts();
  const bytes = Buffer.alloc(500, "abc");
  ports.web.set("http://m/x", bytes);
  ports.files.set("x.part", Buffer.alloc(200, "zzz"));
  const whole = ports.fetcher.open;
  ports.fetcher.open = (url) => whole(url, { offset: 0 });
  await download(ports, { urls: ["http://m/x"], path: "x", sizeBytes: 500, sha256: sha256(bytes) }, () => {});
  assert.deepEqual(Buffer.from(ports.files.get("x")!), bytes);
  ports.fetcher.open = whole;
  ports.files.set("y.part", Buffer.alloc(200, "zzz"));
  await download(
    ports,
    { urls: ["http://gone", "http://m/x"], path: "y", sizeBytes: 500, sha256: sha256(bytes) },
    () => {},
  );
  assert.deepEqual(Buffer.from(ports.files.get("y")!), bytes);
});

test("older lists do not push out newer ones, and without a net the last ones serve", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer, { date: "Fri, 15 Jan 2027 06:00:00 UTC" });
  await load(ports);
  const old = ports.web.get("http://mirror/debian/dists/trixie/InRelease")!;
  await publish(ports, [{ control: { ...HELLO.control, Version: "2" } }], signer, {
    date: "Fri, 15 Jan 2027 07:00:00 UTC",
  });
  await load(ports);
  ports.web.set("http://mirror/debian/dists/trixie/InRelease", old);
  const replayed = await load(ports);
  assert.equal(replayed.index.candidate("hello")!.version, "2");
  assert.match(replayed.warnings[0]!, /older than the lists of last time/);
  ports.web.clear();
  const offline = await load(ports);
  assert.equal(offline.index.candidate("hello")!.version, "2");
  assert.match(offline.warnings[0]!, /using the lists of last time/);
  await assert.rejects(load(testPorts()), FetchError);
});

test("while a mirror is renewed, its signed list before what that names, the lists of last time serve", async () => {
  for (const byHash of [true, false]) {
    const ports = testPorts();
    await publish(ports, [HELLO], signer, { byHash, date: "Fri, 15 Jan 2027 06:00:00 UTC" });
    await load(ports);
    const before = new Map(ports.web);
    await publish(ports, [{ control: { ...HELLO.control, Version: "2" } }], signer, {
      byHash,
      date: "Fri, 15 Jan 2027 07:00:00 UTC",
    });
    const after = new Map(ports.web);
    ports.web.clear();
    for (const [url, bytes] of before) ports.web.set(url, bytes);
    const inRelease = "http://mirror/debian/dists/trixie/InRelease";
    ports.web.set(inRelease, after.get(inRelease)!);
    const meanwhile = await load(ports);
    assert.equal(meanwhile.index.candidate("hello")!.version, "1:1.0+x-1");
    assert.match(meanwhile.warnings[0]!, /; using the list of last time$/);
    const elsewhere = testPorts();
    for (const [url, bytes] of ports.web) elsewhere.web.set(url, bytes);
    await assert.rejects(load(elsewhere), Error, "nobody who has no list gets one");
    for (const [url, bytes] of after) ports.web.set(url, bytes);
    const renewed = await load(ports);
    assert.equal(renewed.index.candidate("hello")!.version, "2");
    assert.deepEqual(renewed.warnings, []);
  }
});

test("who has no lists yet takes the release under its other name, while a mirror is renewed under one", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer, { date: "Fri, 15 Jan 2027 06:00:00 UTC" });
  const moved = (url: string): string => url.replace("/dists/trixie/", "/dists/stable/");
  for (const [url, bytes] of [...ports.web]) ports.web.set(moved(url), bytes);
  const old = new Map(ports.web);
  await publish(ports, [{ control: { ...HELLO.control, Version: "2" } }], signer, {
    date: "Fri, 15 Jan 2027 07:00:00 UTC",
  });
  const after = new Map(ports.web);
  const inRelease = "http://mirror/debian/dists/trixie/InRelease";
  for (const url of after.keys()) if (url !== inRelease && !old.has(url)) ports.web.delete(url);
  const first = await load(ports);
  assert.equal(first.index.candidate("hello")!.version, "1:1.0+x-1");
  assert.match(first.warnings.at(-1)!, /; using http:.*\/dists\/stable, version .* of 2027-01-15$/);
  // What is as new there, lacks the same.
  const renewing = testPorts();
  for (const [url, bytes] of ports.web) renewing.web.set(url, bytes);
  renewing.web.set(moved(inRelease), after.get(inRelease)!);
  await assert.rejects(load(renewing), FetchError);
  for (const [url, bytes] of after) ports.web.set(url, bytes);
  const renewed = await load(ports);
  assert.equal(renewed.index.candidate("hello")!.version, "2");
  assert.deepEqual(renewed.warnings, []);
});

test("file names that leave the repository are refused", () => {
  const index = new PackageIndex();
  index.add(
    `Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/../../etc/passwd\nSize: 1\nSHA256: ${"0".repeat(64)}\n`,
    { name: "x", baseUrl: "http://x", priority: 500 },
    "all",
  );
  assert.throws(() => packageFile(index.candidate("a")!), /leaves the repository/);
});

test("a Release file's date must be one", () => {
  assert.throws(() => parseRelease("Suite: x\nDate: tomorrow\nSHA256:\n"), ReleaseError);
  assert.throws(() => parseRelease("Suite: x\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n"), /lists no SHA256/);
});

test("the keys that Stratos brings are those with the published fingerprints", async () => {
  const openpgp = await import("openpgp");
  const published = Object.keys(TRIXIE_KEYS).map((fingerprint) => fingerprint.toLowerCase());
  const found = [];
  for (const binaryKeys of trixieKeyrings())
    for (const key of await openpgp.readKeys({ binaryKeys })) found.push(key.getFingerprint());
  assert.deepEqual(found.sort(), published.sort());
});

const HOST_KEYRING = "/usr/share/keyrings/debian-archive-trixie-stable.gpg";
test(
  "they are also those of the host's keyring package",
  {
    skip: existsSync(HOST_KEYRING) ? false : "the host has no keyring of trixie",
  },
  () => {
    assert.ok(trixieKeyrings().some((key) => Buffer.from(key).equals(readFileSync(HOST_KEYRING))));
  },
);

test(
  "a flat repository is loaded, for one architecture of those that it holds, and its packages are found beside its " +
    "list",
  async () => {
    for (const [suite, folder] of [
      ["./", "http://mirror/flat"],
      ["/", "http://mirror/flat"],
      ["stable/v1/", "http://mirror/flat/stable/v1"],
    ] as const) {
      const ports = testPorts();
      const text = publishFlat(
        ports,
        [HELLO, { control: { Package: "other", Version: "1", Architecture: "amd64" } }],
        folder,
      );
      ports.web.set(`${folder}/InRelease`, Buffer.from(await signer.sign(text)));
      const index = new PackageIndex();
      await loadRepository(
        ports,
        { uri: "http://mirror/flat/", suite, components: [], architecture: "riscv64", keyrings: [signer.publicKey] },
        index,
        () => {},
      );
      assert.equal(index.candidate("other"), undefined);
      await download(ports, packageFile(index.candidate("hello")!), () => {});
    }
  },
);

test(
  "without InRelease, Release counts with the signature of Release.gpg; without any, only a source that is said to " +
    "be trusted",
  async () => {
    const ports = testPorts(),
      folder = "http://mirror/flat";
    const text = publishFlat(ports, [HELLO], folder);
    const load = async (extra: { isTrusted?: boolean }): Promise<PackageIndex> => {
      const index = new PackageIndex();
      await loadRepository(
        ports,
        { uri: folder, suite: "./", components: [], architecture: "riscv64", keyrings: [signer.publicKey], ...extra },
        index,
        () => {},
      );
      return index;
    };
    ports.web.set(`${folder}/Release`, Buffer.from(text));
    await assert.rejects(load({}), (error) => error instanceof FetchError && error.message.includes("InRelease"));
    assert.ok((await load({ isTrusted: true })).candidate("hello") !== undefined);
    // What was believed without a signature is not kept as if it had one.
    await assert.rejects(load({}), FetchError);
    ports.web.set(`${folder}/Release.gpg`, Buffer.from(await stranger.signDetached(text)));
    await assert.rejects(
      load({}),
      (error) => error instanceof ReleaseError && /no good signature by a trusted key/.test(error.message),
    );
    ports.web.set(`${folder}/Release.gpg`, Buffer.from(await signer.signDetached(text)));
    assert.ok((await load({})).candidate("hello") !== undefined);
    const opened = ports.opened.length;
    assert.ok((await load({})).candidate("hello") !== undefined, "from the store, too");
    assert.ok(ports.opened.length > opened);
    ports.web.set(`${folder}/Release`, Buffer.from(text.replace("2027", "2026")));
    await assert.rejects(load({}), ReleaseError);
  },
);

test("keys count that can be read, beside one that cannot", async () => {
  const ports = testPorts();
  await publish(ports, [HELLO], signer);
  assert.deepEqual((await load(ports, [Buffer.from("KBX"), signer.publicKey])).signers, [signer.fingerprint]);
  await assert.rejects(load(ports, [Buffer.from("KBX")]), /a keyring cannot be read/);
});
