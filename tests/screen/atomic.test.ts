/**
 * Goal: compositors set the machine's screen by the atomic interface of KMS: all of a change or none of it. Method: a C
 * program that was built against Linux's headers, and what the screen shows when it says so.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Machine } from "@stratos/machine";
import { finish, forkOf, startStatic, twinOf } from "../saved/saved-run.ts";
import { buildProgram, runOnScreen, withScreen } from "./screen-run.ts";

const SIZE = { width: 800, height: 600 };
const prepare = withScreen(SIZE);
const LINES = [
  "before: 0 planes, properties 0 of the crtc, 1 of the plane, commit EINVAL",
  "for an X server EOPNOTSUPP, for others 0",
  "1 plane",
  "EDID 14, DPMS 8, non-desktop 6 0 1, CRTC_ID 80000040 3435973836",
  "ACTIVE 80000002 0 1, MODE_ID 80000010",
  "type c, FB_ID 80000040 4227595259, CRTC_ID 80000040 3435973836, " +
    "CRTC_X 80000080 -2147483648 2147483647, CRTC_Y 80000080 -2147483648 2147483647, " +
    "CRTC_W 80000002 0 2147483647, CRTC_H 80000002 0 2147483647, SRC_X 80000002 0 4294967295, " +
    "SRC_Y 80000002 0 4294967295, SRC_W 80000002 0 4294967295, SRC_H 80000002 0 4294967295",
  "nothing 0",
  "tried 0, still 0",
  "without leave EINVAL",
  "set 0, now 1",
  "shown",
  "flip 0, again EBUSY",
  "event of 32 bytes, type 2, 123456789abcdef, crtc 32",
  "flipped",
  ...Array.from({ length: 3 }, () => "waits 0"),
  ...Array.from({ length: 3 }, () => "event of 32 bytes, type 2, 123456789abcdef, crtc 32"),
  "scaled ERANGE beyond the picture ENOSPC a part EINVAL a picture of nothing EINVAL beside EINVAL on a plane EINVAL " +
    "no picture EINVAL",
  "large EINVAL no mode EINVAL no blob EINVAL too active EINVAL active without a mode EINVAL " +
    "without a connector EINVAL",
  "fixed EINVAL power EINVAL another's ENOENT an encoder's ENOENT unknown ENOENT told of a trial EINVAL " +
    "at once EINVAL told of nothing EINVAL",
  "bad pointer EFAULT reserved EINVAL",
  "mode is ours, another's EPERM destroyed 0 read 0: 68 bytes, 64x48",
  "dark 0, mode 1",
  "event of 32 bytes, type 2, 123456789abcdef, crtc 32",
  "dark",
  "off 0, mode 0, blob ENOENT",
  "",
];
let program: Uint8Array = new Uint8Array(0);

before(() => void (program = buildProgram("atomic")));

/** In the middle. */
function pixelOf({ kernel }: Machine): string {
  const pixels = new Uint32Array(SIZE.width * SIZE.height);
  kernel.graphics!.card.screen.picture(pixels);
  return pixels[300 * SIZE.width + 400]!.toString(16);
}

test("a mode and its picture are set at once, flipped when the next frame begins, and refused as a whole", async () => {
  const seen: string[] = [];
  const look = (machine: Machine): void => void seen.push(pixelOf(machine));
  const moments = { shown: look, flipped: look, dark: look };
  const { output, status } = await runOnScreen({ program, part: "", prepare, moments });
  assert.equal(output, LINES.join("\n"));
  assert.equal(status, 0);
  assert.deepEqual(seen, ["ffff0000", "ff00ff00", "ff000000"]);
});

test("a machine that is saved and loaded, and a fork, go on with what is set", () => {
  const start = startStatic(program, ["program", ""], null, prepare);
  finish(start);
  for (const each of [twinOf(start), forkOf(start), start]) {
    assert.equal(pixelOf(each.machine), "ffff0000");
    for (const colour of ["ff00ff00", "ff000000", "ff000000"]) {
      each.input.type("\n");
      finish(each);
      assert.equal(pixelOf(each.machine), colour);
    }
    assert.equal(each.output.text, LINES.join("\n"));
  }
});
