/** The hub of a command's options, and its words as ours. */
import { stratosHome } from "@stratos/host-node/home";
import { DEFAULT_HUB, hubClient, hubFailure, HubLogins, hubUrlOf, readToken } from "@stratos/hub/client";
import type { HubClient } from "@stratos/hub-api";

export interface HubOptions {
  readonly hub?: string;
  readonly tokenFile?: string;
}

/** `--hub`, else `STRATOS_HUB`, else this computer's. */
export function hubUrl(options: HubOptions): string {
  return hubUrlOf(options.hub ?? process.env["STRATOS_HUB"] ?? DEFAULT_HUB);
}

export const hubLogins = (): HubLogins => new HubLogins(stratosHome());

/** @throws OperationError when there is no key for this hub */
export function openHub(options: HubOptions): HubClient {
  const url = hubUrl(options);
  return hubClient(url, options.tokenFile === undefined ? hubLogins().token(url) : tokenOf(options.tokenFile));
}

export function tokenOf(file: string): string {
  const { token, isOpen } = readToken(file);
  if (isOpen)
    process.stderr.write(
      `stratos: warning: ${file} can be read by others, who are as good as you with it; chmod 600 ends that\n`,
    );
  return token;
}

export async function withHub(
  options: HubOptions,
  work: (client: HubClient) => Promise<void | number>,
): Promise<number> {
  const client = openHub(options);
  try {
    return (await work(client)) ?? 0;
  } catch (error) {
    throw hubFailure(error, client.url);
  }
}
