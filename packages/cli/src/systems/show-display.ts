/** `stratos display`: the windows of a named system. */
import { checkOutputFile, pictureSystem, serveSystemDisplay } from "@stratos/console/display";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { EXIT_STRATOS_FAILED, EXIT_SUCCESS } from "../exit-status.ts";
import { listenForStop } from "../stop-signals.ts";
import { withSupervisor } from "./supervisor.ts";

export interface DisplayOptions {
  readonly port: number;
  readonly screenshot?: string;
  /** Milliseconds, of `screenshot`. */
  readonly timeout?: number;
}

export async function showDisplay(name: string, { port, screenshot, timeout }: DisplayOptions): Promise<number> {
  if (screenshot === undefined) return withSupervisor((client) => serve(client, name, port));
  checkOutputFile(screenshot);
  return withSupervisor(async (client) => {
    if (await pictureSystem(client, name, screenshot, timeout)) return EXIT_SUCCESS;
    process.stderr.write(`stratos: ${screenshot}: not written: ${name} has shown nothing\n`);
    return EXIT_STRATOS_FAILED;
  });
}

/** Until the system has ended, or a signal says so. */
async function serve(client: SupervisorClient, name: string, port: number): Promise<number> {
  const { address, close } = await serveSystemDisplay(client, name, port);
  process.stdout.write(`${address}\n`);
  const stop = listenForStop();
  try {
    const signal = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
    await Promise.race([client.call("wait-for-system", { name }).answer, signal]);
    if (!stop.signal.aborted) process.stderr.write(`stratos: ${name}: has ended\n`);
    return EXIT_SUCCESS;
  } finally {
    stop.close();
    close();
  }
}

/** Beside an attached program. @returns what ends that */
export async function displayBeside(client: SupervisorClient, name: string): Promise<() => void> {
  const { address, close } = await serveSystemDisplay(client, name);
  process.stderr.write(`stratos: its windows are shown at ${address}\n`);
  return close;
}
