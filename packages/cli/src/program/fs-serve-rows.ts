/** Row of `stratos fs serve`. */
import { Command, Option } from "commander";
import { parsePort } from "../fs/volume-options.ts";
import type { ServeOptions } from "../commands/fs-serve-command.ts";
import type { Finish } from "./fs-rows.ts";

export function serveCommand(finish: Finish): Command {
  return new Command("serve")
    .description("Serves volumes over HTTP: a REST interface (/openapi.json describes it) and Prometheus metrics (/metrics). Runs the snapshot schedules of its volumes. Prints its address when it is ready, and ends with SIGINT or SIGTERM.")
    .summary("serve volumes over HTTP")
    .argument("[volume...]", "files or devices; NAME=PATH names one")
    .addOption(new Option("--host <address>", "address to listen on").default("127.0.0.1"))
    .addOption(new Option("--port <n>", "port; 0 takes a free one").argParser(parsePort).default(7460))
    .option("--token-file <file>", "serve only requests with the token in this file (Authorization: Bearer …)")
    .option("--read-only", "change nothing")
    .option("--openapi", "print the OpenAPI description, and stop")
    .action(async (volumes: string[], options: ServeOptions) => finish(await (await import("../commands/fs-serve-command.ts")).serveCommand(volumes, options)));
}
