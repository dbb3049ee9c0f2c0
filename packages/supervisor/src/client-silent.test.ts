/** Goal: who waits for a supervisor that does not answer hears for whom. Method: one that answers after that. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock, test } from "node:test";
import { lockFile } from "@stratos/host-node/file-lock";
import { ClientConnection } from "./client-connection.ts";
import { openSupervisor } from "./client.ts";
import { Supervisor } from "./supervisor.ts";
import { controlPath, openSystemsFolder } from "./systems-folder.ts";
import { ScriptedEngines } from "./testing/scripted-engines.ts";

test("a supervisor that does not answer is named, and waited for", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "stratos-silent-"));
  t.after(() => rmSync(home, { recursive: true }));
  const folder = openSystemsFolder(home);
  t.after(lockFile(join(folder, "supervisor")));
  const supervisor = new Supervisor(home, folder, () => {}, new ScriptedEngines());
  const said: string[] = [];
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const server = createServer((socket) => {
    const send = (bytes: Uint8Array): void => void socket.write(bytes);
    const connection = new ClientConnection(supervisor, "test", send, () => socket.destroy());
    socket.on("data", (asked) => {
      mock.timers.tick(4_000);
      assert.deepEqual(said, []);
      mock.timers.tick(4_000);
      connection.receive(asked);
    });
    socket.on("close", () => server.close());
  });
  await new Promise<void>((done) => server.listen(controlPath(folder), done));
  const client = await openSupervisor(home, "1", (words) => said.push(words));
  client.close();
  assert.deepEqual(said, [`the supervisor of named systems, process ${process.pid}, does not answer; waiting for it`]);
});
