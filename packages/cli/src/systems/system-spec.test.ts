/** Goal: what a command line says of a system comes to its supervisor as said; what has no place is refused. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { RunOptions } from "../session/run-options.ts";
import { mountsOf, portsOf, refuseUnfit, specOf } from "./system-spec.ts";

/** As the command line has them when nothing is said. */
const USUAL = { env: [], volume: [], publish: [], net: "none", detachKeys: new Uint8Array(0) };

test("a system has what its command line says, and the usual things else", () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-system-spec-"));
  const spec = (options: object): ReturnType<typeof specOf> =>
    specOf({ ...USUAL, image: "debian", ...options } as unknown as Parameters<typeof specOf>[0], ["true"], home);
  const usual = spec({});
  assert.deepEqual(
    [usual.cwd, usual.user, usual.tty, usual.hasInput, usual.isTransient],
    ["/", "root", null, false, false],
  );
  assert.ok(usual.memoryBytes > 0);
  assert.equal("codeCache" in usual, false);
  assert.equal(spec({ interactive: true }).hasInput, true);
  const onTerminal = spec({ tty: true, env: [{ name: "TERM", value: "vt100" }] });
  assert.equal(onTerminal.hasInput, true, "who has a terminal is typed at");
  assert.equal(onTerminal.env["TERM"], "vt100", "what is said goes before this terminal's type");
  assert.ok(onTerminal.tty!.columns > 0);
  assert.deepEqual(
    { ...spec({ rm: true, cache: false, checkpointEvery: 30_000, seed: 7 }) },
    { ...usual, isTransient: true, codeCache: false, checkpointEveryMs: 30_000, seed: 7 },
  );
  rmSync(home, { recursive: true });
});

test("folders are told as paths from the root, as the supervisor's own folder is another", () => {
  assert.deepEqual(mountsOf([{ host: "data", guest: "/data", isReadOnly: true }]), [
    { host: resolve("data"), guest: "/data", readOnly: true },
  ]);
});

test("ports go by their protocol, with an address where one is said", () => {
  const port = { hostPort: 8080, guestPort: 80 };
  assert.deepEqual(
    portsOf([
      { ...port, type: "stream", hostAddress: null },
      { ...port, type: "datagram", hostAddress: "127.0.0.1" },
    ]),
    [
      { host: 8080, guest: 80, protocol: "tcp" },
      { host: 8080, guest: 80, protocol: "udp", address: "127.0.0.1" },
    ],
  );
});

test("what a run gives when it is over is refused by its option", () => {
  refuseUnfit(USUAL as unknown as RunOptions);
  for (const [option, value] of Object.entries({ record: "file", stats: true, timeout: 5, addressMode: "window" }))
    assert.throws(() => refuseUnfit({ ...USUAL, [option]: value } as unknown as RunOptions), /systems that live on/);
});
