/**
 * Goal: what `plainArguments` takes means the same to the command's own parser. Method: random command lines of the
 * words that matter, given to both.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { makeLispCommand } from "../commands/lisp.ts";
import { plainArguments } from "./plain-arguments.ts";

const WORDS = ["-e", "--eval", "-I", "--library-path", "--engine", "wasm", "(display 1)", "a.scm", "./test", "test"];
const MORE_WORDS = [
  "build",
  "doc",
  "profile",
  "help",
  "--help",
  "-h",
  "--",
  "-",
  "--json",
  "-x",
  "--eval=1",
  "-e1",
  "",
  "b",
];

test("command lines that need no parser mean what the parser says", async () => {
  const seed = Date.now() % 2 ** 31;
  const random = new SeededRandom(seed);
  const words = [...WORDS, ...WORDS, ...MORE_WORDS];
  let plainCount = 0;
  for (let round = 0; round < 600; round++) {
    const line = Array.from({ length: 1 + random.below(5) }, () => words[random.below(words.length)]!);
    const plain = plainArguments(line);
    if (plain === null) continue;
    plainCount++;
    const ran: unknown[] = [];
    const command = makeLispCommand(
      () => {},
      async (file, args, { eval: expressions, libraryPath, engine }) => {
        ran.push({
          file,
          args,
          options: { eval: expressions, libraryPath, ...(engine === undefined ? {} : { engine }) },
        });
        return 0;
      },
    );
    await command.parseAsync(line, { from: "user" });
    assert.deepEqual(ran, [plain], `seed ${seed}, ${JSON.stringify(line)}`);
  }
  assert.ok(plainCount > 100);
});

test("verbs, the prompt, help and mistakes are the parser's", () => {
  for (const line of [
    [],
    ["test", "a.scm"],
    ["-h"],
    ["-e"],
    ["--engine", "wasm"],
    ["-x", "a"],
    ["-e", "-x"],
    ["--", "a"],
  ])
    assert.equal(plainArguments(line), null, JSON.stringify(line));
});
