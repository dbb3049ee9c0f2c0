/**
 * The host's side of package management, on real files, threads and a server on loopback. Goal: resume, redirects,
 * errors in words, two processes at one file, damaged archives, and a root in a folder.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FetchError, MirrorError } from "@stratos/pkg";
import { findMirror, readAptProxies } from "./apt-sources.ts";
import { FolderStore } from "./folder-store.ts";
import { FolderWriter } from "./folder-writer.ts";
import { HttpFetcher } from "./http-fetcher.ts";
import { UnpackPool } from "./unpack-pool.ts";

function withFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "stratos-packages-"));
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  let result: T;
  try {
    result = work(folder);
  } catch (error) {
    clean();
    throw error;
  }
  if (result instanceof Promise) return result.finally(clean) as T;
  clean();
  return result;
}

async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (base: string, fetcher: HttpFetcher) => Promise<void>,
): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const fetcher = new HttpFetcher({});
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, fetcher);
  } finally {
    fetcher.close();
    server.closeAllConnections();
    server.close();
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("a file is fetched whole, from its middle, and over a redirect", async () => {
  await withServer(
    (request, response) => {
      if (request.url === "/old") {
        response.writeHead(302, { location: "/new" }).end();
        return;
      }
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
      if (range === null) response.end("0123456789");
      else
        response
          .writeHead(206, { "content-range": `bytes ${range[1]}-9/10` })
          .end("0123456789".slice(Number(range[1])));
    },
    async (base, fetcher) => {
      const whole = await fetcher.open(`${base}/old`, { offset: 0 });
      assert.equal(whole.offset, 0);
      assert.equal(await textOf(whole.body), "0123456789");
      const part = await fetcher.open(`${base}/new`, { offset: 4 });
      assert.deepEqual([part.offset, part.sizeBytes, await textOf(part.body)], [4, 10, "456789"]);
    },
  );
});

test("a proxy of the environment is asked instead, but for what no_proxy names", async () => {
  const asked: string[] = [];
  await withServer(
    (request, response) => {
      asked.push(request.url ?? "");
      response.end("through");
    },
    async (base) => {
      const fetcher = new HttpFetcher({ http_proxy: base, no_proxy: "127.0.0.1" });
      try {
        assert.equal(await textOf((await fetcher.open("http://mirror.invalid/x", { offset: 0 })).body), "through");
        assert.equal(await textOf((await fetcher.open(`${base}/y`, { offset: 0 })).body), "through");
      } finally {
        fetcher.close();
      }
    },
  );
  assert.deepEqual(asked, ["http://mirror.invalid/x", "/y"]);
});

test("the proxies of the host's apt come first, and what cannot be asked is named", async () => {
  const asked: string[] = [];
  await withServer(
    (request, response) => {
      asked.push(request.url ?? "");
      response.end("through");
    },
    async (base) => {
      const folder = mkdtempSync(join(tmpdir(), "stratos-apt-"));
      mkdirSync(join(folder, "apt.conf.d"));
      writeFileSync(join(folder, "apt.conf.d/80proxy"), `Acquire::http::Proxy "${base}";\n`);
      writeFileSync(
        join(folder, "apt.conf"),
        'Acquire::http::Proxy::127.0.0.1 "DIRECT"; Acquire::http::Proxy::socks.invalid "socks5h://127.0.0.1:1";\n' +
          'Acquire::http::Proxy::dead.invalid "http://127.0.0.1:1";\n',
      );
      const fetcher = new HttpFetcher({ http_proxy: "http://127.0.0.1:1" }, undefined, readAptProxies(folder));
      const open = async (url: string): Promise<string> => textOf((await fetcher.open(url, { offset: 0 })).body);
      try {
        assert.deepEqual([await open("http://mirror.invalid/x"), await open(`${base}/y`)], ["through", "through"]);
        await assert.rejects(open("http://socks.invalid/"), /Acquire::http::Proxy "socks5h:\/\/127\.0\.0\.1:1": only/);
        await assert.rejects(open("http://dead.invalid/"), /it is the proxy that Acquire::http::Proxy names/);
        writeFileSync(join(folder, "apt.conf"), "Acquire { http");
        assert.equal(readAptProxies(folder)(new URL("http://mirror.invalid/")), undefined, "apt's to complain of");
      } finally {
        fetcher.close();
        rmSync(folder, { recursive: true });
      }
    },
  );
  assert.deepEqual(asked, ["http://mirror.invalid/x", "/y"]);
});

test("a server that falls silent, before its answer or within, is given up", async () => {
  await withServer(
    (request, response) => {
      if (request.url === "/half") response.writeHead(200, { "content-length": "10" }).write("12345");
    },
    async (base) => {
      const fetcher = new HttpFetcher({}, 50);
      try {
        for (const path of ["/none", "/half"]) {
          await assert.rejects(
            async () => {
              await textOf((await fetcher.open(base + path, { offset: 0 })).body);
            },
            (error) => error instanceof FetchError && !error.isPermanent,
            path,
          );
        }
      } finally {
        fetcher.close();
      }
    },
  );
});

test("a server that goes on byte by byte, in its answer's head or within, is given up as well", async () => {
  const drips: NodeJS.Timeout[] = [];
  await withServer(
    (request, response) => {
      const { socket } = response;
      if (request.url === "/within") response.writeHead(200, { "content-length": "100000" }).flushHeaders();
      else socket!.write("HTTP/1.1 200 OK\r\nX-Long: ");
      drips.push(setInterval(() => socket!.write("x"), 20));
      socket!.on("error", () => {});
    },
    async (base) => {
      const fetcher = new HttpFetcher({}, 250);
      try {
        for (const [path, why] of [
          ["/head", /no answer in 1 s/],
          ["/within", /only [0-9]+ bytes came in [0-9]+ s/],
        ] as const) {
          await assert.rejects(
            async () => {
              await textOf((await fetcher.open(base + path, { offset: 0 })).body);
            },
            (error) => error instanceof FetchError && !error.isPermanent && why.test(error.message),
            path,
          );
        }
      } finally {
        fetcher.close();
        for (const drip of drips) clearInterval(drip);
      }
    },
  );
});

test("failures are told in words, and whether to try again", async () => {
  await withServer(
    (request, response) => {
      if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": "100" });
        response.write("abc", () => response.destroy());
      } else response.writeHead(request.url === "/busy" ? 503 : 404).end();
    },
    async (base, fetcher) => {
      const failure = async (url: string): Promise<FetchError> => {
        try {
          await textOf((await fetcher.open(url, { offset: 0 })).body);
        } catch (error) {
          assert.ok(error instanceof FetchError, String(error));
          return error;
        }
        return assert.fail("no failure");
      };
      const missing = await failure(`${base}/none`);
      assert.ok(missing.isPermanent && missing.message.endsWith("/none: 404 Not Found"));
      assert.equal((await failure(`${base}/busy`)).isPermanent, false);
      assert.match((await failure(`${base}/loop`)).message, /redirects more than/);
      assert.equal((await failure(`${base}/cut`)).isPermanent, false);
      assert.match((await failure("http://127.0.0.1:1/")).message, /: 127\.0\.0\.1:1 takes no connections$/);
      assert.match(
        (await failure("http://nowhere.invalid/")).message,
        /nowhere\.invalid\/: (there is no host|the name) nowhere\.invalid/,
      );
      const proxied = new HttpFetcher({ http_proxy: "http://127.0.0.1:1" });
      await assert.rejects(
        proxied.open("http://example.org/x", { offset: 0 }),
        /example\.org\/x: 127\.0\.0\.1:1 takes no connections; it is the proxy that http_proxy names$/,
      );
      proxied.close();
      assert.ok((await failure("ftp://x/y")).isPermanent);
      const file = await failure("file:///does/not/exist");
      assert.deepEqual([file.isPermanent, file.message], [true, "file:///does/not/exist: no such file or directory"]);
      assert.ok((await failure("nonsense")).isPermanent);
    },
  );
});

test("the store writes whole files, resumes parts, and adopts those of processes that are gone", async () => {
  await withFolder(async (folder) => {
    const store = new FolderStore(folder);
    assert.equal(await store.read("a/b"), undefined);
    await store.write("a/b", Buffer.from("one"));
    await store.write("a/b", Buffer.from("two"));
    assert.equal(Buffer.from((await store.read("a/b"))!).toString(), "two");
    const gone = spawnSync("true").pid;
    writeFileSync(join(folder, "a", `big.part.${gone}`), "abc");
    const alive = `other.part.${process.ppid}`;
    writeFileSync(join(folder, "a", alive), "theirs");
    const part = await store.partial("a/big");
    assert.equal(part.sizeBytes, 3);
    await part.append(Buffer.from("def"));
    assert.equal(Buffer.from(await part.read()).toString(), "abcdef");
    assert.equal(await store.read("a/big"), undefined);
    await part.commit();
    assert.equal(Buffer.from((await store.read("a/big"))!).toString(), "abcdef");
    const other = await store.partial("a/other");
    assert.equal(other.sizeBytes, 0, "a living process's part is left alone");
    await other.close();
    assert.deepEqual(readdirSync(join(folder, "a")).sort(), ["b", "big", alive]);
  });
});

const hasXz = spawnSync("xz", ["--version"]).status === 0;

test("archives of each kind are unpacked side by side; damage and excess are refused", async () => {
  const pool = new UnpackPool(2);
  try {
    const content = Buffer.alloc(300_000, "the quick brown fox ");
    const kinds: ["gzip" | "zstd" | "none", Uint8Array][] = [
      ["gzip", gzipSync(content)],
      ["zstd", zstdCompressSync(content)],
      ["none", content],
    ];
    for (const unpacked of await Promise.all(kinds.map(([kind, bytes]) => pool.decompress(kind, bytes, 1 << 20))))
      assert.ok(content.equals(unpacked));
    for (const [kind, bytes] of kinds)
      await assert.rejects(pool.decompress(kind, bytes, 1000), /unpacks to more than 1000 bytes/, kind);
    await assert.rejects(pool.decompress("gzip", Buffer.from("nonsense"), 1000));
    await assert.rejects(pool.decompress("xz", Buffer.from("nonsense"), 1000));
  } finally {
    await pool.close();
  }
  await assert.rejects(pool.decompress("gzip", Buffer.alloc(0), 1), /closed/);
});

test(
  "xz archives of one and of many blocks are unpacked, cut ones are refused",
  {
    skip: hasXz ? false : "xz is not installed",
  },
  async () => {
    const pool = new UnpackPool(1);
    try {
      const content = Buffer.alloc(700_000);
      for (let at = 0; at < content.length; at++) content[at] = (at * at) >> 7;
      for (const options of [[], ["--block-size=100000"], ["--check=sha256"]]) {
        const packed = execFileSync("xz", ["-c", ...options], { input: content });
        if (options[0] !== "--check=sha256")
          assert.ok(content.equals(await pool.decompress("xz", packed, 1 << 20)), options.join());
        await assert.rejects(pool.decompress("xz", packed.subarray(0, packed.length - 100), 1 << 20), options.join());
        await assert.rejects(pool.decompress("xz", packed, 1000), options.join());
      }
    } finally {
      await pool.close();
    }
  },
);

test(
  "the mirror comes from the command line, the environment, the configuration, apt; else the message says what to " +
    "set",
  () => {
    withFolder((apt) => {
      const find = (options: { given?: string; configured?: string; environment?: NodeJS.ProcessEnv }): string =>
        findMirror({ environment: {}, ...options, aptFolder: apt }).uri;
      assert.throws(
        () => find({}),
        (error) => error instanceof MirrorError && /--mirror URL, or STRATOS_MIRROR/.test(error.message),
      );
      assert.throws(() => find({ given: "mirror" }), MirrorError);
      mkdirSync(join(apt, "sources.list.d"));
      writeFileSync(join(apt, "sources.list.d", "broken.sources"), "nonsense\n");
      writeFileSync(
        join(apt, "sources.list.d", "debian.sources"),
        "Types: deb\nURIs: http://apt/debian/\nSuites: bookworm\nComponents: main\n",
      );
      assert.equal(find({}), "http://apt/debian");
      assert.equal(find({ configured: "http://c/debian/" }), "http://c/debian");
      assert.equal(find({ configured: "http://c", environment: { STRATOS_MIRROR: "http://e" } }), "http://e");
      assert.equal(
        find({ given: "file:///srv/debian", configured: "http://c", environment: { STRATOS_MIRROR: "http://e" } }),
        "file:///srv/debian",
      );
    });
  },
);

test("a folder takes a root's files with modes, times and links", () => {
  withFolder((folder) => {
    const writer = new FolderWriter(folder, { ownership: false });
    const meta = { uid: 0, gid: 0, mode: 0o755, mtime: 1_600_000_000 };
    writer.directory("", meta);
    writer.directory("d\xc3\xa4", meta);
    writer.file("d\xc3\xa4/f", { ...meta, mode: 0o4711 }, Buffer.from("x"));
    writer.hardLink("h", "d\xc3\xa4/f");
    writer.symlink("s", meta, "nowhere");
    assert.throws(() => writer.file("s", meta, Buffer.from("through a link")), /EEXIST/);
    writer.remove("s");
    writer.finish();
    const file = statSync(join(folder, "dä", "f"));
    assert.deepEqual([file.mode & 0o7777, file.mtimeMs / 1000, file.nlink], [0o4711, 1_600_000_000, 2]);
    assert.equal(statSync(join(folder, "dä")).mtimeMs / 1000, 1_600_000_000);
    assert.equal(readFileSync(join(folder, "h"), "utf8"), "x");
  });
});
