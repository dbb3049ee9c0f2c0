/** Goal: no line of a help is wider than the terminal, and no word is lost. Method: the help of each command. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { commandHandlers } from "./command-handlers.ts";
import { allCommands } from "./command-tree.ts";
import { wrapHelp } from "./help-width.ts";
import { createProgram } from "./program.ts";

const program = await createProgram(commandHandlers, () => {}, { words: [], scope: "all" });

for (const width of [40, 80, 120])
  test(`help is at most ${width} columns wide where the terminal is`, () => {
    const before = process.env["COLUMNS"];
    process.env["COLUMNS"] = String(width);
    let help = "";
    const write = mock.method(process.stdout, "write", (text: string) => {
      help += text;
      return true;
    });
    try {
      for (const { command } of allCommands(program)) {
        wrapHelp(command);
        command.outputHelp();
      }
    } finally {
      write.mock.restore();
      if (before === undefined) delete process.env["COLUMNS"];
      else process.env["COLUMNS"] = before;
    }
    // A word alone (a list of packages) is broken nowhere.
    const wide = help.split("\n").filter((line) => line.length > width && / /.test(line.trim()));
    assert.deepEqual(wide, []);
    for (const words of ["noblockdevice", "128+N when signal N", "/etc/fuse.conf"])
      assert.ok(help.replaceAll(/\s+/g, " ").includes(words), words);
  });
