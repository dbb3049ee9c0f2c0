/**
 * Requests of the page. Its secret stands in this tab's storage of this origin, which the port is a part of: no other
 * server of this host gets it.
 */
const KEY = "stratos volumes";
const ROOT = "/v1";

/** One is to sign in first. */
export class SignInNeeded extends Error {}

/** @throws Error with the service's words, SignInNeeded */
async function request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(ROOT + path, {
    ...init,
    method,
    headers: {
      ...(init.headers as Record<string, string>),
      authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}`,
    },
  });
  if (response.ok) return response;
  const { detail } = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  if (response.status === 401) throw new SignInNeeded(detail);
  throw new Error(detail ?? `${response.status}`);
}

/** @throws Error with the service's words, SignInNeeded */
export async function ask<T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return (await (await request(method, path, init)).json()) as T;
}

/** Content of a file. @throws as ask */
export async function content(path: string): Promise<Blob> {
  return (await request("GET", path)).blob();
}

/** @throws as ask */
export async function send(path: string, file: Blob): Promise<void> {
  await request("PUT", path, { body: file, headers: { "content-type": "application/octet-stream" } });
}

/** @param secret  the token, a key, or the code of an address. @throws SignInNeeded: it is none of them */
export async function signIn(secret: string): Promise<void> {
  const answer = await ask<{ readonly secret: string }>("POST", "/session", { secret });
  sessionStorage.setItem(KEY, answer.secret);
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/session");
  sessionStorage.removeItem(KEY);
}
