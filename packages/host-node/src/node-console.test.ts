/**
 * Goal: the console passes every byte both ways and puts the terminal back. Method: a process with a NodeConsole on a
 * pseudo-terminal of script(1).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const PROBE = `
import { NodeConsole } from ${JSON.stringify(join(import.meta.dirname, "node-console.ts"))};
const console_ = new NodeConsole();
const say = (text) => console_.write(new TextEncoder().encode(text));
console_.onInput((bytes) => {
  say("<" + Buffer.from(bytes).toString("hex") + ">");
  if (bytes.includes(0x71)) { console_.close(); process.exit(0); }
});
console_.open();
const { rows, columns } = console_.size();
say("terminal " + console_.isTerminal + " size " + (rows >= 0 && columns >= 0) + "\\nready");
`;

test("bytes pass unchanged in raw mode, and the terminal's settings come back", async () => {
  const command = `stty -g; "${process.execPath}" --input-type=module -e '${PROBE}'; stty -g`;
  const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  let wasTyped = false;
  child.stdout.on("data", (bytes: Buffer) => {
    output += bytes.toString("latin1");
    if (wasTyped || !output.includes("ready")) return;
    wasTyped = true;
    // Interrupt, carriage return, end of file, suspend, and the q that ends the probe: none is for the host's terminal.
    child.stdin.write("\x03\r\x04\x1aq");
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(status, 0);
  const match = /^(\S+)\r\n(.*)ready(<.*>)(\S+)\r\n/s.exec(output);
  assert.ok(match !== null, JSON.stringify(output));
  assert.equal(match[2], "terminal true size true\n", "no carriage return is added");
  assert.equal(match[3]!.replaceAll("><", ""), "<030d041a71>");
  assert.equal(match[4], match[1], "stty -g is what it was");
});
