/**
 * Goal: an option that means nothing, or has a value of another type, is refused by its name, and the name that was
 * meant is told. Method: mistakes that programs without types make, each with the words that its author reads.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import { Board, openImage, openVolume, Sandbox, useEngines } from "./entry.ts";
import { RemoteHandle } from "./remote-files.ts";
import { type EngineSource, RemoteSandbox } from "./sandbox.ts";

/** Nothing that is refused gets so far. */
const nowhere: EngineSource = {
  acquire: () => assert.fail("an engine was asked for"),
  common: () => assert.fail("an engine was asked for"),
};
useEngines(nowhere);
const engine = { call: () => assert.fail("the engine was called") } as unknown as EngineClient;

/** As a program in JavaScript has it. */
type Untyped = any;
const create = (options: Untyped): Promise<unknown> => Sandbox.create(options);
const box: Untyped = new RemoteSandbox(new RemoteHandle("sandbox", engine, 1, () => {}), nowhere, {});

const MISTAKES: readonly (readonly [act: () => unknown, option: string, why: string])[] = [
  [() => create({ memory: 7 }), "memory", "there is no such option; there are "],
  [() => create({ memorybytes: 7 }), "memorybytes", "there is no such option; did you mean memoryBytes?"],
  [() => create({ timeoutMS: 7 }), "timeoutMS", "there is no such option; did you mean timeoutMs?"],
  [() => create({ memoryBytes: "268435456" }), "memoryBytes", "a number is expected"],
  [() => create({ timeoutMs: NaN }), "timeoutMs", "a number is expected"],
  [() => create({ image: "" }), "image", "text that is not empty is expected"],
  [() => create({ image: 7 }), "image", "text that is not empty is expected"],
  [() => create("debian"), "options", "an object is expected"],
  [() => create(null), "options", "an object is expected"],
  [() => create({ env: { PORT: 80 } }), "env.PORT", "text is expected"],
  [() => create({ env: { "A=B": "" } }), "env", '"A=B" is no name of a variable'],
  [() => create({ env: ["A=B"] }), "env", "an object of texts is expected"],
  [() => create({ hostname: "a b" }), "hostname", "1 to 64 letters, digits, dots, dashes and underscores is expected"],
  [() => create({ hostname: "a\0" }), "hostname", "1 to 64 letters, "],
  [() => create({ ports: [{ host: 65_536, guest: 1 }] }), "ports[0].host", "1 to 65535 is expected"],
  [() => create({ ports: [{ host: 1, guest: 0.5 }] }), "ports[0].guest", "1 to 65535 is expected"],
  [() => create({ ports: [{ host: 1, guest: 1, protocol: "x" }] }), "ports[0].protocol", '"tcp" or "udp" is expected'],
  [
    () => create({ mounts: [{ host: ".", guest: "/" }] }),
    "mounts[0].guest",
    "an absolute path below /, without . and .., is",
  ],
  [() => create({ mounts: [{ host: ".", guest: "//" }] }), "mounts[0].guest", "an absolute path"],
  [() => create({ mounts: [{ host: ".", guest: "src" }] }), "mounts[0].guest", "an absolute path"],
  [() => create({ mounts: [{ host: ".", guest: "/a/../b" }] }), "mounts[0].guest", "an absolute path"],
  [() => create({ limits: { procesess: 20 } }), "limits.procesess", "there is no such option; did you mean processes?"],
  [() => create({ limits: { diskBytes: "1G" } }), "limits.diskBytes", "a number is expected"],
  [() => create({ pull: { package: ["gcc"] } }), "pull.package", "there is no such option; did you mean packages?"],
  [() => create({ mounts: { host: ".", guest: "/m" } }), "mounts", "a list is expected"],
  [() => create({ mounts: [{ host: "." }] }), "mounts[0].guest", "is missing"],
  [() => create({ mounts: [{ host: ".", guest: "/m", ro: true }] }), "mounts[0].ro", "there is no such option; there "],
  [() => create({ network: "host", ports: [{ host: "80", guest: 80 }] }), "ports[0].host", "1 to 65535 is expected"],
  [
    () => create({ net: { policy: [{ alow: "*" }] } }),
    "net.policy[0].alow",
    "there is no such option; did you mean al",
  ],
  [() => create({ volumes: { "/data": "data.aegisfs" } }), "volumes", "an object of volumes (openVolume), each by its"],
  [() => create({ state: "saved" }), "state", "a Uint8Array is expected"],
  [() => create({ signal: "SIGTERM" }), "signal", "an AbortSignal is expected"],
  [() => create({ name: "dev", memory: 7 }), "memory", "there is no such option; there are "],
  [() => Sandbox.connect(7 as Untyped), "name", "text is expected"],
  [() => Sandbox.list({ hom: "/x" } as Untyped), "hom", "there is no such option; did you mean home?"],
  [() => Sandbox.remove("a", { forced: true } as Untyped), "forced", "there is no such option; did you mean force?"],
  [() => Sandbox.resume("./a", { port: [] } as Untyped), "port", "there is no such option; did you mean ports?"],
  [() => Board.create({ memoryBytes: "1G" } as Untyped), "memoryBytes", "a number is expected"],
  [() => openImage("a", { pull: "yes" } as Untyped), "pull", "true, false or an object is expected"],
  [() => openVolume("a", { readonly: true } as Untyped), "readonly", "there is no such option; did you mean readOnly?"],
  [() => openVolume(undefined as Untyped), "place", "text that is not empty is expected"],
  [() => box.run(7), "command", "a line, or a list of the program and its arguments is expected"],
  [() => box.run(["sleep", 1]), "command[1]", "text is expected"],
  [() => box.run("true", { timeout: 5 }), "timeout", "there is no such option; did you mean timeoutMs?"],
  [() => box.run("true", { timeoutMs: "5" }), "timeoutMs", "a number is expected"],
  [() => box.run("true", { cwd: "" }), "cwd", "text that is not empty is expected"],
  [() => box.run("true", { stdin: 7 }), "stdin", "text, a Uint8Array or an async iterable of these is expected"],
  [() => box.run("true", { onStdout: "x" }), "onStdout", "a function is expected"],
  [() => box.run("true", 5), "options", "an object is expected"],
  [() => box.spawn("true", { tty: true }), "tty", "an object is expected"],
  [
    () => box.spawn("true", { tty: { cols: 80, rows: 24 } }),
    "tty.cols",
    "there is no such option; there are columns, rows",
  ],
  [() => box.fork(3), "options", "an object is expected"],
  [() => box.fork({ counts: 3 }), "counts", "there is no such option; did you mean count?"],
  [() => box.stop({ grace: 3 }), "grace", "there is no such option; did you mean graceMs?"],
  [() => box.snapshot(7), "label", "text is expected"],
  [
    () => box.net.update([{ allow: "*", port: 80 }]),
    "net.policy[0].port",
    "there is no such option; did you mean ports?",
  ],
  [() => box.fs.read(7), "path", "text is expected"],
  [() => box.fs.write("/a", 7), "content", "text or a Uint8Array is expected"],
  [() => box.fs.write("/a", "x", { mode: "755" }), "mode", "0 to 0o7777 is expected"],
  [() => box.fs.mkdir("/a", { recursive: true }), "recursive", "there is no such option; there are "],
  [() => box.run("true", { maxOutputBytes: -1 }), "maxOutputBytes", "0 or more is expected"],
  [() => box.fs.rm("/a", { recursiv: true }), "recursiv", "there is no such option; did you mean recursive?"],
  [async () => box.fs.watch("/a", { recurse: true }), "recurse", "there is no such option; did you mean recursive?"],
  [async () => box.on("exit", () => {}), "exit", "there is no such event; there are process-start"],
  [async () => box.on("limit"), "limit", "a function is expected"],
];

for (const [act, option, why] of MISTAKES)
  test(`${act.toString().replace("() => ", "")}: ${option}`, async () => {
    await assert.rejects(
      async () => act(),
      (error: Error) => {
        assert.ok(error instanceof StratosError && error.kind === "option", String(error.stack));
        assert.deepEqual(error.data, { option });
        assert.ok(error.message.startsWith(`${option}: ${why}`), error.message);
        return true;
      },
    );
  });
