/** Rows of `stratos fs serve` and `stratos fs config`. */
import { Command, Option } from "commander";
import { parsePort } from "../volume-options.ts";
import type { ServeOptions } from "../commands/fs-serve-command.ts";
import type { Finish } from "./fs-rows.ts";

export function configCommand(finish: Finish): Command {
  const commands = () => import("../commands/fs-serve-command.ts");
  const config = new Command("config")
    .summary("check the configuration of `fs serve`")
    .description("Checks the configuration file of `fs serve --config`.")
    .usage("COMMAND");
  config.addCommand(
    new Command("check")
      .description("Checks a file, and prints it as JSON with every default in its place.")
      .summary("check a file")
      .argument("<file>", "YAML or JSON")
      .action(async (file: string) => finish(await (await commands()).checkConfigCommand(file))),
  );
  config.addCommand(
    new Command("schema")
      .description("Prints the JSON Schema of the file.")
      .summary("print the schema")
      .action(async () => finish(await (await commands()).configSchemaCommand())),
  );
  return config;
}

export function serveCommand(finish: Finish): Command {
  return new Command("serve")
    .description(
      "Serves volumes over HTTP: a REST interface (/openapi.json describes it) and Prometheus metrics " +
        "(/metrics). Takes the snapshots that their schedules ask for and, as --config says, scrubs and makes " +
        "backups. Requests need the token in a file of which the second line tells, made at the first start; " +
        "--socket does without, by permissions. Prints its address when it is ready, and ends with SIGINT or SIGTERM.",
    )
    .summary("serve volumes over HTTP")
    .argument("[volume...]", "files or devices; NAME=PATH names one")
    .option(
      "-c, --config <file>",
      "volumes, and how they are kept, from a file in YAML or JSON; `fs config schema` describes it",
    )
    .addOption(new Option("--host <address>", "address to listen on (default: 127.0.0.1)"))
    .addOption(new Option("--port <n>", "port; 0 takes a free one (default: 7460)").argParser(parsePort))
    .option("--socket <path>", "listen on this Unix socket, which its owner alone may use, instead of a port")
    .option(
      "--token-file <file>",
      "the token that requests need (Authorization: Bearer …); made when it is not there (default: " +
        "fs-serve.token in $STRATOS_HOME)",
    )
    .option("--no-token", "serve whoever reaches the port: every user and program of this computer")
    .option("--read-only", "change nothing")
    .option("--openapi", "print the OpenAPI description, and stop")
    .action(async (volumes: string[], options: ServeOptions) =>
      finish(await (await import("../commands/fs-serve-command.ts")).serveCommand(volumes, options)),
    );
}
