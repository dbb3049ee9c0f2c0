/** Goal: what was lost of a file is told as few ranges as there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { ROOT_INO } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { type Loss, withPaths } from "./losses.ts";

test("neighbours of one file are joined, others not, and each has its path", () => {
  const { volume } = freshVolume(8);
  const [one, two] = ["one", "two"].map((name) => volume.root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0));
  assert.equal(volume.commit(), 0);
  const lost = (ino: number, from: number, to: number): Loss => ({
    what: "content",
    subvolume: volume.root.id,
    subvolumeName: "",
    ino,
    lastIno: ino,
    path: null,
    otherPaths: [],
    from,
    to,
    detail: "",
  });
  const losses = [lost(one!, 0, 4096), lost(one!, 4096, 8192), lost(one!, 12288, 16384), lost(two!, 16384, 20480)];
  assert.deepEqual(
    withPaths(volume, losses).map(({ path, from, to }) => [path, from, to]),
    [
      ["/one", 0, 8192],
      ["/one", 12288, 16384],
      ["/two", 16384, 20480],
    ],
  );
});
