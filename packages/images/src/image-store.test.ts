import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { OperationError } from "@stratos/operation";
import { ImageStore, stateNames, type ImageDescription } from "./image-store.ts";

const DESCRIPTION: ImageDescription = {
  format: 1,
  architecture: "riscv64",
  suite: "trixie",
  createdAt: "2026-01-02T03:04:05Z",
  packages: [{ name: "bash", version: "5.2" }],
  layers: 1,
  origin: "build",
};
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
  assert.deepEqual(
    store.list().map(({ name, description }) => [name, description]),
    [["base", DESCRIPTION]],
  );
  assert.deepEqual(readdirSync(join(home, "images")), ["base"]);
});

test("publishing replaces an image of the name, and leaves nothing of the old one", () => {
  make("base", "old");
  make("base", "new");
  assert.equal(readFileSync(store.layerPaths(store.require("base"))[0]!, "utf8"), "new");
  assert.deepEqual(readdirSync(join(home, "images")), ["base"]);
});

test("an image whose replacement was killed half-way is found again, and what is left over goes", () => {
  for (const look of [
    () => store.find("base-1"),
    () => store.list()[0],
    () => {
      store.createDraft().discard();
      return store.find("base-1");
    },
  ]) {
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
  assert.throws(
    () => store.require("base"),
    new OperationError(
      "no-image",
      "base",
      "no such image; `stratos image ls` lists them, `stratos image build` makes one",
    ),
  );
});

test("an image of another format is refused in words", () => {
  make("base");
  writeFileSync(join(home, "images/base/image.json"), JSON.stringify({ ...DESCRIPTION, format: 9 }));
  assert.throws(() => store.find("base"), /has format 9, and this version reads format 1/);
});

test("an image of which something is missing or damaged is told beside the whole ones, and can be removed", () => {
  for (const [broken, why] of [
    [() => rmSync(join(home, "images/broken/layer-0.aegisfs")), /cannot be read: layer-0\.aegisfs: no such file/],
    [() => writeFileSync(join(home, "images/broken/image.json"), '{"format": 1, "arch'), /cannot be read: .*JSON/],
    [() => writeFileSync(join(home, "images/broken/image.json"), "null"), /has format undefined/],
  ] as const) {
    make("base");
    make("broken");
    broken();
    assert.throws(() => store.find("broken"), why);
    const told: string[] = [];
    assert.deepEqual(
      store.list(({ message }) => told.push(message)).map(({ name }) => name),
      ["base"],
    );
    assert.match(told.join("|"), why);
    assert.ok(store.holds("broken") && !store.holds("none"));
    store.remove("broken");
    assert.equal(store.find("broken"), null);
  }
});

test("a layered image shares the files below, which outlive the image that they came from", () => {
  make("base", "below");
  const draft = store.createDraft();
  const shared = draft.shareLayers(store.require("base"));
  writeFileSync(draft.layerPath(shared.length), "above");
  draft.publish("kept", { ...DESCRIPTION, layers: 2 });
  store.remove("base");
  assert.deepEqual(
    store.layerPaths(store.require("kept")).map((path) => readFileSync(path, "utf8")),
    ["below", "above"],
  );
});

test("states of an image's past are found by the names of its changes, and are not changed themselves", () => {
  const draft = store.createDraft();
  for (const layer of [0, 1, 2]) writeFileSync(draft.layerPath(layer), `layer ${layer}`);
  const change = (id: number, layersBefore: number, more: { isUndone?: true } = {}) => ({
    id,
    at: "2026-01-02T03:04:05Z",
    command: "pkg install x",
    installed: [],
    upgraded: [],
    removed: [],
    layersBefore,
    layersAfter: layersBefore + 1,
    ...more,
  });
  draft.publish("base", {
    ...DESCRIPTION,
    layers: 3,
    history: [change(1, 1), change(2, 2, { isUndone: true }), change(3, 2)],
  });
  const layers = (name: string): number => store.layerPaths(store.require(name)).length;
  assert.deepEqual(["base@1-before", "base@1", "base@3-before", "base@3", "base"].map(layers), [1, 2, 2, 3, 3]);
  assert.equal(readFileSync(store.layerPaths(store.require("base@1"))[1]!, "utf8"), "layer 1");
  assert.deepEqual(stateNames("base", store.require("base").description.history![0]!), {
    before: "base@1-before",
    after: "base@1",
  });
  assert.throws(() => store.require("base@2"), /base@2: is gone/);
  assert.throws(() => store.require("base@4"), /base has no change 4/);
  assert.equal(store.find("other@1"), null);
  assert.throws(() => store.remove("base@1"), /is a state of the past, which is not changed/);
  assert.throws(() => store.createDraft().publish("base@1", DESCRIPTION), /is a state of the past/);
  assert.deepEqual(
    store.list().map(({ name }) => name),
    ["base"],
  );
});
