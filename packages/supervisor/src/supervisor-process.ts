/**
 * The process of the user's named systems: `supervisor-process.mjs HOME VERSION`. It serves the socket in
 * `HOME/systems`, and ends when no system runs and no client is there.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { FileLockedError, lockFile } from "@stratos/host-node/file-lock";
import { withSocketPath } from "@stratos/host-node/files";
import { hostReason, keepCompiledCode, ownProcess } from "@stratos/host-node/home";
import { ClientConnection } from "./client-connection.ts";
import { Supervisor } from "./supervisor.ts";
import { controlPath, openSystemsFolder } from "./systems-folder.ts";

/** How long nothing is left to do before it ends: a client that comes meanwhile is served at once. */
const LINGER_MS = 3000;
const CLIENTS_MAX = 500;

const [, , home = "", version = ""] = process.argv;
process.on("uncaughtException", (error: Error) => {
  console.error(`internal error: ${error.stack ?? String(error)}`);
  process.exit(125);
});
keepCompiledCode(home);
ownProcess();
process.umask(0o077);
const folder = openSystemsFolder(home);
const unlock = lockOrLeave();
const path = controlPath(folder);
// Who had the lock before is gone.
rmSync(path, { force: true });

let clients = 0;
let timer: NodeJS.Timeout | null = null;
let isEnding = false;
const supervisor = new Supervisor(home, folder, () => considerEnd());
const server = createServer((socket) => {
  const connection = new ClientConnection(
    supervisor,
    version,
    (bytes) => void (socket.writable && socket.write(bytes)),
    () => socket.end(),
  );
  clients++;
  considerEnd();
  socket.on("data", (bytes) => {
    try {
      connection.receive(bytes);
    } catch {
      socket.destroy();
    }
  });
  socket.on("error", () => {});
  // With an error: the client was gone before it had read everything.
  socket.on("close", (hadError) => {
    clients--;
    connection.close(hadError);
    considerEnd();
  });
});
server.maxConnections = CLIENTS_MAX;
server.on("error", (error) => {
  console.error(`${path}: ${hostReason(error)}`);
  process.exit(1);
});
withSocketPath(path, (short) => server.listen(short));
chmodSync(path, 0o600);
supervisor.takeUp();
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => void end());
considerEnd();

function lockOrLeave(): () => void {
  try {
    return lockFile(`${folder}/supervisor`);
  } catch (error) {
    // Another was faster: its socket is the one.
    if (error instanceof FileLockedError) process.exit(0);
    throw error;
  }
}

function considerEnd(): void {
  if (timer !== null) clearTimeout(timer);
  timer = clients === 0 && supervisor.isIdle ? setTimeout(() => void end(), LINGER_MS) : null;
}

async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  rmSync(path, { force: true });
  server.close();
  await supervisor.close();
  unlock();
  process.exit(0);
}
