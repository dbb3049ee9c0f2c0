/** OCI layouts in folders. Judges: skopeo reads them, umoci unpacks them to the tree that went in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archiveTree, fileEntry, fileTreeOf, MemoryBlob, type FileTree, type OciDescriptor } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { folderTree } from "./folder-tree.ts";
import { OciLayoutFolder } from "./oci-layout-folder.ts";

const codecs = nodeCodecs();
const file = (path: string, text: string, mode = 0o644) =>
  fileEntry(path, "file", { mode, mtime: 1_700_000_000, content: new MemoryBlob(Buffer.from(text), "") });
const folder = (path: string) => fileEntry(path, "directory", { mtime: 1_700_000_000 });
const base: FileTree = fileTreeOf([
  folder(""),
  folder("bin"),
  file("bin/bash", "shell ".repeat(100_000), 0o755),
  fileEntry("bin/sh", "hardLink", { target: "bin/bash" }),
  folder("etc"),
  file("etc/hostname", "one\n"),
]);
const top: FileTree = fileTreeOf([
  folder(""),
  folder("etc"),
  file("etc/hostname", "two\n"),
  fileEntry("etc/mtab", "symlink", { target: "/proc/mounts" }),
]);

function layout(place: string, compression: "gzip" | "zstd", architectures: readonly string[]): OciLayoutFolder {
  const oci = new OciLayoutFolder(place, codecs);
  const layers = [base, top].map((tree, index) => oci.addLayer(tree, { compression, createdBy: `layer ${index}` }));
  const images = architectures.map((architecture) =>
    oci.addImage(layers, {
      platform: { os: "linux", architecture },
      created: 1_700_000_000,
      runtime: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"], Labels: { "containers.bootc": "1" } },
    }),
  );
  const entry: OciDescriptor =
    images.length === 1
      ? images[0]!.manifest.descriptor
      : oci.addIndex(images.map((image) => image.manifest.descriptor));
  oci.publish(entry, "v1");
  return oci;
}

function withFolder(body: (place: string) => void): void {
  const place = mkdtempSync(join(tmpdir(), "stratos-oci-"));
  try {
    body(place);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

test("skopeo and umoci take a layout", () =>
  withFolder((place) => {
    layout(join(place, "oci"), "gzip", ["riscv64"]);
    const seen = JSON.parse(
      execFileSync("skopeo", ["inspect", `oci:${join(place, "oci")}:v1`], { encoding: "utf8" }),
    ) as { Architecture: string; Created: string; Labels: Record<string, string>; Layers: string[] };
    assert.deepEqual(
      [seen.Architecture, seen.Created, seen.Labels["containers.bootc"], seen.Layers.length],
      ["riscv64", "2023-11-14T22:13:20Z", "1", 2],
    );
    execFileSync("umoci", ["unpack", "--rootless", "--image", `${join(place, "oci")}:v1`, join(place, "bundle")], {
      stdio: "pipe",
    });
    const root = join(place, "bundle", "rootfs");
    assert.equal(readFileSync(join(root, "etc/hostname"), "utf8"), "two\n");
    assert.equal(readFileSync(join(root, "bin/sh"), "utf8").length, 600_000);
    const kinds = [...folderTree(root, codecs, { ownedByRoot: true }).entries()].map(
      ({ path, kind, target }) => `${path} ${kind} ${target}`,
    );
    assert.deepEqual(kinds, [
      " directory ",
      "bin directory ",
      "bin/bash file ",
      "bin/sh hardLink bin/bash",
      "etc directory ",
      "etc/hostname file ",
      "etc/mtab symlink /proc/mounts",
    ]);
  }));

test("the same trees give the same bytes, in another folder too", () =>
  withFolder((place) => {
    const [one, two] = ["one", "two"].map((name) => layout(join(place, name), "zstd", ["amd64", "riscv64"]));
    assert.equal(one!.entry().digest, two!.entry().digest);
    const archive = (oci: OciLayoutFolder): Buffer => {
      const pieces: Buffer[] = [];
      for (const piece of archiveTree(oci.tree(5), { prefix: "" })) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces);
    };
    assert.deepEqual(archive(one!), archive(two!));
    writeFileSync(join(place, "image.tar"), archive(one!));
    const raw = (arch: string): string =>
      execFileSync("skopeo", ["inspect", "--override-arch", arch, `oci-archive:${join(place, "image.tar")}`], {
        encoding: "utf8",
      });
    assert.match(raw("amd64"), /"Architecture": "amd64"/);
    assert.match(raw("riscv64"), /"Architecture": "riscv64"/);
  }));

test("a blob that is not its digest is not kept", async () => {
  const place = mkdtempSync(join(tmpdir(), "stratos-oci-"));
  const oci = new OciLayoutFolder(join(place, "oci"), codecs);
  const bytes = (async function* () {
    yield Buffer.from("tampered");
  })();
  const digest = `sha256:${"0".repeat(64)}`;
  await assert.rejects(oci.write(digest, 8, bytes), /what came is sha256:/);
  assert.equal(await oci.has(digest), false);
  rmSync(place, { recursive: true });
});
