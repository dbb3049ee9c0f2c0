/** Options of services that are reached by TLS. */
import { Option } from "commander";
import { ciphersFault, type TlsFiles } from "@stratos/host-node/tls-files";
import { UsageError } from "./command-error.ts";

export interface TlsChoice {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsMin?: "1.2" | "1.3";
  readonly tlsCiphers?: string;
  readonly socket?: string;
}

/** @param others  options of the command by which it is reached in other ways */
export function tlsOptions(...others: string[]): Option[] {
  return [
    new Option("--tls-cert <file>", "serve by TLS, with the certificate (and its chain) in this PEM file").conflicts(
      others,
    ),
    new Option("--tls-key <file>", "its private key (PEM); both files are read again when they change"),
    new Option("--tls-min <version>", "the oldest version of TLS that is spoken")
      .choices(["1.2", "1.3"])
      .default("1.2"),
    new Option(
      "--tls-ciphers <list>",
      "the cipher suites that are spoken, parted by colons, the preferred ones first, such as " +
        "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384 (default: Node's)",
    ),
  ];
}

/** @returns null without TLS. @throws UsageError where one of the files is missing, or nothing could be spoken */
export function tlsFilesOf({ tlsCert, tlsKey, tlsMin = "1.2", tlsCiphers }: TlsChoice): TlsFiles | null {
  if (tlsCert === undefined && tlsKey === undefined && tlsCiphers !== undefined)
    throw new UsageError("--tls-ciphers", "is of a server with --tls-cert");
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError(tlsCert === undefined ? "--tls-cert" : "--tls-key", "is missing: both files are needed");
  const minVersion = `TLSv${tlsMin}` as const;
  const fault = tlsCiphers === undefined ? null : ciphersFault(tlsCiphers, minVersion);
  if (fault !== null) throw new UsageError("--tls-ciphers", fault);
  return {
    ...{ certificate: tlsCert, key: tlsKey, minVersion },
    ...(tlsCiphers === undefined ? {} : { ciphers: tlsCiphers }),
  };
}
