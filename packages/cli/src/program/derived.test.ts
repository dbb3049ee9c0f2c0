/**
 * Goal: man pages name every command and option, because they come from the same tree as the parser; what options
 * exclude is there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, Option } from "commander";
import { REACH } from "@stratos/console/serve";
import { commandHandlers } from "./command-handlers.ts";
import { allCommands, shownOptions } from "./command-tree.ts";
import { manPage, manPageNames } from "./man-page.ts";
import { createProgram } from "./program.ts";

const program = await createProgram(commandHandlers, () => {}, { words: [], scope: "all" });

test("the tables name each command, so that it is found when a command line names it", async () => {
  for (const { path, command } of allCommands(program)) {
    for (const name of [command.name(), ...command.aliases()]) {
      const names = path.length === 0 ? [] : [...path.slice(0, -1), name];
      const words = [...names, "--help"];
      let at: Command | undefined = await createProgram(commandHandlers, () => {}, { words, scope: "named" });
      for (const word of names) at = at?.commands.find((each) => each.name() === word || each.aliases().includes(word));
      assert.ok(at !== undefined, words.join(" "));
      assert.equal(at.helpInformation(), command.helpInformation(), words.join(" "));
    }
  }
});

test("the commands that `stratos serve` starts as jobs are there", () => {
  const paths = allCommands(program).map(({ path }) => path.join(" "));
  for (const words of REACH) assert.ok(paths.includes(words), words);
});

test("options that exclude another one name one that their command has", () => {
  for (const { path, command } of allCommands(program)) {
    const names = command.options.map((option) => option.attributeName());
    for (const option of command.options)
      for (const excluded of (option as Option & { readonly conflictsWith: readonly string[] }).conflictsWith)
        assert.ok(names.includes(excluded), `${path.join(" ")} ${option.flags}: ${excluded}`);
  }
});

test("each command has a page with its options", () => {
  assert.deepEqual(
    manPageNames(program)
      .map(({ name }) => name)
      .slice(0, 4),
    ["stratos", "stratos-run", "stratos-trace", "stratos-replay"],
  );
  for (const { path, command } of allCommands(program)) {
    const page = manPage(program, path)!;
    assert.match(page, /^\.TH STRATOS/);
    for (const option of shownOptions(command))
      assert.ok(page.includes(`\\fB${option.long!.replaceAll("-", "\\-")}\\fR`), `${path.join(" ")} ${option.long}`);
    for (const line of page.split("\n")) assert.ok(!/^[.'](?!TH|SH|TP|B |I |BR )/.test(line), `not a macro: ${line}`);
  }
  assert.equal(manPage(program, ["nope"]), null);
});
