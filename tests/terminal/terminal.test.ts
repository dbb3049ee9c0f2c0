/**
 * Goal: Stratos' terminal is one that people can work at. Method: a person's keys on a real pseudo-terminal, in one
 * shell for each program.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { launcher } from "../support/stratos.ts";
import { TerminalSession } from "../support/terminal.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import { FRONT, TERMINAL_PROGRAMS } from "./programs.ts";

before(ensureTestImage);

for (const [name, body] of Object.entries(TERMINAL_PROGRAMS)) {
  test(name, async () => {
    const shell = [
      ...launcher,
      "run",
      "-i",
      TEST_IMAGE,
      "-e",
      "PS1=$ ",
      "-e",
      "TERM=xterm",
      "-e",
      `FRONT=${FRONT}`,
      "--",
      "bash",
      "--norc",
      "-i",
    ];
    const session = new TerminalSession(shell, { STRATOS_HOME: TEST_HOME }, { rows: 30, columns: 90 });
    try {
      await session.expect(/\$ $/);
      await body(session);
      session.type("exit 7\r");
      assert.equal(await session.ended(), 7);
    } finally {
      session.kill();
    }
  });
}
