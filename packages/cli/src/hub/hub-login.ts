/** Which hub a command talks to, and by which key. Keys are kept in a file that its owner alone may read. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HubClient, HubProblem } from "@stratos/hub-api";
import { stratosHome } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason, UsageError } from "../command-error.ts";

export interface HubOptions {
  readonly hub?: string;
  readonly tokenFile?: string;
}

const DEFAULT_HUB = "http://127.0.0.1:7470";

const loginPath = (): string => join(stratosHome(), "hub-logins.json");

/** `--hub`, else `STRATOS_HUB`, else this computer's. */
export function hubUrl(options: HubOptions): string {
  const text = options.hub ?? process.env["STRATOS_HUB"] ?? DEFAULT_HUB;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError("--hub", `'${text}': expected a URL, such as ${DEFAULT_HUB}`);
  return text.replace(/\/+$/, "");
}

/** @throws CommandError when there is no key for this hub */
export function openHub(options: HubOptions): HubClient {
  const url = hubUrl(options);
  const token = options.tokenFile === undefined ? readLogins()[url] : readToken(options.tokenFile);
  if (token === undefined)
    throw new CommandError(
      url,
      "no key for this hub: `stratos hub login` keeps one, or --token-file names a file with one",
    );
  return hubClient(url, token);
}

export function hubClient(url: string, token: string): HubClient {
  return new HubClient({ url, token, fetch: (request, init) => fetch(request, init) });
}

/** @throws CommandError for a file that cannot be read, is empty, or that others may read */
export function readToken(path: string): string {
  try {
    const token = readFileSync(path, "utf8").trim();
    if (token === "") throw new CommandError(path, "is empty: it should hold a hub's key");
    if ((statSync(path).mode & 0o077) !== 0 && path !== "/dev/stdin")
      process.stderr.write(
        `stratos: warning: ${path} can be read by others, who are as good as you with it; chmod 600 ends that\n`,
      );
    return token;
  } catch (error) {
    throw error instanceof OperationError ? error : new CommandError(path, hostReason(error), { cause: error });
  }
}

export function keepLogin(url: string, token: string | null): void {
  const { [url]: _, ...others } = readLogins();
  const path = loginPath();
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(token === null ? others : { ...others, [url]: token }, null, 2) + "\n", {
    mode: 0o600,
    flush: true,
  });
  renameSync(draft, path);
}

function readLogins(): Readonly<Record<string, string>> {
  const path = loginPath();
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}

/** The hub's words become ours. */
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

export function hubFailure(error: unknown, url: string): unknown {
  if (error instanceof HubProblem) {
    const causes = (error.problem.causes ?? []).map(({ tool, detail }) => `; ${tool}: ${detail}`).join("");
    return new CommandError(url, `${error.message}${causes}`, { cause: error });
  }
  if (error instanceof TypeError && error.cause !== undefined) {
    const { code, message } = error.cause as { code?: string; message?: string };
    return new CommandError(
      url,
      code === "ECONNREFUSED" ? "no hub listens there; `stratos hub` starts one" : message || code || error.message,
      { cause: error },
    );
  }
  return error;
}
