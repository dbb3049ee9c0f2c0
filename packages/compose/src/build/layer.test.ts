/** Layers. Goal: a package that is too large to be held becomes the same layer as one that is not, piece by piece. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { UnpackLimitError } from "@stratos/pkg";
import { makeWorld, packageOf, BASE } from "../testing/test-compose.ts";
import { readBlob } from "@stratos/formats";

const TREEFILE = "name: demo\npackages: [large]\noutputs: {root: {format: tar}}\n";

test("a package that is streamed gives the same image as one that is held", async () => {
  const text = Array.from({ length: 5000 }, (_, at) => `line ${at}\n`).join("");
  const large = packageOf("large", {}, [
    { path: "./usr/share/" },
    { path: "./usr/share/a", text },
    { path: "./usr/share/empty", text: "" },
    { path: "./usr/share/b", text: `${text}b` },
  ]);
  const digests: string[] = [];
  for (const isHeld of [true, false]) {
    const world = makeWorld();
    await world.publish([...BASE, large]);
    const { decompress } = world.packages;
    world.packages.decompress = async (compression, bytes, sizeMax) => {
      const plain = await decompress(compression, bytes, sizeMax);
      // As if next to nothing might be held; `unpack` asks without a limit.
      if (!isHeld && plain.length > 100_000 && sizeMax !== Infinity) throw new UnpackLimitError(100_000);
      return plain;
    };
    const { info } = await world.compose(TREEFILE);
    const tree = world.trees.get("root")!,
      entry = [...tree.entries()].find(({ path }) => path === "usr/share/b")!;
    assert.equal(Buffer.from(readBlob(entry.content!)).toString(), `${text}b`);
    digests.push(
      info.images[0]!.artifacts[0]!.sha256,
      createHash("sha256")
        .update([...tree.entries()].map(({ path, content }) => `${path} ${content?.digest ?? ""}`).join("\n"))
        .digest("hex"),
    );
    // Kept, it is read again without being unpacked.
    world.packages.decompress = async () => assert.fail("unpacked again");
    const again = await world.compose(TREEFILE);
    assert.deepEqual(again.info, info);
  }
  assert.deepEqual(digests.slice(2), digests.slice(0, 2));
});
