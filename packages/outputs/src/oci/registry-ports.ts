/** What a registry's client needs of the host. */

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  /** names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** One request and its answer; redirects are not followed. Rejects when the host cannot be reached. */
export type HttpTransport = (request: HttpRequest) => Promise<HttpResponse>;

/** Where blobs are, by digest. */
export interface BlobStore {
  has(digest: string): Promise<boolean>;
  /** The bytes from `offset` on, at most `length` of them. */
  read(digest: string, offset: number, length: number): Promise<Uint8Array>;
  /** Keeps the bytes under `digest` once they are proved to be it. Rejects, and keeps nothing, when they are not. */
  write(digest: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}
