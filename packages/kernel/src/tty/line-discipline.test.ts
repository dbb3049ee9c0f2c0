/**
 * Goal: the line discipline does to input what Linux's N_TTY does. Method: tables of typed bytes → what is echoed and
 * what reads return; the expected columns were taken from Linux pseudo-terminals.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ICANON, ICRNL, IXANY, IXON, OCRNL, ONLCR, ONOCR, OPOST, XTABS } from "@stratos/abi";
import { BytesCursor, byteString, byteStringOf } from "@stratos/base";
import { Echo } from "./echo.ts";
import { CTRL_C, CTRL_D, CTRL_Q, CTRL_S, DISCIPLINE_CASES, STANDARD_LFLAG } from "../testing/line-discipline-cases.ts";
import { LineDiscipline, type DisciplineOwner } from "./line-discipline.ts";
import { OutputProcessing } from "./output-processing.ts";
import { Termios } from "./termios.ts";

class Fixture implements DisciplineOwner {
  readonly termios = Termios.standard();
  readonly output = new OutputProcessing(this.termios);
  readonly echo = new Echo(this.termios, this.output);
  readonly input = new LineDiscipline(this.termios, this.echo, this);
  readonly signals: number[] = [];
  isStopped = false;

  signalForeground(signal: number): void {
    this.signals.push(signal);
  }
  flushOutput(): void {}
  inputFlushed(): void {}
  inputReady(): void {}
  stopOutput(): void {
    this.isStopped = true;
  }
  startOutput(): void {
    this.isStopped = false;
  }

  type(text: string): number {
    return this.input.receive(byteStringOf(text), 0, text.length);
  }

  echoed(): string {
    let text = "";
    while (this.echo.pending.length > 0) {
      const bytes = this.echo.pending.peek();
      text += byteString(bytes);
      this.echo.pending.drop(bytes.length);
    }
    return text;
  }

  /** What reads of `size` bytes return until there is no line. */
  lines(size = 4096): string[] {
    const lines: string[] = [];
    while (this.input.hasLine) lines.push(this.read(size));
    return lines;
  }

  read(size = 4096): string {
    const to = new BytesCursor(new Uint8Array(size));
    const count = (this.termios.lflag & ICANON) !== 0 ? this.input.takeLine(to) : this.input.takeBytes(to);
    return byteString(to.bytes, 0, count);
  }
}

for (const row of DISCIPLINE_CASES) {
  test(`canonical: ${row.name}`, () => {
    const fixture = new Fixture();
    fixture.termios.iflag = row.iflag ?? ICRNL | IXON;
    fixture.termios.oflag = row.oflag ?? OPOST | ONLCR;
    fixture.termios.lflag = row.lflag ?? STANDARD_LFLAG;
    for (const [index, value] of Object.entries(row.cc ?? {})) fixture.termios.cc[Number(index)] = value;
    fixture.type(row.typed);
    assert.deepEqual(
      { echo: fixture.echoed(), lines: fixture.lines(), signals: fixture.signals },
      { echo: row.echo, lines: row.lines, signals: row.signals ?? [] },
    );
  });
}

test("a short read takes part of a line and leaves the rest", () => {
  const fixture = new Fixture();
  fixture.type("hello\n");
  assert.equal(fixture.input.readable, 6);
  assert.equal(fixture.read(3), "hel");
  assert.equal(fixture.input.hasLine, true);
  assert.equal(fixture.read(100), "lo\n");
  assert.equal(fixture.input.hasLine, false);
});

test("an end-of-file mark right behind a full read is consumed with it", () => {
  const fixture = new Fixture();
  fixture.type(`abc${CTRL_D}`);
  assert.equal(fixture.input.readable, 3);
  assert.equal(fixture.read(3), "abc");
  assert.equal(fixture.input.hasLine, false);
});

test("an endless line loses its tail but can be ended", () => {
  const fixture = new Fixture();
  fixture.termios.lflag = ICANON;
  fixture.type("x".repeat(5000));
  fixture.type("\n");
  assert.equal(fixture.read(5000), `${"x".repeat(4095)}\n`);
});

test("complete lines fill the buffer and hold further input back", () => {
  const fixture = new Fixture();
  fixture.termios.lflag = ICANON;
  assert.equal(fixture.type("y\n".repeat(3000)), 4095);
  assert.equal(fixture.read(), "y\n");
  assert.equal(fixture.type("\ny\n"), 2);
});

test("raw mode delivers bytes as they are and bounds the buffer", () => {
  const fixture = new Fixture();
  fixture.termios.lflag = 0;
  fixture.termios.iflag = 0;
  fixture.type(`${CTRL_C}\r\0\x7f`);
  assert.equal(fixture.read(), "\x03\r\0\x7f");
  assert.equal(fixture.type("z".repeat(5000)), 4095);
  assert.deepEqual(fixture.signals, []);
});

test("cbreak mode shows a bare newline as ^J, a translated one as a new line", () => {
  const fixture = new Fixture();
  fixture.termios.lflag = STANDARD_LFLAG & ~ICANON;
  fixture.type("\n\r");
  assert.equal(fixture.echoed(), "^J\r\n");
  assert.equal(fixture.read(), "\n\n");
});

test("XON and XOFF stop and start output and are not delivered", () => {
  const fixture = new Fixture();
  fixture.type(CTRL_S);
  assert.equal(fixture.isStopped, true);
  fixture.type("a");
  assert.equal(fixture.isStopped, true);
  fixture.type(CTRL_Q);
  assert.equal(fixture.isStopped, false);
  fixture.type(`${CTRL_S}`);
  fixture.termios.iflag |= IXANY;
  fixture.type("b\n");
  assert.equal(fixture.isStopped, false);
  assert.deepEqual(fixture.lines(), ["ab\n"]);
});

test("switching to raw mode frees an unfinished line, switching back makes the rest a line", () => {
  const fixture = new Fixture();
  fixture.type("abc");
  let before = fixture.termios.copy();
  fixture.termios.lflag &= ~ICANON;
  fixture.input.modeChanged(before);
  assert.equal(fixture.read(2), "ab");
  before = fixture.termios.copy();
  fixture.termios.lflag |= ICANON;
  fixture.input.modeChanged(before);
  assert.deepEqual(fixture.lines(), ["c"]);
  fixture.type("d\n");
  assert.deepEqual(fixture.lines(), ["d\n"]);
});

test("output processing keeps the column and expands", () => {
  const cases: [number, string, string][] = [
    [OPOST | ONLCR, "a\nb", "a\r\nb"],
    [OPOST | XTABS, "ab\tc", "ab      c"],
    [OPOST | OCRNL, "a\rb", "a\nb"],
    [OPOST | ONOCR, "\ra\r", "a\r"],
    [0, "a\n\t", "a\n\t"],
  ];
  for (const [oflag, text, expected] of cases) {
    const termios = Termios.standard();
    termios.oflag = oflag;
    const output = new OutputProcessing(termios);
    const target = new Uint8Array(64);
    let end = 0;
    for (const byte of byteStringOf(text)) end = output.put(byte, target, end);
    assert.equal(byteString(target, 0, end), expected);
  }
});
