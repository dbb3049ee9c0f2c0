/**
 * Which proxy apt asks for what stands at a server. Source: apt-transport-http(1), "Proxy Configuration"; apt's
 * methods/http.cc, `HttpServerState::Open`.
 */
import { AptConfiguration } from "./apt-configuration.ts";

/** @returns its URL; null: none is asked; undefined: nothing is said, and the environment decides */
export type ProxyOf = (server: URL) => string | null | undefined;

/**
 * @param texts  name and text of each of apt's files, in apt's order: the parts, then `apt.conf`
 * @throws AptConfigurationError
 */
export function aptProxies(texts: readonly (readonly [string, string])[]): ProxyOf {
  const configuration = new AptConfiguration();
  for (const [name, text] of texts) configuration.read(text, name);
  return ({ protocol, hostname }) => {
    const methods = protocol === "https:" ? ["https", "http"] : ["http"];
    for (const name of [`Proxy::${hostname}`, "Proxy"])
      for (const method of methods) {
        const proxy = configuration.value(`Acquire::${method}::${name}`) ?? "";
        if (proxy !== "") return /^(?:direct|false)$/i.test(proxy) ? null : proxy;
      }
    return undefined;
  };
}
