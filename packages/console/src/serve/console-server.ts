/** The console, listening: composition root of `serve/`. */
import type { Server } from "node:http";
import { type ListenPlace, listenAt } from "@stratos/volumes/serve";
import { type ConsoleOptions, createConsoleService } from "./console-service.ts";
import { Terminals } from "./terminals.ts";

interface ConsoleServer {
  /** URL, or unix:PATH. */
  readonly address: string;
  close(): Promise<void>;
}

/** @throws OperationError when the place cannot be had */
export async function startConsole(place: ListenPlace, options: ConsoleOptions): Promise<ConsoleServer> {
  const cookie = { text: "stratos_session" };
  const terminals = new Terminals(options, cookie);
  const { address, server, close } = await listenAt(place, createConsoleService(options, cookie).fetch);
  if (!("socket" in place)) cookie.text = `stratos_session_${new URL(address).port}`;
  terminals.serve(server as Server);
  return {
    address,
    close: async () => {
      terminals.close();
      await close();
    },
  };
}
