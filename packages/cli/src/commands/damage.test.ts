/**
 * What somebody has changed behind our back. Goal: of an image's index, manifest, configuration and layers, and of an
 * archive, a table and a file system on a disk, each is refused by its name when bytes of it are changed, missing or
 * too few, the status is 1, and nothing is left. Judge for what OSTree keeps: ostree fsck, which must find it, too.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-damage");
const at = (name: string): string => join(folder, name);
const layout = at("layout");
const blob = (digest: string, place = at("hurt")): string =>
  join(place, "blobs/sha256", digest.slice("sha256:".length));

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}
interface Index {
  manifests: Descriptor[];
}
let manifest: Descriptor, config: Descriptor, layer: Descriptor;

before(async () => {
  process.env["STRATOS_HOME"] = at("home");
  const root = at("root");
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/hostname"), "box\n");
  writeFileSync(join(root, "data"), Buffer.alloc(200_000, "data "));
  for (const [target, ...options] of [
    [layout, "--to", "oci"],
    [at("packed.tar.gz")],
    [at("repo"), "--to", "ostree", "--ref", "box"],
    [at("root.ext4")],
    [at("root.erofs")],
    [at("root.btrfs")],
  ] as const) {
    const { status, stderr } = await runCommand(
      "image",
      "convert",
      root,
      target,
      ...options,
      "--root",
      "--time",
      "1700000000",
      "--name",
      "box",
    );
    assert.equal(status, 0, stderr);
  }
  manifest = (JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as Index).manifests[0]!;
  const value = JSON.parse(readFileSync(blob(manifest.digest, layout), "utf8")) as {
    config: Descriptor;
    layers: Descriptor[];
  };
  config = value.config;
  layer = value.layers[0]!;
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Changes bytes of a file: one byte of its middle, or as `change` says. */
function hurt(path: string, change: (bytes: Buffer) => Buffer = flip): void {
  writeFileSync(path, change(readFileSync(path)));
}

function flip(bytes: Buffer): Buffer {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 10);

async function refused(
  source: string,
  pattern: RegExp,
  commands: readonly ("convert" | "install")[] = ["convert", "install"],
): Promise<void> {
  for (const command of commands) {
    const args =
      command === "convert"
        ? ["image", "convert", source, at("out.tar")]
        : ["install", "--source", source, "--target", at("out.raw"), "--size", "1G"];
    const { status, stdout, stderr } = await runCommand(...args);
    assert.deepEqual([status, stdout], [1, ""], stderr);
    assert.match(stderr, pattern);
    assert.match(stderr, /^stratos: [^\n]+\n$/);
  }
  assert.ok(!existsSync(at("out.tar")) && !existsSync(at("out.raw")));
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

test("a changed, shortened or missing part of an OCI layout is refused by its digest", async () => {
  const cases: readonly (readonly [() => void, () => RegExp])[] = [
    [
      () => hurt(blob(layer.digest)),
      () => new RegExp(`${layer.digest}: the blob has been changed; its digest is sha256:[0-9a-f]{64}\\n$`),
    ],
    [
      () => hurt(blob(layer.digest), cut),
      () => new RegExp(`${layer.digest}: has ${layer.size - 10} bytes, and is to have ${layer.size}\\n$`),
    ],
    [() => rmSync(blob(layer.digest)), () => new RegExp(`${layer.digest}: the blob is missing\\n$`)],
    [() => hurt(blob(config.digest)), () => new RegExp(`${config.digest}: the blob has been changed`)],
    [() => hurt(blob(config.digest), cut), () => new RegExp(`${config.digest}: has ${config.size - 10} bytes`)],
    [() => hurt(blob(manifest.digest)), () => new RegExp(`${manifest.digest}: the blob has been changed`)],
    [() => rmSync(blob(manifest.digest)), () => new RegExp(`${manifest.digest}: the blob is missing`)],
    [() => hurt(join(at("hurt"), "index.json"), cut), () => /index\.json: is damaged, and names no images\n$/],
    [
      () => hurt(join(at("hurt"), "index.json"), () => Buffer.from('{"manifests":[{"digest":"../../etc/passwd"}]}')),
      () => /index\.json: is damaged, and names no images\n$/,
    ],
    [() => hurt(join(at("hurt"), "index.json"), () => Buffer.from("null")), () => /index\.json: is damaged/],
    // A manifest that is whole, but names a configuration of other layers.
    [
      () => rewrite({ diffId: `sha256:${"0".repeat(64)}` }),
      () => new RegExp(`${layer.digest}: the layer unpacks to something else than the image's configuration says\\n$`),
    ],
    [() => rewrite({ diffId: null }), () => /: names 0 layers, and the manifest 1\n$/],
    [() => rewrite({ text: "{}" }), () => /sha256:[0-9a-f]{64}: is no image's configuration\n$/],
    [() => rewrite({ text: "[" }), () => /sha256:[0-9a-f]{64}: is no image's configuration\n$/],
  ];
  for (const [damage, pattern] of cases) {
    cpSync(layout, at("hurt"), { recursive: true });
    damage();
    await refused(`oci:${at("hurt")}`, new RegExp(`^stratos: ${escaped(at("hurt"))}|^stratos: oci:`));
    await refused(`oci:${at("hurt")}`, pattern());
    rmSync(at("hurt"), { recursive: true });
  }
});

/** Gives the image a configuration of other content, under a manifest and an index that fit it. */
function rewrite({ diffId, text }: { diffId?: string | null; text?: string }): void {
  const put = (content: string, like: Descriptor): Descriptor => {
    const bytes = Buffer.from(content),
      digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(blob(digest), bytes);
    return { ...like, digest, size: bytes.length };
  };
  const own = JSON.parse(readFileSync(blob(config.digest), "utf8")) as { rootfs: { diff_ids: string[] } };
  own.rootfs.diff_ids = diffId == null ? [] : [diffId];
  const value = JSON.parse(readFileSync(blob(manifest.digest), "utf8")) as { config: Descriptor };
  value.config = put(text ?? JSON.stringify(own), value.config);
  writeFileSync(
    join(at("hurt"), "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [put(JSON.stringify(value), manifest)] }),
  );
}

test("a commit is taken as a source, and what of it was changed is refused by its checksum", async () => {
  const taken = await runCommand("image", "convert", `ostree:${at("repo")}:box`, at("commit.tar"));
  assert.deepEqual([taken.status, taken.stderr], [0, ""]);
  assert.match(execFileSync("tar", ["-xOf", at("commit.tar"), "./etc/hostname"], { encoding: "utf8" }), /^box\n$/);
  await refused(`ostree:${at("repo")}:other`, /repo:other: other: no such reference\n$/);
  await refused(`ostree:${at("root")}:box`, /root: is no OSTree repository\n$/);
  for (const object of readdirSync(join(at("repo"), "objects"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes("."),
  )) {
    const path = join(at("repo"), "objects", object),
      bytes = readFileSync(path),
      name = object.replace(/\/|\..*/g, "");
    // Of what is packed the header lies in front, and the end is of no use.
    hurt(path, (own) => {
      own[own.length - 12]! ^= 0x10;
      return own;
    });
    // By the name of the source, whether it was read before anything was written or meanwhile.
    await refused(
      `ostree:${at("repo")}:box`,
      new RegExp(`^stratos: ostree:${escaped(at("repo"))}:box: [^\\n]*${name} has been changed\\n$`),
      ["convert"],
    );
    writeFileSync(path, bytes);
  }
});

test("a damaged archive or file system is refused by the file's name", async () => {
  const cases: readonly (readonly [string, (bytes: Buffer) => Buffer, RegExp])[] = [
    ["packed.tar.gz", flip, /hurt-packed\.tar\.gz: cannot be unpacked: /],
    ["packed.tar.gz", cut, /hurt-packed\.tar\.gz: cannot be unpacked: unexpected end of file/],
    [
      "root.ext4",
      (bytes) => {
        bytes.fill(0xff, 1024, 1024 + 56);
        return bytes;
      },
      /hurt-root\.ext4: /,
    ],
    ["root.ext4", (bytes) => bytes.subarray(0, 8192), /hurt-root\.ext4: /],
    [
      "root.erofs",
      (bytes) => {
        bytes[1024 + 40]! ^= 1;
        return bytes;
      },
      /the EROFS superblock is damaged: its checksum/,
    ],
    [
      "root.btrfs",
      (bytes) => {
        bytes[65536 + 100]! ^= 1;
        return bytes;
      },
      /hurt-root\.btrfs: .*damaged/,
    ],
  ];
  for (const [name, change, pattern] of cases) {
    const path = at(`hurt-${name}`);
    writeFileSync(path, change(readFileSync(at(name))));
    await refused(path, pattern);
  }
});

test("an archive of docker is an image, and what was changed in it is refused by its name", async () => {
  const archive = at("docker.tar"),
    own = at("docker");
  execFileSync("skopeo", ["copy", "-q", `oci:${layout}:box`, `docker-archive:${archive}:box/box:v1`], {
    stdio: "pipe",
  });
  assert.equal((await runCommand("image", "convert", archive, at("from-docker.tar"))).status, 0);
  assert.equal((await runCommand("image", "convert", `oci:${layout}`, at("from-oci.tar"))).status, 0);
  assert.ok(readFileSync(at("from-docker.tar")).equals(readFileSync(at("from-oci.tar"))));
  // Imported, it is the image's root, too, and not its blobs.
  assert.equal((await runCommand("image", "import", "docker", archive)).status, 0);
  assert.equal((await runCommand("image", "convert", "docker", at("from-image.tar"))).status, 0);
  assert.match(execFileSync("tar", ["-tf", at("from-image.tar")], { encoding: "utf8" }), /etc\/hostname/);
  mkdirSync(own);
  execFileSync("tar", ["-xf", archive, "-C", own]);
  const [{ Config: configuration, Layers: layers }] = JSON.parse(readFileSync(join(own, "manifest.json"), "utf8")) as [
    { Config: string; Layers: string[] },
  ];
  const changed = async (name: string, pattern: RegExp, change?: (bytes: Buffer) => Buffer): Promise<void> => {
    const kept = readFileSync(join(own, name));
    hurt(join(own, name), change);
    execFileSync("tar", ["-cf", at("hurt-docker.tar"), "-C", own, "."]);
    writeFileSync(join(own, name), kept);
    await refused(at("hurt-docker.tar"), pattern);
  };
  await changed(configuration!, /\.json: has been changed; its digest is [0-9a-f]{64}/);
  await changed(layers[0]!, /the layer unpacks to something else than the image's configuration says|is damaged/);
  await changed("manifest.json", /manifest\.json: does not follow the specification/, () => Buffer.from("{}"));
  await changed("manifest.json", /none\/layer\.tar: is missing/, (bytes) =>
    Buffer.from(bytes.toString().replace(layers[0]!, "none/layer.tar")),
  );
  await changed(
    "manifest.json",
    /holds 2 images \([^)]*box\/box:v1, [^)]*box\/box:v1\); `skopeo copy docker-archive:/,
    (bytes) => Buffer.from(JSON.stringify([...JSON.parse(bytes.toString()), ...JSON.parse(bytes.toString())])),
  );
});
