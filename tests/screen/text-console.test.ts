/**
 * Goal: a text console of the machine's screen understands what programs write to terminals, keys write what terminfo's
 * `linux` says, and consoles are switched as ioctl_console(2) has it. Method: what xterm.js makes of the same bytes is
 * the judge; a C program that was built against Linux's headers, whose console is looked at and typed into.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import xterm from "@xterm/headless";
import type { Machine } from "@stratos/machine";
import type { StaticRun } from "../abi/run-static.ts";
import { finish, forkOf, startStatic, twinOf } from "../saved/saved-run.ts";
import { buildProgram, runOnScreen, withScreen } from "./screen-run.ts";
import { EscapeCodes } from "../../packages/kernel/src/vt/escape-codes.ts";
import { bytesOfKey } from "../../packages/kernel/src/vt/keymap.ts";
import { TextScreen } from "../../packages/kernel/src/vt/text-screen.ts";

const COLUMNS = 20,
  ROWS = 7;

function textOf({ cells, columns, rows }: TextScreen): string[] {
  return Array.from({ length: rows }, (_, row) =>
    String.fromCodePoint(
      ...Array.from(cells.subarray(row * columns, (row + 1) * columns), (cell) => cell & 0x1fffff),
    ).trimEnd(),
  );
}

function written(text: string): { screen: TextScreen; codes: EscapeCodes; answers: string[] } {
  const screen = new TextScreen(COLUMNS, ROWS);
  const answers: string[] = [];
  const codes = new EscapeCodes(screen, { answer: (answer) => void answers.push(answer) });
  const bytes = Buffer.from(text);
  // However the bytes are cut, they mean the same.
  for (let at = 0; at < bytes.length; at += 3) codes.write(bytes, at, Math.min(3, bytes.length - at));
  return { screen, codes, answers };
}

async function byXterm(text: string): Promise<{ lines: string[]; column: number; row: number }> {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, scrollback: 0, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: ROWS }, (_, row) => active.getLine(row)!.translateToString(true));
  const place = { lines, column: Math.min(COLUMNS - 1, active.cursorX), row: active.cursorY };
  terminal.dispose();
  return place;
}

/** Numbers by a seed, so that a failure can be repeated (xorshift32). */
function chance(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** What programs write, with terminfo's `linux` in mind: text, moves, regions, what is erased and inserted. */
function someText(below: (count: number) => number): string {
  const number = (most: number): string => String(below(most + 1));
  const pieces: readonly (() => string)[] = [
    () => "abcdefghij".slice(below(9)),
    () => "ÄÖß€┌─┐",
    () => "\r\n",
    () => "\n",
    () => "\r",
    () => "\t",
    () => `\x1b[${number(ROWS + 1)};${number(COLUMNS + 2)}H`,
    () => `\x1b[${number(3)}${"ABCDEF"[below(6)]}`,
    () => `\x1b[${number(COLUMNS)}G`,
    () => `\x1b[${number(ROWS)}d`,
    () => `\x1b[${number(2)}${"JK"[below(2)]}`,
    () => `\x1b[${number(3)}${"@PX"[below(3)]}`,
    // Linux leaves the column, xterm.js takes the first.
    () => `\r\x1b[${number(3)}${"LM"[below(2)]}`,
    () => `\x1b[${number(3)}${"ST"[below(2)]}`,
    () => `\x1b[${1 + below(3)};${4 + below(4)}r`,
    () => "\x1b[r",
    () => "\x1bM",
    () => "\x1bD",
    () => "\x1bE",
    () => "\x1b7",
    () => "\x1b8",
    () => `\x1b[${["1", "7", "4", "31;42", "38;5;123", "0"][below(6)]}m`,
    // Beyond the last column xterm.js asks when the next letter comes, Linux has asked before.
    () => `\r\x1b[?7${"hl"[below(2)]}`,
    () => `\x1b[4${"hl"[below(2)]}`,
    () => "\x1b(0lqk\x1b(B",
    () => "\x1b]0;a title\x07",
    () => "\x1b[?25l\x1b[?25h",
  ];
  return Array.from({ length: 40 }, () => pieces[below(pieces.length)]!()).join("");
}

test("what is written looks as xterm.js shows it", async () => {
  for (let seed = 1; seed <= 400; seed++) {
    const text = someText(chance(seed));
    const { screen } = written(text);
    const judge = await byXterm(text);
    const said = `seed ${seed}: ${JSON.stringify(text)}`;
    assert.deepEqual(textOf(screen), judge.lines, said);
    assert.deepEqual([screen.column, screen.row], [judge.column, judge.row], said);
  }
});

test("questions are answered, colours and palettes are kept apart, strangers' sequences leave nothing", () => {
  const { answers } = written("ab\x1b[6n\x1b[5n\x1b[c\x1bZ");
  assert.deepEqual(answers, ["\x1b[1;3R", "\x1b[0n", "\x1b[?6c", "\x1b[?6c"]);
  const { screen } = written("\x1b[1;31ma\x1b[22;39;44;4mb\x1b[7mc\x1b[0;2md\x1b[38;2;0;0;255me\x1b[48;5;196mf\x1b[m");
  const looks = Array.from(screen.cells.subarray(0, 6), (cell) => [
    (cell >>> 21) & 15,
    (cell >>> 25) & 15,
    (cell >>> 29) & 1,
  ]);
  assert.deepEqual(looks, [
    [9, 0, 0],
    [7, 4, 1],
    [4, 7, 1],
    [8, 0, 0],
    // Dim was asked for, of a colour that is bright by itself.
    [12, 0, 0],
    [12, 9, 0],
  ]);
  const palette = written("\x1b]P1102030x");
  assert.equal(palette.screen.palette[1], 0x102030);
  assert.deepEqual(textOf(palette.screen)[0], "x");
  assert.equal(written("\x1b]P1102030\x1b]R").screen.palette[1], 0xaa0000);
  const strange = "\x1b[?1049h\x1b[>c\x1b[!p\x1b[[A\x1bPq#0~\x1b\\\x1b%G\x1b[2 q\x1b]8;;http://x\x1b\\\x1b_text\x07";
  assert.deepEqual(textOf(written(`a${strange}b`).screen)[0], "ab");
  // What is no UTF-8 is told, and takes nothing with it; wide letters take two cells.
  assert.deepEqual(textOf(written("漢e\u0301x").screen)[0], "漢 ex");
  const { screen: broken, codes } = written("");
  for (const bytes of [[0xff], [0xc3], [0x41], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0x1b, 0x5b, 0x6d, 0x42]])
    codes.write(Uint8Array.from(bytes), 0, bytes.length);
  assert.deepEqual(textOf(broken)[0], "\ufffd\ufffdA\ufffd\ufffdB");
});

test("whatever is written, numbers of any size included, the cursor is on the screen", () => {
  const below = chance(7);
  const { screen, codes } = written("");
  const bytes = new Uint8Array(64);
  for (let round = 0; round < 20_000; round++) {
    const alphabet = "\x1b[]0123456789;?ABCDEFGHJKLMPX@hlmrsu78cP\n\t\b(a\x9b";
    for (let at = 0; at < bytes.length; at++) bytes[at] = alphabet.charCodeAt(below(alphabet.length));
    codes.write(bytes, 0, bytes.length);
    const { column, row, top, bottom } = screen;
    assert.ok(column >= 0 && column < COLUMNS && row >= 0 && row < ROWS && top >= 0 && top < bottom && bottom <= ROWS);
  }
  assert.equal(screen.cells.length, COLUMNS * ROWS);
});

test("keys write what terminfo's linux and the layout us say", () => {
  const none = { shift: false, control: false, alt: false, isCapsLocked: false, isNumLocked: false };
  const plain = { ...none, hasApplicationArrows: false, returnsWithLine: false };
  const shifted = { ...plain, shift: true };
  const all = (keys: readonly number[], state: typeof plain): string =>
    keys.map((key) => bytesOfKey(key, state)).join("");
  const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, at) => first + at);
  const keys = [...from(2, 12), ...from(16, 12), ...from(30, 12), ...from(43, 11), 57];
  assert.equal(all(keys, plain), "1234567890-=qwertyuiop[]asdfghjkl;'`\\zxcvbnm,./ ");
  assert.equal(all(keys, shifted), '!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"~|ZXCVBNM<>? ');
  assert.equal(all([30, 2], { ...plain, isCapsLocked: true }), "A1");
  assert.equal(all([30, 2], { ...shifted, isCapsLocked: true }), "a!");
  assert.equal(all([46, 44, 26, 57, 53], { ...plain, control: true }), "\x03\x1a\x1b\x00\x7f");
  assert.equal(all([30, 28], { ...plain, alt: true }), "\x1ba\x1b\r");
  assert.equal(all([14, 15, 28, 1], plain), "\x7f\t\r\x1b");
  assert.equal(bytesOfKey(15, shifted), "\x1b[Z");
  assert.equal(all([103, 108, 106, 105], plain), "\x1b[A\x1b[B\x1b[C\x1b[D");
  assert.equal(all([103, 72], { ...plain, hasApplicationArrows: true }), "\x1bOA\x1bOA");
  assert.equal(all([72, 76, 96], { ...plain, isNumLocked: true, returnsWithLine: true }), "85\r\n");
  assert.equal(all([102, 110, 111, 107, 104, 109], plain), "\x1b[1~\x1b[2~\x1b[3~\x1b[4~\x1b[5~\x1b[6~");
  assert.equal(all([59, 63, 64, 88], plain), "\x1b[[A\x1b[[E\x1b[17~\x1b[24~");
  assert.equal(all([42, 29, 56, 125, 58, 240], plain), "");
});

const SIZE = { width: 200, height: 100 };
let program: Uint8Array = new Uint8Array(0);

before(() => void (program = buildProgram("text-console")));

const prepare = withScreen(SIZE);

function run(part: string, moments: Readonly<Record<string, (machine: Machine) => void>>): Promise<StaticRun> {
  return runOnScreen({ program, part, prepare, moments });
}

function press({ kernel }: Machine, ...keys: readonly number[]): void {
  const { keyboard } = kernel.input!;
  for (const key of keys) keyboard.press(key, true);
  for (const key of [...keys].reverse()) keyboard.press(key, false);
}

function pictureOf({ kernel }: Machine): Uint32Array {
  const pixels = new Uint32Array(SIZE.width * SIZE.height);
  kernel.graphics!.card.screen.picture(pixels);
  return pixels;
}

/** The colours within a cell, the most frequent first. */
function coloursOf(picture: Uint32Array, column: number, row: number): string[] {
  const counts = new Map<string, number>();
  for (let y = row * 16; y < row * 16 + 16; y++)
    for (let x = column * 8; x < column * 8 + 8; x++) {
      const colour = (picture[y * SIZE.width + x]! & 0xffffff).toString(16).padStart(6, "0");
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
  return [...counts].sort(([, one], [, other]) => other - one).map(([colour]) => colour);
}

/** How many cells of a row have something in them. */
function inkOf(picture: Uint32Array, row: number): number {
  return Array.from({ length: SIZE.width / 8 }, (_, column) => coloursOf(picture, column, row)).filter(
    (colours) => colours.length > 1 || colours[0] !== "000000",
  ).length;
}

const [CONTROL, ALT, F3, A, ENTER, UP, C] = [29, 56, 61, 30, 28, 103, 46];

test("a console is written to, shown, typed into, asked for codes of keys; Ctrl-C ends what is in front", async () => {
  const seen: unknown[] = [];
  const { output } = await run("typing", {
    written: (machine) => {
      const picture = pictureOf(machine);
      // A, a comma, a space, ä, and the cursor below.
      seen.push(coloursOf(picture, 0, 0), inkOf(picture, 0), inkOf(picture, 1), inkOf(picture, 2));
      press(machine, A);
      // What is echoed is seen at once.
      seen.push(inkOf(pictureOf(machine), 1));
      press(machine, ENTER);
    },
    raw: (machine) => press(machine, UP),
    codes: (machine) => press(machine, A),
    waiting: (machine) => press(machine, CONTROL, C),
  });
  assert.deepEqual(seen, [["000000", "55ff55"], 3, 1, 0, 2]);
  assert.equal(
    output,
    [
      "tty1 0, 25x6, session 0",
      "written",
      "read 2: 61 0a",
      "read 6: 1b 5b 33 3b 31 52",
      "raw",
      "read 3: 1b 4f 41",
      "codes",
      "read 2: 1e 9e",
      "mode EINVAL 2",
      "interrupt",
      "waiting",
      "child 2",
      "",
    ].join("\n"),
  );
});

test("consoles are switched by programs and keys; who draws on one is asked", async () => {
  const seen: number[] = [];
  const look = (machine: Machine): void => void seen.push(inkOf(pictureOf(machine), 0));
  const { output } = await run("switching", {
    first: look,
    second: look,
    back: look,
    text: look,
    keys: (machine) => press(machine, CONTROL, ALT, F3),
  });
  assert.deepEqual(seen, [6, 7, 6, 7]);
  assert.equal(
    output,
    [
      "open 0, shown 1, foreground 0",
      "free 2, then 3, open 7",
      "first",
      "activate 0 wait 0 shown 2",
      "second",
      "graphics 0",
      "not left: shown 2",
      "process 0",
      "asked 1, shown 2, refuse 0, shown 2, again EINVAL",
      "asked 2, release 0, shown 1",
      "back",
      "given 1, shown 2, mine 0",
      "text 0, auto 0",
      "text",
      "13 ENXIO 0 ENXIO mode EINVAL display EINVAL busy EBUSY pointer EFAULT",
      "locked: shown 2",
      "keys",
      "shown 3",
      "as a user EPERM EPERM",
      "",
    ].join("\n"),
  );
});

test("a machine that is saved and loaded, and a fork, show the same console and go on with it", () => {
  const start = startStatic(program, ["program", "typing"], null, prepare);
  finish(start);
  assert.match(start.output.text, /written\n$/);
  const picture = pictureOf(start.machine);
  for (const each of [twinOf(start), forkOf(start), start]) {
    assert.ok(Buffer.compare(Buffer.from(pictureOf(each.machine).buffer), Buffer.from(picture.buffer)) === 0);
    press(each.machine, A);
    press(each.machine, ENTER);
    finish(each);
    assert.match(each.output.text, /read 2: 61 0a\nread 6: 1b 5b 33 3b 31 52\nraw\n$/);
  }
});
