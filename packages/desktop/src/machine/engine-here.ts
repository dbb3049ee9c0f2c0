/** The library's engine in the desktop's own thread. */
import { type EngineHost, EngineServer } from "@stratos/sdk";
import { EngineClient } from "@stratos/sdk/client";
import { MachineFiles } from "@stratos/sdk/machine-files";
import { findGuestUser, type GuestUser, type MachineSession } from "@stratos/session";

/** An engine in this thread: what a display reads of a program's memory must be here. */
export function engineHere(host: EngineHost): EngineClient {
  let tell = (_bytes: Uint8Array): void => {};
  const server = new EngineServer(host, (bytes) => queueMicrotask(() => tell(bytes)));
  return new EngineClient({
    send: (bytes) => queueMicrotask(() => server.receive(bytes)),
    onBytes: (listener) => void (tell = listener),
    onGone: () => {},
    // Who serves the desktop keeps the process up.
    hold: () => {},
    callLater: (milliseconds, act) => {
      const timer = setTimeout(act, milliseconds);
      return () => clearTimeout(timer);
    },
    close: () => server.close(),
  });
}

/** @param user  a name or a number, as `run -u` takes it. @throws SessionError */
export function userOf(session: MachineSession, user: string): GuestUser {
  const files = new MachineFiles(session.machine.kernel);
  return findGuestUser((path) => {
    const bytes = files.read(`/${path}`);
    return typeof bytes === "number" ? null : bytes;
  }, user);
}
