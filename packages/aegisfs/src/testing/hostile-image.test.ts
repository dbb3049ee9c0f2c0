/** An image made to do harm neither crashes nor hangs the engine: testing/forged-image.ts says how. `npm run fuzz:aegisfs` goes on and on. */
import { test } from "node:test";
import { surviveForgedImage } from "./forged-image.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

for (let round = 0; round < 60; round++) test(`a forged image is survived (seed ${SEED + round})`, () => surviveForgedImage(SEED + round));
