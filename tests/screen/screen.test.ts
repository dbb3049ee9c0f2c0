/**
 * Goal: programs without a window system draw on the machine's screen and read its keyboard and pointer, by Linux's
 * interfaces of a display controller (KMS), of frame buffers and of input devices. Method: a C program that was built
 * against Linux's headers; what the screen shows is looked at when the program says so.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Machine } from "@stratos/machine";
import type { StaticRun } from "../abi/run-static.ts";
import { finish, forkOf, startStatic, twinOf } from "../saved/saved-run.ts";
import { buildProgram, runOnScreen, withScreen } from "./screen-run.ts";

const SIZE = { width: 800, height: 600 };
const KEY_A = 30,
  BTN_LEFT = 0x110;
let program: Uint8Array = new Uint8Array(0);

before(() => void (program = buildProgram("screen")));

const prepare = withScreen(SIZE);

/** @param moments  what to do when the program has written a line, by the line */
function run(part: string, moments: Readonly<Record<string, (machine: Machine) => void>> = {}): Promise<StaticRun> {
  return runOnScreen({ program, part, prepare, moments });
}

function pictureOf({ kernel }: Machine): Uint32Array {
  const pixels = new Uint32Array(SIZE.width * SIZE.height);
  kernel.graphics!.card.screen.picture(pixels);
  return pixels;
}

/** A pixel of a mode of 64 × 48, which lies in the middle. */
function pixelOf(picture: Uint32Array, x: number, y: number): string {
  return picture[(276 + y) * SIZE.width + 368 + x]!.toString(16);
}

test("a mode is set, pages are flipped at the next frame, and the pointer lies over them", async () => {
  const seen: string[] = [];
  const { output, status } = await run("modes", {
    shown: (machine) => {
      const picture = pictureOf(machine);
      seen.push(pixelOf(picture, 0, 0), pixelOf(picture, 63, 47), pixelOf(picture, 64, 47), pixelOf(picture, -1, 0));
    },
    flipped: (machine) => {
      const picture = pictureOf(machine);
      seen.push(pixelOf(picture, 0, 0), pixelOf(picture, 5, 6), pixelOf(picture, 6, 6));
    },
  });
  assert.deepEqual(seen, ["ff112233", "ffffffff", "ff000000", "ff000000", "ff00ff00", "ffff0000", "ff00ff00"]);
  assert.equal(status, 0);
  assert.equal(
    output,
    [
      "driver stratos",
      "1 crtc, 1 connector, 1 encoder, to 800x600",
      "connector connected, type 15, encoder 0: 800x600@60*, 640x480@60",
      "pitch 256, size 12288",
      "set 0",
      "encoder 33 of crtc 32",
      "shown",
      "flip 0",
      "flip again EBUSY",
      "poll 1 read 32 type 2 length 32 data 42 crtc 32",
      "vblank 0, two frames on: 1",
      "cursor 0",
      "flipped",
      "rmfb 0 destroy 0 again EINVAL, pixel ff00",
      "crtc 0",
      "opened anew 0 0",
      "",
    ].join("\n"),
  );
});

test("a machine that is saved and loaded, and a fork, show the same and go on with it", () => {
  const start = startStatic(program, ["program", "modes"], null, prepare);
  finish(start);
  assert.match(start.output.text, /shown\n$/);
  const twins = [twinOf(start), forkOf(start), start];
  for (const each of twins) assert.equal(pixelOf(pictureOf(each.machine), 63, 47), "ffffffff");
  // What one draws, others don't see.
  for (const each of twins) {
    each.input.type("\n");
    finish(each);
    assert.equal(pixelOf(pictureOf(each.machine), 5, 6), "ffff0000");
    each.input.type("\n");
    finish(each);
    assert.match(each.output.text, /pixel ff00\ncrtc 0\nopened anew 0 0\n$/);
  }
  assert.deepEqual(
    twins.map(({ output }) => output.text),
    twins.map(() => start.output.text),
  );
});

test("what makes no sense, or is another's, is refused", async () => {
  const { output } = await run("refused");
  assert.equal(
    output,
    [
      "none EINVAL large EINVAL",
      "mode beyond the picture ENOSPC",
      "mode beyond the screen EINVAL",
      "no picture ENOENT",
      "ADDFB2 EINVAL",
      "ADDFB2 EINVAL",
      "ADDFB2 EINVAL",
      "map ENOENT",
      "mmap nowhere EINVAL",
      "mmap of another's EACCES",
      "mmap too long EINVAL",
      "not the master EACCES set master EBUSY drop 0 set master 0",
      "atomic EINVAL unknown EINVAL other type ENOTTY",
      "flip of nothing EBUSY",
      "bad pointer EFAULT",
      "",
    ].join("\n"),
  );
});

test("pixels of the frame buffer device are written and mapped", async () => {
  let picture: Uint32Array = new Uint32Array(0);
  const { output } = await run("console", { shown: (machine) => void (picture = pictureOf(machine)) });
  assert.deepEqual([...picture.subarray(0, 3)], [0xffff0000, 0xff0000ff, 0xff000000]);
  assert.equal(
    output,
    [
      "stratosdrmfb: 800x600, 32 bits, red at 16, line of 3200, 1920000 bytes",
      "pwrite 4 at the end ENOSPC beyond EFBIG read 8: ff0000 ff",
      "wait 0",
      "larger EINVAL",
      "shown",
      "",
    ].join("\n"),
  );
});

test("keys and the pointer are read as events", async () => {
  const { output } = await run("input", {
    ready: ({ kernel }) => {
      const { keyboard, tablet } = kernel.input!;
      keyboard.press(KEY_A, true);
      // It is held already.
      keyboard.press(KEY_A, true);
      tablet.move(0.5, 1);
      tablet.press(BTN_LEFT, true);
      tablet.turn(0, 0.5);
      tablet.turn(0, 0.5);
    },
    grabbed: ({ kernel }) => kernel.input!.keyboard.press(KEY_A, false),
  });
  assert.equal(
    output,
    [
      "17 Stratos keyboard, bus 6",
      "types 8 120013",
      "keys 96 fffffffffffffffe",
      "force feedback 16 repetition EINVAL",
      "axis 0 to 32767",
      "no axis EINVAL",
      "ready",
      "1/30/1 0/0/0",
      "3/0/16384 3/1/32767 0/0/0 1/272/1 0/0/0 2/11/-60 0/0/0 2/11/-60 2/8/-1 0/0/0",
      "held 1",
      "grab 0 and EBUSY",
      "grabbed",
      "1/30/0 0/0/0",
      "other EAGAIN",
      "short EINVAL seek ESPIPE",
      "revoke 0 read ENODEV",
      "",
    ].join("\n"),
  );
});
