/** Requests of the page: the cookie goes with them by itself, the key of this origin in a header. */
const KEY = "stratos key";

/** One is to sign in first. */
export class SignInNeeded extends Error {}

export function sessionKey(): string {
  return localStorage.getItem(KEY) ?? "";
}

async function request(method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(`/v1${path}`, {
    method,
    headers: { "stratos-key": sessionKey(), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.ok) return response;
  const { detail } = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  if (response.status === 401) throw new SignInNeeded(detail);
  throw new Error(detail ?? `the service answered ${response.status}`);
}

/** @throws Error with the service's words, SignInNeeded */
export async function ask<T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
  return (await (await request(method, path, body)).json()) as T;
}

/** With what tells whose page it is. */
export function keyed(path: string, init: RequestInit): Promise<Response> {
  return fetch(path, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), "stratos-key": sessionKey() },
  });
}

/**
 * A page of the hub.
 *
 * @returns path  of the one that it is, at the hub: an answer to a form leads elsewhere
 * @throws Error with the hub's words, SignInNeeded
 */
export async function askHub(
  method: "GET" | "POST",
  path: string,
  body?: URLSearchParams,
): Promise<{ readonly text: string; readonly path: string }> {
  const response = await keyed(`/hub${path}`, { method, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  if (response.ok) {
    const { pathname, search } = new URL(response.url);
    return { text, path: pathname.slice("/hub".length) + search };
  }
  if (response.status === 401) throw new SignInNeeded(text);
  throw new Error(wordsOf(text) ?? `the hub answered ${response.status}`);
}

/** Of a problem in JSON, or of a page that tells of one. */
function wordsOf(text: string): string | null {
  try {
    return (JSON.parse(text) as { readonly detail?: string }).detail ?? null;
  } catch {
    return new DOMParser().parseFromString(text, "text/html").querySelector("[role=alert]")?.textContent ?? null;
  }
}

/** @throws as ask */
export async function content(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await request("GET", path)).arrayBuffer());
}

/** @param token  or a code of an address. @throws SignInNeeded: it is not the one */
export async function signIn(token: string): Promise<void> {
  const { key } = await ask<{ readonly key: string }>("POST", "/session", { token });
  localStorage.setItem(KEY, key);
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/session");
  localStorage.removeItem(KEY);
}
