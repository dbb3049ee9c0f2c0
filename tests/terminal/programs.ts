/** What a person does at Stratos' terminal, program by program. Each begins and ends at bash's prompt `$ `. */
import assert from "node:assert/strict";
import type { TerminalSession } from "../support/terminal.ts";

const PROMPT = /\$ $/;
const INTERRUPT = "\x03",
  END_OF_FILE = "\x04",
  SUSPEND = "\x1a",
  ERASE = "\x7f",
  ESCAPE = "\x1b";

async function command(session: TerminalSession, line: string): Promise<string> {
  session.type(`${line}\r`);
  await session.expect(/\r\n/);
  return session.expect(PROMPT);
}

export const TERMINAL_PROGRAMS: Readonly<Record<string, (session: TerminalSession) => Promise<void>>> = {
  "the terminal has a name, a size and a foreground group": async (session) => {
    assert.match(await command(session, "tty; stty size; ps -o tty=,stat= -p $$"), /\/dev\/tty1\r\n30 90\r\ntty1\s+Ss/);
    assert.match(await command(session, "echo to-tty > /dev/tty; echo to-stderr > /dev/stderr"), /to-tty\r\nto-stderr/);
  },

  "lines are edited by the shell, and by the terminal for programs that don't": async (session) => {
    assert.match(await command(session, `echo abd${ERASE}c`), /abc\r\n/);
    session.type("cat\r");
    await session.expect(/cat\r\n/);
    session.type(`on${ERASE}${ERASE}two words\x17line\r`);
    await session.expect(/line\r\n(?:\x1b\[\?2004l\r)?two line\r\n/);
    session.type(END_OF_FILE);
    await session.expect(PROMPT);
  },

  "Ctrl-C interrupts, Ctrl-Z stops, fg and bg continue": async (session) => {
    session.type("sleep 100\r");
    await session.expect(/sleep 100\r\n/);
    await pause(700);
    session.type(SUSPEND);
    await session.expect(/\^Z\r\n\[1\]\+  Stopped +sleep 100\r\n/);
    await session.expect(PROMPT);
    assert.match(await command(session, "bg; jobs"), /\[1\]\+ +Running +sleep 100/);
    session.type("fg\r");
    await session.expect(/fg\r\n[^$]*sleep 100\r\n/);
    await pause(300);
    session.type(INTERRUPT);
    await session.expect(/\^C/);
    await session.expect(PROMPT);
    assert.match(await command(session, "echo status $?"), /status 130/);
    session.type("while :; do :; done\r");
    await pause(700);
    session.type(INTERRUPT);
    await session.expect(PROMPT);
  },

  "a background job that reads is stopped": async (session) => {
    session.type("cat &\r");
    await session.expect(/\[1\] \d+/);
    await session.expect(PROMPT);
    await pause(700);
    assert.match(await command(session, "jobs"), /Stopped +cat/);
    await command(session, "kill -9 %1; wait");
  },

  "vi edits a file": async (session) => {
    session.type("vi /tmp/edited\r");
    await session.expect(/~/);
    await pause(700);
    session.type("ifirst line\rsecond");
    await session.expect(/second/);
    session.type(`${ESCAPE}0x:wq\r`);
    await session.expect(/written/);
    await session.expect(PROMPT);
    assert.match(await command(session, "cat /tmp/edited"), /first line\r\necond\r\n/);
  },

  "less pages and searches": async (session) => {
    session.type("seq 1000 | less\r");
    await session.expect(/\r\n29\r\n/);
    session.type("/777\r");
    await session.expect(/777/);
    session.type("q");
    await session.expect(PROMPT);
  },

  "top shows the processes": async (session) => {
    session.type("top -d 1\r");
    await session.expect(/PID USER/);
    await session.expect(/bash/);
    session.type("q");
    await session.expect(PROMPT);
  },

  "python reads lines and is interrupted": async (session) => {
    session.type("PYTHON_BASIC_REPL=1 python3 -q\r");
    await session.expect(/>>> $/);
    session.type("6 * 7\r");
    await session.expect(/42\r\n>>> $/);
    session.type("while True: pass\r\r");
    await pause(1000);
    session.type(INTERRUPT);
    await session.expect(/KeyboardInterrupt[^]*>>> $/);
    session.type(END_OF_FILE);
    await session.expect(PROMPT);
  },

  "passwords are not shown": async (session) => {
    session.type("read -s secret; echo got-$secret\r");
    await session.expect(/secret\r\n/);
    await pause(500);
    session.type("hunter2\r");
    assert.doesNotMatch(await session.expect(/got-/), /hunter2/);
    await session.expect(PROMPT);
  },

  "script records a session of its own": async (session) => {
    assert.match(
      await command(session, "script -qc 'tty; echo inside' /tmp/record; cat /tmp/record"),
      /\/dev\/pts\/0\r\ninside\r\n[^]*\/dev\/pts\/0\r+\ninside\r+\n/,
    );
  },
};

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
