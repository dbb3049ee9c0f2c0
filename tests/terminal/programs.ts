/** What a person does at Stratos' terminal, program by program. Each begins and ends at bash's prompt `$ `. */
import assert from "node:assert/strict";
import type { TerminalSession } from "../support/terminal.ts";

const PROMPT = /\$ $/;
const INTERRUPT = "\x03",
  END_OF_FILE = "\x04",
  SUSPEND = "\x1a",
  ERASE = "\x7f",
  ESCAPE = "\x1b";

/**
 * A job that says each time when it has come to the foreground: what is typed before is another's. As it is given to
 * the shell, in a variable of the environment.
 */
export const FRONT =
  '$|=1;$SIG{CONT}=sub{$was=0};for(;;){$is=tcgetpgrp(0)==getpgrp;print"in front\\n"if$is&&!$was;$was=$is;' +
  "select undef,undef,undef,.02}";

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
    session.type('perl -MPOSIX -e "$FRONT"\r');
    await session.expect(/[\r\n]in front\r\n/);
    session.type(SUSPEND);
    await session.expect(/\^Z\r\n\[1\]\+  Stopped +perl /);
    await session.expect(PROMPT);
    assert.match(await command(session, "bg; jobs"), /\[1\]\+ +Running +perl /);
    session.type("fg\r");
    await session.expect(/fg\r\n[^]*perl [^]*[\r\n]in front\r\n/);
    session.type(INTERRUPT);
    await session.expect(/\^C/);
    await session.expect(PROMPT);
    assert.match(await command(session, "echo status $?"), /status 130/);
    session.type("echo on; while :; do :; done\r");
    await session.expect(/[\r\n]on\r\n/);
    session.type(INTERRUPT);
    await session.expect(PROMPT);
  },

  "a background job that reads is stopped": async (session) => {
    session.type("cat &\r");
    await session.expect(/\[1\] \d+/);
    await session.expect(PROMPT);
    assert.match(await command(session, "until jobs | grep -q Stopped; do :; done; jobs"), /Stopped +cat/);
    await command(session, "kill -9 %1; wait");
  },

  "vi edits a file": async (session) => {
    session.type("vi /tmp/edited\r");
    await session.expect(/~/);
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
    session.type("exec(\"print('on')\\nwhile True: pass\")\r");
    await session.expect(/[\r\n]on\r\n/);
    session.type(INTERRUPT);
    await session.expect(/KeyboardInterrupt[^]*>>> $/);
    session.type(END_OF_FILE);
    await session.expect(PROMPT);
  },

  "passwords are not shown": async (session) => {
    // Somebody beside it tells when the terminal shows nothing any more.
    session.type("(until stty -a | grep -q ' -echo '; do :; done; echo on) & read -s secret; echo got-$secret\r");
    await session.expect(/[\r\n]on\r\n/);
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
