/** What terminal applications have in common: where their service is, and the terminal. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Option } from "commander";
import type { ServicePlace } from "@stratos/tui";
import { CommandError, UsageError } from "./command-error.ts";
import { EXIT_STRATOS_FAILED } from "./exit-status.ts";

export interface TuiOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly language?: string;
}

export function tuiOptions(service: string): Option[] {
  return [
    new Option("--url <address>", `a running \`${service}\` instead: http://…, https://… or unix:PATH`),
    new Option("--token-file <file>", "with --url: the token or key that the service asks for"),
    new Option("--language <tag>", "en, de or ja (default: the environment's)"),
  ];
}

/** The place of a service that runs, or of one that `begin` starts on a socket of its own while `work` lasts. */
export async function withService(
  name: string,
  options: TuiOptions,
  begin: (socket: string) => Promise<{ close(): Promise<void> }>,
  work: (place: ServicePlace) => Promise<number>,
): Promise<number> {
  const { parsePlace, terminalLack } = await import("@stratos/tui");
  const lack = terminalLack();
  if (lack !== null) throw new CommandError(name, lack, { status: EXIT_STRATOS_FAILED });
  if (options.url !== undefined) return work(parsePlace(options.url, options.tokenFile));
  if (options.tokenFile !== undefined) throw new UsageError("--token-file", "is of --url");
  // Its owner alone gets into the folder.
  const folder = mkdtempSync(join(tmpdir(), "stratos-tui-"));
  try {
    const socket = join(folder, "socket");
    const service = await begin(socket);
    try {
      return await work({ address: `unix:${socket}`, token: null });
    } finally {
      await service.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
