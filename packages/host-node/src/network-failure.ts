/** Failures of the network, and of files in its place, in words: what Node says begins with `connect ECONNREFUSED`. */

/** @param environment  where proxies stand */
export function describeFailure(cause: unknown, environment: NodeJS.ProcessEnv = process.env): string {
  if (!(cause instanceof Error)) return String(cause);
  // Connecting to a host of several addresses fails with one error for each.
  if (cause instanceof AggregateError && cause.errors.length > 0) return describeFailure(cause.errors[0], environment);
  const { code, address, port, hostname } = cause as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  const there =
    address === undefined
      ? "the server"
      : `${address.includes(":") ? `[${address}]` : address}${port === undefined ? "" : `:${port}`}`;
  const proxy = port === undefined ? "" : proxyAt(port, environment);
  switch (code) {
    case "ECONNREFUSED":
      return `${there} takes no connections${proxy}`;
    case "ECONNRESET":
      return `${there} has broken the connection off${proxy}`;
    case "ETIMEDOUT":
      return `${there} does not answer${proxy}`;
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return `there is no way to ${there}${proxy}`;
    case "ENOTFOUND":
      return `there is no host ${hostname ?? ""}`.trimEnd();
    case "EAI_AGAIN":
      return `the name ${hostname ?? ""} cannot be looked up now: is there a network?`;
    // OpenSSL's words are of its own records and files.
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return `${there} speaks no TLS: is it http:// rather than https://?`;
    case "UND_ERR_SOCKET":
      return `${there} has broken the connection off: does it speak TLS (https://)?`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return "its certificate is of nobody who is trusted here; NODE_EXTRA_CA_CERTS=FILE names more (PEM)";
    // Of a file's failure the words are enough: `ENOENT: no such file or directory, stat '/x'`.
    default:
      return /^[A-Z][A-Z0-9]+: ([^,]+), /.exec(cause.message)?.[1] ?? (cause.message || cause.name);
  }
}

/** Who sees an unknown address refuse wants to know whence it comes. */
function proxyAt(port: number, environment: NodeJS.ProcessEnv): string {
  for (const name of ["Acquire::http::Proxy", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]) {
    const proxy = environment[name];
    if (proxy !== undefined && URL.parse(proxy)?.port === String(port)) return `; it is the proxy that ${name} names`;
  }
  return "";
}
