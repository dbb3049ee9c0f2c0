/**
 * A program's user signs in with the Kerberos ticket that `kinit` or the system got. curl shows it: it reaches the
 * system's own Kerberos, with all its kinds of caches for tickets, where JavaScript does not.
 */
import { spawn } from "node:child_process";
import { HubProblem, type Problem } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import type { SignedIn } from "./sign-in.ts";

const SECONDS_MAX = "30";
const ANSWER_MAX = 1_000_000;

/** @throws HubProblem, OperationError */
export async function signInByTicket(url: string, signal: AbortSignal): Promise<SignedIn> {
  const authorities = process.env["NODE_EXTRA_CA_CERTS"];
  const { stdout, stderr, status } = await curl(
    [
      ...["--negotiate", "--user", ":", "--request", "POST", "--silent", "--show-error", "--max-time", SECONDS_MAX],
      ...["--proto", "=http,https", "--write-out", "\\n%{http_code}"],
      ...(authorities === undefined ? [] : ["--cacert", authorities]),
      `${url}/login/negotiate`,
    ],
    signal,
  );
  if (status !== 0)
    throw new OperationError("hub", url, stderr.trim().replace(/^curl: /, "") || `curl ended with ${status}`);
  const end = stdout.lastIndexOf("\n");
  const http = Number(stdout.slice(end + 1));
  const body = jsonOf(stdout.slice(0, end));
  if (http === 200) return body as SignedIn;
  if (http === 404)
    throw new OperationError("hub", url, "this hub takes no Kerberos tickets (--kerberos-keytab); its keys sign in");
  const problem = body as Problem | null;
  if (http === 401 && problem?.type === "urn:stratos:hub:no-ticket")
    throw new OperationError("hub", url, "there is no ticket to show: does `klist` have one (kinit)?");
  throw new HubProblem(problem ?? { type: "about:blank", title: "", status: http, detail: `HTTP ${http}` });
}

function curl(
  parameters: readonly string[],
  signal: AbortSignal,
): Promise<{ stdout: string; stderr: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn("curl", parameters, { stdio: ["ignore", "pipe", "pipe"], signal });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout = (stdout + text).slice(0, ANSWER_MAX)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(0, ANSWER_MAX)));
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new OperationError("hub", "curl", "is not installed: it shows the ticket to the hub", { cause: error })
          : error,
      ),
    );
    child.once("close", (status) => resolve({ stdout, stderr, status }));
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
