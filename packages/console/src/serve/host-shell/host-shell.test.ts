/** Goal: a shell of the host has a terminal with the size that its page has, takes what is typed, and hangs up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HostShell, hostShellLack } from "./host-shell.ts";

const PATIENCE_MS = 60_000;

class Seen {
  text = "";
  end: { readonly exitCode: number; readonly signal: string | null } | null = null;
  show = (bytes: Uint8Array): void => void (this.text += Buffer.from(bytes).toString());
  read = (): void => {};
  ended = (how: { readonly exitCode: number; readonly signal: string | null }): void => void (this.end = how);

  async until(what: () => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!what()) {
      assert.ok(Date.now() < end, JSON.stringify({ text: this.text, end: this.end }));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test(
  "its terminal has a size, which changes; it ends by itself, and with who watches",
  { skip: hostShellLack() ?? false },
  async () => {
    const seen = new Seen();
    const shell = new HostShell(seen, { columns: 91, rows: 17 });
    const type = (text: string): void => shell.type(new TextEncoder().encode(text));
    type("stty size; tty | sed s,[0-9],N,g; echo $((6*7))x\n");
    await seen.until(() => /[\r\n]17 91\r\n[^]*\/dev\/pts\/N+\r\n[^]*42x/.test(seen.text));
    assert.doesNotMatch(seen.text, /^\/dev\/pts/);
    shell.resize({ columns: 120, rows: 30 });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    type("stty size; echo $((6*8))x\n");
    await seen.until(() => /[\r\n]30 120\r\n[^]*48x/.test(seen.text));
    type("exit 3\n");
    await seen.until(() => seen.end !== null);
    assert.deepEqual(seen.end, { exitCode: 3, signal: null });

    const left = new Seen();
    const other = new HostShell(left, { columns: 80, rows: 24 });
    other.type(new TextEncoder().encode("echo pid-$$-\n"));
    await left.until(() => /pid-\d+-\r/.test(left.text));
    const pid = Number(/pid-(\d+)-\r/.exec(left.text)![1]);
    other.close();
    await left.until(() => left.end !== null);
    await left.until(() => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
  },
);

test("who types more than a shell takes has lost it", { skip: hostShellLack() ?? false }, async () => {
  const seen = new Seen();
  const shell = new HostShell(seen, { columns: 80, rows: 24 });
  shell.type(new TextEncoder().encode("stty raw -echo; echo begun$((6*7)); exec sleep 1000\n"));
  await seen.until(() => seen.text.includes("begun42"));
  for (let count = 0; count < 40; count++) shell.type(new Uint8Array(64 << 10).fill(0x61));
  await seen.until(() => seen.end !== null);
  assert.equal(seen.end!.signal, "SIGKILL");
});
