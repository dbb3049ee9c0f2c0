/**
 * Outputs. Goal: each holds the tree, twice gives the same bytes, an index names all architectures, and what is
 * interrupted leaves nothing.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutputConfig, OutputJob, OutputWriter } from "@stratos/compose";
import { fileEntry, fileTreeOf, MemoryBlob, type FileTree } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { folderTree } from "../../outputs/folder-tree.ts";
import { folderOutput } from "./folder-output.ts";
import { imageName, ociOutputs } from "./oci-output.ts";
import { ostreeOutput } from "./ostree-output.ts";
import { tarOutput } from "./tar-output.ts";

const root = mkdtempSync(join(tmpdir(), "stratos-outputs-"));
after(() => rmSync(root, { recursive: true }));
const newFolder = (): string => mkdtempSync(join(root, "f-"));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function treeOf(text: string): FileTree {
  return fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("etc", "directory", { mtime: 5 }),
    fileEntry("etc/x", "file", { content: new MemoryBlob(Buffer.from(text), sha256), mode: 0o640, mtime: 7 }),
    fileEntry("etc/y", "hardLink", { target: "etc/x" }),
    fileEntry("link", "symlink", { target: "etc/x" }),
  ]);
}

function job(
  format: OutputConfig["format"],
  text = "content",
  fields: { architecture?: string; config?: Partial<OutputConfig>; signal?: AbortSignal } = {},
): OutputJob {
  const tree = treeOf(text);
  const config = { format, ...fields.config };
  return {
    name: "out",
    config,
    tree,
    epochSeconds: 1_700_000_000,
    signal: fields.signal ?? new AbortController().signal,
    onNote: () => {},
    layers: (own = tree) => [{ name: "all", tree: own }],
    target: {
      variant: "v",
      architecture: fields.architecture ?? "amd64",
      config: { name: "n", version: "1", container: { command: ["/bin/sh"], labels: { a: "b" } } },
    },
  };
}

const write = (writer: OutputWriter, one: OutputJob, path: string) => writer.write(one, path);

test("tar archives hold the tree, packed or not, the same each time, and are known again", async () => {
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const folder = newFolder(),
      writer = tarOutput(folder);
    const [first] = await write(writer, job("tar", "x".repeat(3_000_000), { config: { compression } }), "a");
    const [second] = await write(writer, job("tar", "x".repeat(3_000_000), { config: { compression } }), "b");
    assert.deepEqual({ ...second, path: "" }, { ...first, path: "" });
    assert.equal(sha256(readFileSync(join(folder, "a"))), first!.sha256);
    assert.ok(await writer.has(first!));
    assert.ok(
      !(await writer.has({ ...first!, sha256: second!.sha256.replace(/./, "g") })) &&
        !(await writer.has({ ...first!, path: "c" })),
    );
    const flag = compression === "none" ? [] : compression === "gzip" ? ["-z"] : ["--zstd"];
    if (compression !== "zstd")
      assert.match(
        execFileSync("tar", [...flag, "-tvf", join(folder, "a")], { encoding: "utf8" }),
        /^h.* \.\/etc\/y link to \.\/etc\/x$/m,
      );
  }
});

test("an output that is stopped leaves no part of it", async () => {
  const folder = newFolder();
  await assert.rejects(
    write(tarOutput(folder), job("tar", "x", { signal: AbortSignal.abort(new Error("enough")) }), "a"),
    /enough/,
  );
  await assert.rejects(
    write(folderOutput(folder), job("folder", "x", { signal: AbortSignal.abort(new Error("enough")) }), "b"),
    /enough/,
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("a folder holds the tree, in place of what was there", async () => {
  const folder = newFolder(),
    writer = folderOutput(folder);
  await write(writer, job("folder", "one"), "root");
  await write(writer, job("folder", "two"), "root");
  assert.equal(readFileSync(join(folder, "root", "etc", "y"), "utf8"), "two");
  assert.deepEqual(readdirSync(folder), ["root"]);
});

test("a folder keeps attributes, names of one file and times; what only root may set is for root alone", () => {
  const folder = newFolder(),
    probe = join(newFolder(), "probe"),
    capability = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
  writeFileSync(probe, "");
  // Root of a container may lack the right to give capabilities.
  const isRoot = process.getuid?.() === 0,
    isAllowed =
      isRoot &&
      spawnSync("setfattr", [
        "-n",
        "security.capability",
        "-v",
        `0x${Buffer.from(capability, "latin1").toString("hex")}`,
        probe,
      ]).status === 0;
  const attributed = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("a \\ b\n", "file", {
      content: new MemoryBlob(Buffer.from("x"), sha256),
      mtime: 1_234_567_890,
      xattrs: new Map([
        ["user.comment", "caf\xe9\n"],
        ...(isRoot && !isAllowed ? [] : [["security.capability", capability] as const]),
      ]),
    }),
    fileEntry("again", "hardLink", { target: "a \\ b\n" }),
    fileEntry("device", "character", { deviceMajor: 1, deviceMinor: 3 }),
    fileEntry("empty", "directory", { mtime: 5, xattrs: new Map([["user.folder", ""]]) }),
    fileEntry("link", "symlink", { target: "again", mtime: 77 }),
  ]);
  return write(folderOutput(folder), { ...job("folder"), tree: attributed }, "root").then(() => {
    const found = [...folderTree(join(folder, "root"), nodeCodecs(), { hasAttributes: true }).entries()];
    assert.deepEqual(
      found.map(({ path, kind, target, xattrs }) => [path, kind, target, [...xattrs].sort()]),
      [
        ["", "directory", "", []],
        [
          "a \\ b\n",
          "file",
          "",
          [...(isAllowed ? [["security.capability", capability]] : []), ["user.comment", "caf\xe9\n"]],
        ],
        [
          "again",
          "hardLink",
          "a \\ b\n",
          isAllowed
            ? [
                ["security.capability", capability],
                ["user.comment", "caf\xe9\n"],
              ]
            : [["user.comment", "caf\xe9\n"]],
        ],
        ...(isRoot ? [["device", "character", "", []]] : []),
        ["empty", "directory", "", [["user.folder", ""]]],
        ["link", "symlink", "again", []],
      ],
    );
    assert.deepEqual(
      found.filter(({ path }) => /^(a |empty|link)/.test(path)).map(({ mtime }) => mtime),
      [1_234_567_890, 5, 77],
    );
  });
});

test("an OCI layout has an index of the architectures of a compose, and packs a layer once", async () => {
  const folder = newFolder(),
    store = newFolder();
  const [archive, layout] = ociOutputs(folder, store) as [OutputWriter, OutputWriter];
  await write(layout, job("oci", "content", { architecture: "riscv64" }), "image");
  await write(layout, job("oci", "content", { architecture: "arm64" }), "image");
  const read = (digest: string): { manifests?: { digest: string; platform: object }[]; config: { digest: string } } =>
    JSON.parse(readFileSync(join(folder, "image/blobs/sha256", digest.slice(7)), "utf8"));
  const top = JSON.parse(readFileSync(join(folder, "image/index.json"), "utf8")) as { manifests: { digest: string }[] };
  const index = read(top.manifests[0]!.digest);
  assert.deepEqual(
    index.manifests!.map(({ platform }) => platform),
    [
      { os: "linux", architecture: "arm64", variant: "v8" },
      { os: "linux", architecture: "riscv64" },
    ],
  );
  const config = read(read(index.manifests![0]!.digest).config.digest) as unknown as {
    config: { Cmd: string[]; Labels: object };
    created: string;
  };
  assert.deepEqual(
    [config.config.Cmd, config.config.Labels, config.created],
    [["/bin/sh"], { a: "b" }, "2023-11-14T22:13:20Z"],
  );
  assert.equal(readdirSync(join(store, "results")).length, 1);
  const [one] = await write(archive, job("oci-archive"), "a.tar"),
    [two] = await write(ociOutputs(newFolder(), newFolder())[0]!, job("oci-archive"), "a.tar");
  assert.equal(one!.sha256, two!.sha256);
  assert.deepEqual(
    readdirSync(join(store, "oci")).filter((name) => name.startsWith("archive-")),
    [],
  );
});

test("an archive's image has the name and version by which podman loads it", () => {
  const named = (name: string, version?: string, variant = "default"): string =>
    imageName({ variant, architecture: "amd64", config: { name, ...(version === undefined ? {} : { version }) } });
  assert.deepEqual(
    [named("web", "7"), named("web", "7", "edge"), named("My.App_-x.", "1.0+b~rc1"), named("web")],
    ["web:7", "web-edge:7", "my.app-x:1.0_b_rc1", "web:latest"],
  );
});

test("what runs of a container is in its configuration, in the words of Docker's images", async () => {
  const folder = newFolder(),
    one = job("oci-archive");
  const container = {
    volumes: ["/var/lib/app"],
    "stop-signal": "SIGQUIT",
    healthcheck: { command: ["curl", "-f", "http://localhost/"], interval: 1.5, "start-period": 60, retries: 2 },
  };
  const written = { ...one, target: { ...one.target, config: { ...one.target.config, container } } };
  await write(ociOutputs(folder, newFolder())[0]!, written, "a.tar");
  execFileSync("tar", ["-C", folder, "-xf", join(folder, "a.tar")]);
  const blob = <T>({ digest }: { digest: string }): T =>
    JSON.parse(readFileSync(join(folder, "blobs/sha256", digest.slice(7)), "utf8")) as T;
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  const { config } = blob<{ config: { digest: string } }>(index.manifests[0]!);
  assert.deepEqual(blob<{ config: object }>(config).config, {
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    Volumes: { "/var/lib/app": {} },
    StopSignal: "SIGQUIT",
    Healthcheck: {
      Test: ["CMD", "curl", "-f", "http://localhost/"],
      Interval: 1_500_000_000,
      StartPeriod: 60_000_000_000,
      Retries: 2,
    },
  });
});

test("the archive itself says that name", async () => {
  const folder = newFolder();
  await write(ociOutputs(folder, newFolder())[0]!, job("oci-archive"), "a.tar");
  const index = JSON.parse(
    execFileSync("tar", ["-xOf", join(folder, "a.tar"), "index.json"], { encoding: "utf8" }),
  ) as { manifests: { annotations: Record<string, string> }[] };
  assert.equal(index.manifests[0]!.annotations["org.opencontainers.image.ref.name"], "n-v:1");
});

test(
  "a commit of a root with a kernel is laid out for OSTree unasked; one without, or asked not to be, says that " +
    "nobody deploys it",
  async () => {
    const folder = newFolder(),
      one = job("ostree"),
      notes: string[] = [];
    const tree = fileTreeOf([
      ...[
        "",
        "boot",
        "etc",
        "usr",
        "usr/lib",
        "usr/lib/modules",
        "usr/lib/modules/6.1",
        "home",
        "home/alice",
        "var",
      ].map((path) => fileEntry(path, "directory")),
      ...["boot/vmlinuz-6.1", "boot/initrd.img-6.1", "home/alice/key"].map((path) =>
        fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(path), sha256) }),
      ),
    ]);
    const commit = async (bootc: boolean | undefined, root: FileTree): Promise<string[]> => {
      notes.length = 0;
      const [made] = await write(
        ostreeOutput(folder),
        {
          ...one,
          tree: root,
          onNote: (note) => void notes.push(note),
          target: {
            ...one.target,
            config: { ...one.target.config, ...(bootc === undefined ? {} : { ostree: { bootc } }) },
          },
        },
        "repo",
      );
      assert.ok(made!.sizeBytes > 0);
      const paths = execFileSync(
        "ostree",
        ["ls", "-R", "--nul-filenames-only", `--repo=${join(folder, "repo")}`, made!.sha256],
        { encoding: "utf8" },
      ).split("\0");
      return ["/usr/lib/modules/6.1/vmlinuz", "/usr/share/stratos/var/home/alice/key", "/home/alice/key"].filter(
        (path) => paths.includes(path),
      );
    };
    assert.deepEqual(await commit(undefined, tree), [
      "/usr/lib/modules/6.1/vmlinuz",
      "/usr/share/stratos/var/home/alice/key",
    ]);
    assert.match(notes.join("\n"), /^files of \/home \(1\) are copied to a machine when it first boots/);
    assert.deepEqual([await commit(false, tree), notes.length], [["/home/alice/key"], 1]);
    assert.match(
      notes[0]!,
      /no kernel laid out for OSTree: it can be checked out, and `ostree admin deploy` and bootc refuse it/,
    );
    assert.deepEqual([await commit(undefined, treeOf("x")), notes.length], [[], 1]);
  },
);

test("an OSTree commit is named by its content alone", async () => {
  const folder = newFolder();
  const [first] = await write(ostreeOutput(folder), job("ostree"), "repo");
  const [again] = await write(ostreeOutput(folder), job("ostree"), "repo");
  const [other] = await write(ostreeOutput(newFolder()), job("ostree"), "repo");
  assert.deepEqual([first!.sha256, first!.sha256], [again!.sha256, other!.sha256]);
  assert.equal(first!.path, "repo:n/amd64/v");
  assert.equal(readFileSync(join(folder, "repo/refs/heads/n/amd64/v"), "latin1").trim(), first!.sha256);
});

test("a root for bootc has its layout in containers' images, too, and the labels by which bootc knows it", async () => {
  const folder = newFolder(),
    one = job("oci"),
    files = { "boot/vmlinuz-6.1": "kernel", "boot/initrd.img-6.1": "first root" };
  const tree = fileTreeOf([
    ...["", "boot", "etc", "usr", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1", "home", "var"].map((path) =>
      fileEntry(path, "directory"),
    ),
    ...Object.entries(files).map(([path, text]) =>
      fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), sha256) }),
    ),
  ]);
  const bootable: OutputJob = {
    ...one,
    tree,
    target: { ...one.target, config: { ...one.target.config, ostree: { bootc: true } } },
    layers: (own = tree) => [{ name: "all", tree: own }],
  };
  const [layout] = ociOutputs(folder, newFolder()).filter(({ format }) => format === "oci");
  await write(layout!, bootable, "image");
  const config = JSON.parse(
    execFileSync("skopeo", ["inspect", "--config", `oci:${join(folder, "image")}:1`], { encoding: "utf8" }),
  ) as { config: { Labels: Record<string, string> } };
  assert.deepEqual(config.config.Labels, {
    "containers.bootc": "1",
    "ostree.bootable": "1",
    "ostree.linux": "6.1",
    a: "b",
  });
  const manifest = JSON.parse(
    execFileSync("skopeo", ["inspect", "--raw", `oci:${join(folder, "image")}:1`], { encoding: "utf8" }),
  ) as { layers: { digest: string }[] };
  const listing = execFileSync(
    "tar",
    ["-tzf", join(folder, "image/blobs/sha256", manifest.layers[0]!.digest.slice(7))],
    { encoding: "utf8" },
  );
  assert.match(listing, /^usr\/lib\/modules\/6\.1\/vmlinuz$/m);
  assert.doesNotMatch(listing, /^boot\/vmlinuz/m);
  const none: OutputJob = { ...bootable, tree: treeOf("x") };
  await assert.rejects(write(layout!, none, "none"), /ostree\.bootc: the image has no kernel/);
});
