/**
 * The registry's client. Judges: Debian's docker-registry, from which skopeo takes what we pushed and to which it
 * pushes what we pull; and a small registry of our own that asks for tokens, wants large chunks, redirects blobs, and
 * lies.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, createServer as createNetServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { extendedTest } from "@stratos/base/testing";
import { fileEntry, fileTreeOf, MemoryBlob, OCI_MEDIA, type OciDescriptor } from "@stratos/formats";
import { formatReference, parseReference, RegistryClient, type RegistryOptions } from "@stratos/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { NodeHttpTransport } from "./http-transport.ts";
import { OciLayoutFolder } from "./oci-layout-folder.ts";

const codecs = nodeCodecs();
const place = mkdtempSync(join(tmpdir(), "stratos-registry-"));
const transport = new NodeHttpTransport({});
let daemon: ChildProcess, daemonHost: string, entry: OciDescriptor, source: OciLayoutFolder;
const platform = { os: "linux", architecture: "riscv64" };

before(async () => {
  daemonHost = `127.0.0.1:${await freePort()}`;
  writeFileSync(
    join(place, "config.yml"),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(place, "data")}}}\nhttp: ` +
      `{addr: "${daemonHost}"}\n`,
  );
  daemon = spawn("docker-registry", ["serve", join(place, "config.yml")], { stdio: "ignore" });
  for (
    let tries = 0;
    tries < 600 &&
    !(await fetch(`http://${daemonHost}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    ));
    tries++
  )
    await sleep(100);
  source = new OciLayoutFolder(join(place, "source"), codecs);
  // More than two chunks, of what does not pack.
  const noise = Buffer.concat(
    Array.from({ length: 300_000 }, (_, index) => createHash("sha512").update(String(index)).digest()),
  );
  const tree = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("noise", "file", { content: new MemoryBlob(noise, "") }),
  ]);
  const layer = source.addLayer(tree, { compression: "gzip", createdBy: "test" });
  const images = ["amd64", "riscv64"].map((architecture) =>
    source.addImage([layer], { platform: { os: "linux", architecture }, created: 0, runtime: {} }),
  );
  entry = source.addIndex(images.map((image) => image.manifest.descriptor));
  source.publish(entry, "v1");
});
after(() => {
  daemon.kill();
  transport.close();
  rmSync(place, { recursive: true, force: true });
});

function client(name: string, access: "pull" | "pull,push", options: RegistryOptions = {}): RegistryClient {
  return new RegistryClient(parseReference(name), access, { transport: transport.send, codecs }, options);
}

test("skopeo takes what was pushed, and a second push sends nothing", async () => {
  const name = `${daemonHost}/team/noise:v1`;
  assert.ok((await client(name, "pull,push").push(source, entry)) > 16 << 20);
  assert.equal(await client(name, "pull,push").push(source, entry), 0);
  const seen = JSON.parse(
    execFileSync("skopeo", ["inspect", "--tls-verify=false", "--override-arch", "riscv64", `docker://${name}`], {
      encoding: "utf8",
    }),
  ) as { Architecture: string; RepoTags: string[] };
  assert.deepEqual([seen.Architecture, seen.RepoTags], ["riscv64", ["v1"]]);
  execFileSync("skopeo", [
    "copy",
    "-q",
    "--src-tls-verify=false",
    "--all",
    `docker://${name}`,
    `oci:${join(place, "copy")}:v1`,
  ]);
  assert.equal(new OciLayoutFolder(join(place, "copy"), codecs).entry("v1").digest, entry.digest);
  assert.deepEqual(await client(name, "pull").tags(), ["v1"]);
});

test("what skopeo pushed is pulled: the image of our platform, whole", async () => {
  const name = `${daemonHost}/other:latest`;
  execFileSync("skopeo", [
    "copy",
    "-q",
    "--dest-tls-verify=false",
    "--all",
    `oci:${join(place, "source")}:v1`,
    `docker://${name}`,
  ]);
  const target = new OciLayoutFolder(join(place, "pulled"), codecs);
  let done = 0,
    total = 0;
  const manifest = await client(name, "pull", {
    onProgress: (bytes, of) => {
      done = bytes;
      total = of;
    },
  }).pull(target, platform);
  target.publish(manifest.descriptor, "latest");
  assert.equal(
    JSON.parse(execFileSync("skopeo", ["inspect", `oci:${join(place, "pulled")}:latest`], { encoding: "utf8" }))
      .Architecture,
    "riscv64",
  );
  assert.ok(done === total && total > 16 << 20);
  await assert.rejects(
    client(name, "pull").pull(target, { os: "linux", architecture: "s390x" }),
    /has no image for linux\/s390x; there are linux\/amd64, linux\/riscv64/,
  );
  await assert.rejects(client(`${daemonHost}/other:gone`, "pull").pull(target, platform), /manifest unknown.*\(404\)/);
});

test("a registry that asks for a token, wants large chunks and keeps blobs elsewhere is served", async () => {
  const registry = await startRegistry();
  try {
    const name = `127.0.0.1:${registry.port}/private/image:v2`;
    const credentials = { username: "üser", password: "p:w" };
    assert.ok((await client(name, "pull,push", { credentials }).push(source, entry)) > 16 << 20);
    assert.ok(
      registry.chunks.length >= 1 && registry.chunks.every((size) => size >= 12 << 20),
      String(registry.chunks),
    );
    const target = new OciLayoutFolder(join(place, "private"), codecs);
    await client(name, "pull", { credentials }).pull(target, platform);
    assert.equal(registry.tokenSeenByStorage, false);
    await assert.rejects(
      client(name, "pull", { credentials: { username: "x", password: "y" } }).pull(target, platform),
      /does not take this name and password \(x\)/,
    );
  } finally {
    registry.server.close();
  }
});

test("a blob or manifest that was changed on the way is refused by name", async () => {
  const registry = await startRegistry();
  try {
    const name = `127.0.0.1:${registry.port}/private/image:v2`;
    const credentials = { username: "üser", password: "p:w" };
    await client(name, "pull,push", { credentials }).push(source, entry);
    const [digest, bytes] = [...registry.blobs].find(([, content]) => content.length > 1 << 20)!;
    registry.blobs.set(digest, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]));
    const target = new OciLayoutFolder(join(place, "tampered"), codecs);
    await assert.rejects(
      client(name, "pull", { credentials }).pull(target, platform),
      new RegExp(`${digest}: what came is sha256:`),
    );
    assert.equal(await target.has(digest), false);
    const pinned = `127.0.0.1:${registry.port}/private/image@sha256:${"1".repeat(64)}`;
    registry.manifests.set(`sha256:${"1".repeat(64)}`, { type: OCI_MEDIA.index, bytes: Buffer.from("{}") });
    await assert.rejects(
      client(pinned, "pull", { credentials }).pull(target, platform),
      /the manifest is sha256:44136fa355/,
    );
  } finally {
    registry.server.close();
  }
});

test(
  "a transfer that breaks off goes on where it was, both ways, and one " + "that always does ends with words",
  async () => {
    // Between the client and Debian's registry: cuts connections after so many bytes, as often as it is told.
    const cut = { toServer: Infinity, toClient: Infinity, times: 0, done: 0 };
    const proxy = createNetServer((near) => {
      const far = connect(Number(daemonHost.split(":")[1]), "127.0.0.1"),
        seen = { toServer: 0, toClient: 0 };
      const pass = (from: Socket, to: Socket, way: "toServer" | "toClient"): void =>
        void from.on("data", (piece: Buffer) => {
          to.write(piece);
          seen[way] += piece.length;
          if (seen[way] < cut[way] || cut.done >= cut.times) return;
          cut.done++;
          near.destroy();
          far.destroy();
        });
      pass(near, far, "toServer");
      pass(far, near, "toClient");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const)
        one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => proxy.once("listening", resolve));
    try {
      const name = `127.0.0.1:${(proxy.address() as AddressInfo).port}/broken/image:v1`;
      // In the middle of the second chunk of 8 MiB.
      Object.assign(cut, { toServer: 11 << 20, times: 2 });
      assert.ok((await client(name, "pull,push").push(source, entry)) > 16 << 20);
      assert.equal(cut.done, 2);
      const target = new OciLayoutFolder(join(place, "broken"), codecs);
      Object.assign(cut, { toServer: Infinity, toClient: 5 << 20, times: 3, done: 0 });
      const pulled = await client(name, "pull").pull(target, platform);
      assert.equal(cut.done, 3);
      for (const { digest, size } of pulled.value.layers!)
        assert.equal(
          `sha256:${createHash("sha256")
            .update(await target.read(digest, 0, size))
            .digest("hex")}`,
          digest,
        );
      Object.assign(cut, { toClient: 1 << 20, times: Infinity, done: 0 });
      const never = new OciLayoutFolder(join(place, "never"), codecs);
      await assert.rejects(
        client(name, "pull").pull(never, platform),
        /sha256:[0-9a-f]{64}: broke off after \d+ of \d+ bytes: /,
      );
      assert.equal(await never.has(pulled.value.layers![0]!.digest), false);
    } finally {
      proxy.close();
    }
  },
);

extendedTest("layers that another repository has are not sent again", async () => {
  await client(`${daemonHost}/mount/from:v1`, "pull,push").push(source, entry);
  assert.equal(
    await client(`${daemonHost}/mount/to:v1`, "pull,push", { mountFrom: "mount/from" }).push(source, entry),
    0,
  );
  assert.match(
    execFileSync("skopeo", ["inspect", "--tls-verify=false", "--raw", `docker://${daemonHost}/mount/to:v1`], {
      encoding: "utf8",
    }),
    /riscv64/,
  );
  // A repository that has nothing is no help, and no harm.
  assert.ok(
    (await client(`${daemonHost}/mount/other:v1`, "pull,push", { mountFrom: "mount/nothing" }).push(source, entry)) >
      16 << 20,
  );
});

test("an image for another platform is refused by name, unless it is to be kept as it is", async () => {
  const own = new OciLayoutFolder(join(place, "amd64"), codecs),
    image = own.addImage([], { platform: { os: "linux", architecture: "amd64" }, created: 0, runtime: {} }),
    name = `${daemonHost}/one/platform:v1`;
  await client(name, "pull,push").push(own, image.manifest.descriptor);
  const target = new OciLayoutFolder(join(place, "other"), codecs);
  await assert.rejects(
    client(name, "pull").pull(target, platform),
    /one\/platform:v1: is for linux\/amd64, not for linux\/riscv64/,
  );
  assert.equal(
    (await client(name, "pull").pull(target, platform, { acceptsOther: true })).descriptor.digest,
    image.manifest.descriptor.digest,
  );
});

test("references are read as other clients read them", () => {
  assert.equal(formatReference(parseReference("debian")), "docker.io/library/debian:latest");
  assert.equal(formatReference(parseReference("docker://quay.io/a/b:c")), "quay.io/a/b:c");
  assert.equal(formatReference(parseReference("localhost:5000/x")), "localhost:5000/x:latest");
  assert.equal(
    formatReference(parseReference(`a/b:t@sha256:${"0".repeat(64)}`)),
    `docker.io/a/b@sha256:${"0".repeat(64)}`,
  );
  for (const bad of ["", "UPPER", "a//b", "a:b:c", "x@sha256:12", "a/b:-t", "host:5000/"])
    assert.throws(() => parseReference(bad), { name: "ReferenceError" }, bad);
});

async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface TestRegistry {
  readonly server: Server;
  readonly port: number;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { type: string; bytes: Buffer }>;
  readonly chunks: number[];
  tokenSeenByStorage: boolean;
}

/**
 * Distribution Specification 1.1 in memory; user `üser`, password `p:w`; blobs are served under another origin
 * (`localhost`).
 */
async function startRegistry(): Promise<TestRegistry> {
  const uploads = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://x");
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      const answer = (status: number, headers: Record<string, string> = {}, content: Buffer | string = ""): void => {
        response.writeHead(status, headers).end(request.method === "HEAD" ? "" : content);
      };
      if (url.pathname === "/token") {
        const isRight = request.headers.authorization === `Basic ${Buffer.from("üser:p:w").toString("base64")}`;
        if (!isRight)
          return answer(401, {}, JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "wrong password" }] }));
        return answer(200, {}, JSON.stringify({ token: `for ${url.searchParams.get("scope")!}` }));
      }
      if (url.pathname.startsWith("/storage/")) {
        if (request.headers.authorization !== undefined) registry.tokenSeenByStorage = true;
        return answer(200, {}, registry.blobs.get(url.pathname.slice(9))!);
      }
      if (!/^Bearer for repository:private\/image:pull/.test(request.headers.authorization ?? "")) {
        return answer(401, {
          "www-authenticate": `Bearer realm="http://127.0.0.1:${registry.port}/token",service="test"`,
        });
      }
      const rest = url.pathname.replace("/v2/private/image/", "");
      const blob = /^blobs\/(sha256:.*)$/.exec(rest)?.[1];
      if (blob !== undefined) {
        if (!registry.blobs.has(blob)) return answer(404);
        return request.method === "HEAD"
          ? answer(200)
          : answer(307, { location: `http://localhost:${registry.port}/storage/${blob}` });
      }
      if (rest === "blobs/uploads/") {
        uploads.set("1", Buffer.alloc(0));
        return answer(202, {
          location: "/v2/private/image/blobs/uploads/1?state=0",
          "oci-chunk-min-length": String(12 << 20),
        });
      }
      if (rest === "blobs/uploads/1") {
        const got = uploads.get("1")!;
        const range = request.headers["content-range"];
        if (range !== undefined && Number(range.split("-")[0]) !== got.length) return answer(416);
        uploads.set("1", Buffer.concat([got, body]));
        if (request.method === "PATCH") {
          registry.chunks.push(body.length);
          return answer(202, { location: `/v2/private/image/blobs/uploads/1?state=${got.length + body.length}` });
        }
        const digest = url.searchParams.get("digest")!;
        const whole = uploads.get("1")!;
        if (digest !== `sha256:${createHash("sha256").update(whole).digest("hex")}`) return answer(400, {}, "{}");
        registry.blobs.set(digest, whole);
        return answer(201);
      }
      const name = rest.replace("manifests/", "");
      if (request.method === "PUT") {
        const stored = { type: request.headers["content-type"]!, bytes: body };
        registry.manifests.set(name, stored).set(`sha256:${createHash("sha256").update(body).digest("hex")}`, stored);
        return answer(201);
      }
      const manifest = registry.manifests.get(name);
      return manifest === undefined ? answer(404) : answer(200, { "content-type": manifest.type }, manifest.bytes);
    });
  });
  const registry: TestRegistry = {
    server,
    port: await freePort(),
    blobs: new Map(),
    manifests: new Map(),
    chunks: [],
    tokenSeenByStorage: false,
  };
  // Both names of this computer, whichever family `localhost` has.
  await new Promise<void>((resolve) => server.listen(registry.port, resolve));
  return registry;
}
