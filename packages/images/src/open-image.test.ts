/**
 * Goal: of two runs that keep what they did in one image, none is lost without a word, and one that did nothing leaves
 * the image. Method: images without a file.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { ROOT_INO } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import { newImage } from "./import-image.ts";
import { lockForChange } from "./lock-image.ts";
import { ImageStore } from "./image-store.ts";
import { openVolumeReadOnly } from "./image-volume.ts";
import { openImage } from "./open-image.ts";

let home: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "stratos-keep-"));
  await newImage({ name: "x", home, architecture: "riscv64", origin: "import" }, (writer) => writer.finish());
});
afterEach(() => rmSync(home, { recursive: true }));

const options = (keep?: string): Parameters<typeof openImage>[1] => ({ home, keep, deltaBytes: 64 << 20 });
const isInUse = (error: unknown): boolean =>
  error instanceof OperationError && error.kind === "in-use" && /^x: is being .* by process \d+;/.test(error.message);

test("while a run changes an image, no other one does", () => {
  for (const isWhole of [true, false]) {
    const one = openImage("x", options("x"));
    assert.throws(() => openImage("x", options("x")), isInUse);
    assert.throws(() => lockForChange(home, "x"), isInUse);
    openImage("x", options()).finish(true);
    one.finish(isWhole);
    openImage("x", options("x")).finish(true);
  }
  assert.deepEqual(readdirSync(join(home, "images")), ["x"]);
});

test("two runs do not make one new image, and what is refused holds no lock", () => {
  const one = openImage("x", options("new"));
  assert.throws(() => openImage("x", options("new")), /new: is being built or changed already/);
  one.finish(true);
  assert.throws(() => openImage("x", options("new")), /new: is an image already/);
  assert.throws(() => openImage("none", options("new")), /none: no such image/);
  openImage("new", options("new")).finish(true);
});

test("runs that change nothing leave an image that opens, also those of earlier versions", () => {
  const change = (name: string): void => {
    const { opened, finish } = openImage("x", options("x"));
    assert.ok(opened.volume.root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0) > 0);
    finish(true);
  };
  openImage("x", options("x")).finish(true);
  openImage("x", options("x")).finish(true);
  const store = new ImageStore(home);
  // Of those nothing was written into the layer.
  const layer = store.layerPaths(store.require("x")).at(-1)!;
  for (const size of [0, 64 * 1024 ** 3]) truncateSync(layer, size);
  openVolumeReadOnly(store.layerPaths(store.require("x"))).close();
  openImage("x", options()).finish(true);
  change("later");
  change("last");
  const { volume, close } = openVolumeReadOnly(store.layerPaths(store.require("x")));
  for (const name of ["later", "last"]) assert.ok(volume.root.lookup(ROOT_INO, name) > 0);
  close();
});
