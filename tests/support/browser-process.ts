/** A browser as a process of the tests: until it says where it listens, and until it is gone. */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";

const CLOSE_MS = 20_000;

/** What its standard error says, as the first group of `pattern`. @throws Error in words: it does not start */
export async function listeningAt(child: ChildProcess, pattern: RegExp, startMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  return new Promise<string>((resolve, reject) => {
    let text = "";
    timer = setTimeout(() => reject(new Error(`the browser does not start: ${text}`)), startMs);
    child.stderr!.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`the browser ended with status ${status}: ${text}`)));
  }).finally(() => clearTimeout(timer));
}

/** @throws the event of what failed */
export async function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return socket;
}

/** Ends it, and removes what it keeps. @param ask  asks it to end */
export async function closeBrowser(child: ChildProcess, profile: string, ask: () => Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // One that does not come to its end is of no more use.
    const timer = setTimeout(() => child.kill("SIGKILL"), CLOSE_MS);
    ask().catch(() => child.kill("SIGKILL"));
    await ended;
    clearTimeout(timer);
  }
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
}
