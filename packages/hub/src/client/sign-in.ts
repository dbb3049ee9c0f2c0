/** A program's user signs in at the hub's provider of identities: on any device, by a code. */
import { HubProblem, type Problem } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { pause } from "../worker/pause.ts";

interface SignInCode {
  readonly verificationUri: string;
  readonly verificationUriComplete: string | null;
  readonly userCode: string;
}

export interface SignedIn {
  readonly token: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly expires: string;
}

interface Begun extends SignInCode {
  readonly deviceCode: string;
  readonly expiresSeconds: number;
  readonly intervalSeconds: number;
}

/** RFC 8628 §3.5: how much longer it waits after `slow_down`. */
const SLOWER_SECONDS = 5;
const EXPIRES_MAX_SECONDS = 3_600;
const PAUSE_MAX_SECONDS = 60;
const AWAY: readonly number[] = [429, 502, 503, 504];

/** @throws HubProblem, OperationError when the code has expired; fetch's errors */
export async function signInByDevice(
  url: string,
  signal: AbortSignal,
  show: (code: SignInCode) => void,
): Promise<SignedIn> {
  const begun = await post<Begun>(`${url}/login/device`, {}, signal);
  show(begun);
  const untilMs = performance.now() + Math.min(begun.expiresSeconds, EXPIRES_MAX_SECONDS) * 1_000;
  for (let seconds = Math.max(begun.intervalSeconds, 1); performance.now() < untilMs;) {
    await pause(seconds * 1_000, signal);
    signal.throwIfAborted();
    const answer = await poll(url, begun.deviceCode, signal);
    if (answer === null) {
      seconds = Math.min(seconds * 2, PAUSE_MAX_SECONDS);
      continue;
    }
    if (!answer.isPending) {
      const { token, principal, roles, expires } = answer;
      return { token, principal, roles, expires };
    }
    if (answer.isTooOften === true) seconds += SLOWER_SECONDS;
  }
  throw new OperationError("hub", url, "nobody signed in before the code expired");
}

interface Polled extends SignedIn {
  readonly isPending: boolean;
  readonly isTooOften?: boolean;
}

/** @returns null: the hub or its provider is away, and the code is as good as before (RFC 8628 §3.5) */
async function poll(url: string, deviceCode: string, signal: AbortSignal): Promise<Polled | null> {
  try {
    return await post<Polled>(`${url}/login/device/token`, { deviceCode }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const isAway = error instanceof HubProblem ? AWAY.includes(error.status) : error instanceof TypeError;
    if (isAway) return null;
    throw error;
  }
}

async function post<Answer>(url: string, body: object, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return (await response.json()) as Answer;
  if (response.status === 404)
    throw new OperationError("hub", url, "this hub has no provider of identities (--oidc-issuer); its keys sign in");
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new HubProblem(
    problem ?? { type: "about:blank", title: "", status: response.status, detail: `HTTP ${response.status}` },
  );
}
