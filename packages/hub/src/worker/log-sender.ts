/**
 * Sends a run's log, by offset: what the hub has is never sent again, and what was sent twice is there once. While the
 * hub cannot be reached the log grows up to a bound, then whoever writes waits.
 */
import { HubProblem, type HubClient, type RunProof } from "@stratos/hub-api";

const CHUNK_BYTES = 64 << 10;
const DELAY_MS = 500;
const PENDING_BYTES_MAX = 4 << 20;
const RETRY_MS = 1_000;

export class LogSender {
  readonly #client: HubClient;
  readonly #path: string;
  readonly #token: string;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #offset = 0;
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  /** The hub wants no more of it. */
  #isRefused = false;
  #isStopped = false;
  readonly #stopper = new AbortController();

  constructor(client: HubClient, host: string, { run, token }: RunProof) {
    this.#client = client;
    this.#path = `/hosts/${encodeURIComponent(host)}/runs/${run}/log`;
    this.#token = token;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isRefused) return;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= CHUNK_BYTES) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS);
    while (this.#bytes > PENDING_BYTES_MAX && !this.#isRefused && !this.#isStopped) await this.#send();
  }

  /** Settles when all is sent, or refused, or stopped. */
  async flush(): Promise<void> {
    while (this.#bytes > 0 && !this.#isRefused && !this.#isStopped) await this.#send();
  }

  /** What was not sent never will be. */
  stop(): void {
    this.#isStopped = true;
    this.#stopper.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #send(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sending ??= this.#sendChunk().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #sendChunk(): Promise<void> {
    if (this.#bytes === 0 || this.#isStopped) return;
    const all = Buffer.concat(this.#pieces);
    const chunk = all.subarray(0, CHUNK_BYTES * 8);
    try {
      const { end } = await this.#client.call<{ end: number }>(
        "PUT",
        `${this.#path}?offset=${this.#offset}`,
        new Uint8Array(chunk),
        { headers: { "run-token": this.#token }, signal: this.#stopper.signal },
      );
      this.#drop(end - this.#offset);
    } catch (error) {
      // Passing troubles of hubs and networks; all other answers are for good.
      if (error instanceof HubProblem && error.status < 500 && error.status !== 429) this.#isRefused = true;
      else if (this.#isStopped) return;
      else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    if (this.#isRefused) this.#drop(this.#bytes);
    else if (this.#bytes > 0) this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS);
  }

  #drop(count: number): void {
    const rest = Buffer.concat(this.#pieces).subarray(count);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.#offset += count;
  }
}
