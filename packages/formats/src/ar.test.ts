/** ar archives. Goal: what we write we read, binutils' form is read, and damage is named, never thrown. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom, byteStringOf } from "@stratos/base";
import { parseAr, writeAr, type ArMember } from "./ar.ts";

function member(name: string, data: string): ArMember {
  return { name, mtime: 1700000000, uid: 0, gid: 0, mode: 0o100644, data: byteStringOf(data) };
}

test("members of odd and even size come back as written", () => {
  const members = [member("debian-binary", "2.0\n"), member("control.tar.xz", "odd"), member("data.tar", "")];
  assert.deepEqual(parseAr(writeAr(members)), members);
});

test("GNU long names and short names with a slash are read", () => {
  const header = (name: string, size: number): string =>
    `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"644".padEnd(8)}` +
    `${String(size).padEnd(10)}\`\n`;
  const archive = `!<arch>\n${header("//", 22)}a-very-long-name.txt/\n${header("/0", 2)}hi${header("short/", 1)}x\n`;
  const members = parseAr(byteStringOf(archive)) as ArMember[];
  assert.deepEqual(
    members.map((one) => one.name),
    ["a-very-long-name.txt", "short"],
  );
});

test("damage is named", () => {
  const whole = writeAr([member("a", "hello")]);
  assert.equal(parseAr(byteStringOf("!<arch>")), "magic");
  assert.equal(parseAr(whole.subarray(0, 40)), "truncated");
  assert.equal(parseAr(whole.subarray(0, 70)), "truncated");
  const damaged = whole.slice();
  damaged[8 + 48] = 0x2d;
  assert.equal(parseAr(damaged), "header");
  assert.equal(
    parseAr(
      byteStringOf(
        "!<arch>\n" +
          `${"/99".padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"644".padEnd(8)}${"0".padEnd(10)}\`\n`,
      ),
    ),
    "name",
  );
});

test("names that the format cannot hold are refused", () => {
  assert.throws(() => writeAr([member("sixteen-letters!", "")]), RangeError);
});

test("50 000 damaged archives are answered", () => {
  const random = new SeededRandom(11);
  const base = writeAr([member("debian-binary", "2.0\n"), member("x", "abc")]);
  for (let round = 0; round < 50_000; round++) {
    const bytes = base.slice(0, random.below(4) === 0 ? random.below(base.length) : base.length);
    for (let flips = random.below(5); flips > 0 && bytes.length > 0; flips--)
      bytes[random.below(bytes.length)] = random.below(256);
    const result = parseAr(bytes);
    if (typeof result === "string") continue;
    for (const one of result) assert.ok(one.data.length <= bytes.length);
  }
});
