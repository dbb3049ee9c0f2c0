/**
 * An image made to do harm neither crashes nor hangs the engine: testing/forged-image.ts says how.
 * `npm run fuzz:aegisfs` goes on and on.
 */
import { test } from "node:test";
import { surviveForgedImage } from "./forged-image.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
/**
 * 777400 claims so many owners of a block that giving them up one by one took for ever; 9010266 has values that lie in
 * each other in a leaf, and failed when it was packed.
 */
const FOUND = [777400, 9010266];

for (let round = 0; round < 60; round++)
  test(`a forged image is survived (seed ${SEED + round})`, () => surviveForgedImage(SEED + round));
for (const seed of FOUND)
  test(`a forged image that did harm once is survived (seed ${seed})`, () => surviveForgedImage(seed));
