/**
 * Goal: what a compiler says of variables is read as C means it, and anything else in its place is an error, soon.
 * Method: a program of gcc's, its sections as they are, and changed in random places, cut short, full of large numbers.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { DwarfError } from "../symbols/byte-reader.ts";
import { DebugInfo, type Sections } from "../symbols/debug-info.ts";
import { evaluateLocation } from "../symbols/location.ts";
import { variablesAt } from "../symbols/variables.ts";
import { ExpressionError } from "./arithmetic.ts";
import { parseExpression } from "./expression.ts";
import { partsOfValue, textOfValue, type TypedValue } from "./typed-value.ts";

const SOURCE = `
typedef struct list { struct list *next; int numbers[4]; unsigned bits : 5; enum { ONE = 1, MANY } count; } List;
List global; static const char *const words[] = {"a", "b"};
static inline long twice(long x) { long more = x * 2; return more + global.bits; }
int main(int argc, char **argv) {
  List here = {&global, {argc, 2}}; double ratio = argc / 3.0; float small = 2;
  for (int i = 0; i < argc; i++) { long sum = twice(i) + here.numbers[i & 3]; ratio += sum; words[0]; }
  return (int)ratio + (int)small + argv[0][0];
}
`;
const NAMES = [
  ...[".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_loc", ".debug_loclists"],
  ...[".debug_ranges", ".debug_rnglists", ".debug_addr", ".debug_str_offsets"],
];

interface Program {
  readonly sections: ReadonlyMap<string, Uint8Array>;
  /** Addresses of its code. */
  readonly start: number;
  readonly end: number;
}

let folder = "";
const programs: Program[] = [];
before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-typed-value-"));
  writeFileSync(join(folder, "p.c"), SOURCE);
  for (const [level, version] of [
    ["-O0", "5"],
    ["-O2", "5"],
    ["-O2", "4"],
    ["-O1", "3"],
  ]) {
    const cwd = { cwd: folder, encoding: "latin1" } as const;
    execFileSync(
      "riscv64-linux-gnu-gcc",
      [level!, `-gdwarf-${version}`, "-nostartfiles", "-e", "main"].concat([...["-static", "-o", "p", "p.c"]]),
      cwd,
    );
    const sections = new Map<string, Uint8Array>();
    for (const name of NAMES) {
      const output = join(folder, "section");
      rmSync(output, { force: true });
      execFileSync("riscv64-linux-gnu-objcopy", ["--dump-section", `${name}=${output}`, "p", "copy"], {
        ...cwd,
        stdio: "pipe",
      });
      if (existsSync(output)) sections.set(name, new Uint8Array(readFileSync(output)));
    }
    const [, start, size] = /(\w{16}) (\w{16}) T main/.exec(execFileSync("riscv64-linux-gnu-nm", ["-S", "p"], cwd))!;
    programs.push({ sections, start: parseInt(start!, 16), end: parseInt(start!, 16) + parseInt(size!, 16) });
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Memory that says where it is, and registers with small numbers; the rest is not there. */
const memory = (address: number, count: number): Uint8Array | null =>
  address >= 0 && address < 2 ** 32 && count <= 65536 ? new Uint8Array(count).fill(address & 127) : null;
const frame = {
  memory,
  register: (number: number) => Uint8Array.of(number, 0, 0, 0, 0, 0, 0, 0),
  cfa: 0x8000,
  bias: 0,
};

/** All that is said of an address, in words. */
function told(sections: Sections, address: number): string[] {
  const info = new DebugInfo(sections);
  const visible = variablesAt(info, address);
  return (visible?.local ?? []).map((variable) => {
    info.begin();
    try {
      const place = variable.locate(frame);
      if (place === null) return `${variable.name} nowhere`;
      const value: TypedValue = { type: variable.type(), place };
      const parts = partsOfValue(value, { from: 0, count: 5 }).map((part) => textOfValue(part.value, memory));
      const path = parseExpression(`&${variable.name}`).evaluate({
        variable: () => value,
        register: () => null,
        memory,
      });
      return `${value.type.name} ${variable.name} ${textOfValue(value, memory)} ${parts.join()} ${path.type.name}`;
    } catch (error) {
      if (error instanceof DwarfError || error instanceof ExpressionError) return `${variable.name}: ${error.message}`;
      throw error;
    }
  });
}

test("variables of each block have their types and places", () => {
  const [{ sections, start, end }] = programs as [Program];
  const read: Sections = (name) => sections.get(name) ?? null;
  const names = new Set<string>();
  for (let address = start; address < end; address += 2) for (const line of told(read, address)) names.add(line);
  const text = [...names].join("\n");
  assert.match(text, /^int argc \d+ {2}int \*$/m);
  assert.match(text, /^char \*\* argv 0x\w+ {2}char \*\*\*$/m);
  assert.match(
    text,
    /^List here \{next = 0x\w+, numbers = \{\d+, \d+, \d+, \d+\}, bits = \d+, count = \d+\} .* List \*$/m,
  );
  assert.match(text, /^long int sum -?\d+ /m);
});

test("anything in the place of what a compiler said is an error or a value, and soon", () => {
  const random = new SeededRandom(1113);
  let lines = 0;
  for (let round = 0; round < 1500; round++) {
    const { sections, start, end } = programs[round % programs.length]!;
    const changed = new Map(sections);
    for (let change = 1 + random.below(6); change > 0; change--) {
      const names = [...changed.keys()];
      const name = names[random.below(names.length)]!;
      const bytes = Uint8Array.from(changed.get(name)!);
      const at = random.below(bytes.length);
      const kind = random.below(5);
      if (kind === 0) bytes[at]! ^= 1 << random.below(8);
      else if (kind === 1) bytes.fill(0xff, at, at + 1 + random.below(12));
      else if (kind === 2) random.fill(bytes.subarray(at, at + 1 + random.below(24)));
      else if (kind === 3) bytes.copyWithin(at, random.below(bytes.length));
      changed.set(name, kind === 4 ? bytes.subarray(0, at + 1) : bytes);
    }
    lines += told((name) => changed.get(name) ?? null, start + random.below(end - start)).length;
  }
  assert.ok(lines > 1000, `${lines} variables are seen even so`);
});

test("random expressions end", () => {
  const random = new SeededRandom(77);
  const whole = { ...frame, indexedAddress: () => 8, frameBase: Uint8Array.of(0x91, 0) };
  let values = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = new Uint8Array(1 + random.below(12));
    random.fill(bytes);
    try {
      if (evaluateLocation(bytes, whole) !== null) values++;
    } catch (error) {
      assert.ok(error instanceof DwarfError, String(error));
    }
  }
  assert.ok(values > 100, `${values} of them have a value`);
  // A jump back to itself.
  assert.throws(() => evaluateLocation(Uint8Array.of(0x2f, 0xfd, 0xff), whole), /without end/);
});
