import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { CommandError } from "../command-error.ts";
import { ImageStore, type ImageDescription } from "./image-store.ts";

const DESCRIPTION: ImageDescription = { format: 1, architecture: "riscv64", suite: "trixie", createdAt: "2026-01-02T03:04:05Z", packages: [{ name: "bash", version: "5.2" }], layers: 1, origin: "build" };
let home: string, store: ImageStore;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "stratos-store-"));
  store = new ImageStore(home);
});
afterEach(() => rmSync(home, { recursive: true }));

function make(name: string, content = "root"): void {
  const draft = store.createDraft();
  writeFileSync(draft.layerPath(0), content);
  draft.publish(name, DESCRIPTION);
  draft.discard();
}

test("an image appears only when it is published, whole", () => {
  assert.deepEqual(store.list(), []);
  const draft = store.createDraft();
  writeFileSync(draft.layerPath(0), "root");
  assert.deepEqual(store.list(), []);
  draft.publish("base", DESCRIPTION);
  assert.deepEqual(store.list().map(({ name, description }) => [name, description]), [["base", DESCRIPTION]]);
  assert.deepEqual(readdirSync(join(home, "images")), ["base"]);
});

test("publishing replaces an image of the name, and leaves nothing of the old one", () => {
  make("base", "old");
  make("base", "new");
  assert.equal(readFileSync(store.layerPaths(store.require("base"))[0]!, "utf8"), "new");
  assert.deepEqual(readdirSync(join(home, "images")), ["base"]);
});

test("an image whose replacement was killed half-way is found again, and what is left over goes", () => {
  for (const look of [() => store.find("base-1"), () => store.list()[0], () => { store.createDraft().discard(); return store.find("base-1"); }]) {
    make("base-1", "old");
    renameSync(join(home, "images/base-1"), join(home, "images/.old-base-1-999999999-0123abcd"));
    assert.equal(look()?.name, "base-1");
    assert.deepEqual(readdirSync(join(home, "images")), ["base-1"]);
    store.remove("base-1");
  }
  make("base", "new");
  mkdirSync(join(home, "images/.old-base-999999999-0123abcd"));
  store.createDraft().discard();
  assert.deepEqual(readdirSync(join(home, "images")), ["base"]);
  assert.equal(store.find("none"), null);
});

test("a discarded draft leaves nothing", () => {
  const draft = store.createDraft();
  writeFileSync(draft.layerPath(0), "root");
  draft.discard();
  assert.deepEqual(readdirSync(join(home, "images")), []);
});

test("drafts of processes that are gone are swept, those of running ones are not", () => {
  mkdirSync(join(home, "images/.new-999999999-ab"), { recursive: true });
  const mine = store.createDraft();
  assert.equal(existsSync(join(home, "images/.new-999999999-ab")), false);
  store.createDraft().discard();
  assert.equal(existsSync(mine.folder), true);
});

test("a removed image is gone; one that never was is named", () => {
  make("base");
  store.remove("base");
  assert.deepEqual(readdirSync(join(home, "images")), []);
  assert.throws(() => store.require("base"), new CommandError("base", "no such image; `stratos image ls` lists them, `stratos image build` makes one"));
});

test("an image of another format is refused in words", () => {
  make("base");
  writeFileSync(join(home, "images/base/image.json"), JSON.stringify({ ...DESCRIPTION, format: 9 }));
  assert.throws(() => store.find("base"), /has format 9, and this version reads format 1/);
});

test("a layered image shares the files below, which outlive the image that they came from", () => {
  make("base", "below");
  const draft = store.createDraft();
  const shared = draft.shareLayers(store.require("base"));
  writeFileSync(draft.layerPath(shared.length), "above");
  draft.publish("kept", { ...DESCRIPTION, layers: 2 });
  store.remove("base");
  assert.deepEqual(store.layerPaths(store.require("kept")).map((path) => readFileSync(path, "utf8")), ["below", "above"]);
});
