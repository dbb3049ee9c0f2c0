/**
 * Which hub a program talks to, and by which key. Keys are kept in a file of STRATOS_HOME that its owner alone may
 * read. Failures are OperationErrors.
 */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HubClient, HubProblem } from "@stratos/hub-api";
import { describeFailure, replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

export const DEFAULT_HUB = "http://127.0.0.1:7470";

/** @throws OperationError of kind option */
export function hubUrlOf(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new OperationError("option", "--hub", `'${text}': expected a URL, such as ${DEFAULT_HUB}`);
  const { username, password, host } = new URL(text);
  // Fetch would refuse it, and print it.
  if (username !== "" || password !== "")
    throw new OperationError("option", "--hub", `names of users and passwords are no part of ${host}'s address here`);
  return text.replace(/\/+$/, "");
}

export function hubClient(url: string, token: string): HubClient {
  // Fetch would print what no header can hold.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new OperationError("hub", url, "what is given as its key is none: a key is one word of letters and digits");
  return new HubClient({ url, token, fetch: (request, init) => fetch(request, init) });
}

/**
 * A key in a file of its own.
 *
 * @returns isOpen: others may read it, too
 * @throws OperationError for a file that cannot be read or is empty
 */
export function readToken(path: string): { readonly token: string; readonly isOpen: boolean } {
  try {
    const token = readFileSync(path, "utf8").trim();
    if (token === "") throw new OperationError("hub", path, "is empty: it should hold a hub's key");
    return { token, isOpen: (statSync(path).mode & 0o077) !== 0 && path !== "/dev/stdin" };
  } catch (error) {
    throw error instanceof OperationError
      ? error
      : new OperationError("hub", path, hostReason(error), { cause: error });
  }
}

/** The keys that a user has of hubs, by their URLs. */
export class HubLogins {
  readonly #path: string;

  /** @param home  STRATOS_HOME */
  constructor(home: string) {
    this.#path = join(home, "hub-logins.json");
  }

  /** @throws OperationError when there is no key for this hub */
  token(url: string): string {
    const all = this.#read();
    const token = all[url];
    if (token !== undefined) return token;
    const others = Object.keys(all);
    throw new OperationError(
      "hub",
      url,
      "no key for this hub: `stratos hub login` keeps one, or --token-file names a file with one" +
        (others.length === 0 ? "" : `; there is one for ${others.join(", ")}: --hub and STRATOS_HUB name another hub`),
    );
  }

  /** @param token  null: forget it */
  keep(url: string, token: string | null): void {
    const { [url]: _, ...others } = this.#read();
    mkdirSync(dirname(this.#path), { recursive: true });
    const logins = token === null ? others : { ...others, [url]: token };
    replaceFile(this.#path, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600 });
  }

  #read(): Readonly<Record<string, string>> {
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Record<string, string>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw new OperationError("hub", this.#path, hostReason(error), { cause: error });
    }
  }
}

/** What a client threw, as an OperationError when it is the hub's refusal or the way to it that failed. */
export function hubFailure(error: unknown, url: string): unknown {
  if (error instanceof HubProblem) {
    // A hub's own say what kind they are.
    const { type } = error.problem as { readonly type?: string };
    if (error.status === 404 && type?.startsWith("urn:stratos:hub:") !== true)
      return new OperationError(
        "hub",
        url,
        `no hub answers there; where \`stratos serve --hub\` does, it is at ${url}/hub`,
        { cause: error },
      );
    const causes = (error.problem.causes ?? []).map(({ tool, detail }) => `; ${tool}: ${detail}`).join("");
    return new OperationError("hub", url, `${error.message}${causes}`, { cause: error });
  }
  if (error instanceof TypeError && error.cause !== undefined) {
    const { code } = error.cause as { code?: string };
    return new OperationError(
      "hub",
      url,
      code === "ECONNREFUSED" ? "no hub listens there; `stratos hub` starts one" : describeFailure(error.cause),
      { cause: error },
    );
  }
  return error;
}
