/** Tells others by HTTP. */

const TIMEOUT_MS = 10_000;

/**
 * A POST to one host: where that answers that it is elsewhere now, nobody goes there, as what proves the hub is for
 * this one.
 *
 * @returns the answer's status, or null and what went wrong in words
 */
export async function postJson(
  send: typeof fetch,
  url: string,
  { text, headers }: { readonly text: string; readonly headers: Readonly<Record<string, string>> },
): Promise<{ status: number | null; message: string | null }> {
  try {
    const response = await send(url, {
      method: "POST",
      body: text,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { "content-type": "application/json", ...headers },
    });
    await response.body?.cancel();
    return { status: response.status, message: null };
  } catch (error) {
    return { status: null, message: reasonOf(error as Error) };
  }
}

/** Why a request failed: fetch says "fetch failed", and its cause the rest. */
export function reasonOf(error: Error): string {
  return (error.cause as Error | undefined)?.message ?? error.message;
}

export function isSuccess(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300;
}
