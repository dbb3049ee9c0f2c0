/** Options of services that are reached by TLS. */
import { Option } from "commander";
import type { TlsFiles } from "@stratos/volumes/serve";
import { UsageError } from "./command-error.ts";

export interface TlsChoice {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsMin?: "1.2" | "1.3";
  readonly socket?: string;
}

export function tlsOptions(): Option[] {
  return [
    new Option("--tls-cert <file>", "serve by TLS, with the certificate (and its chain) in this PEM file").conflicts(
      "socket",
    ),
    new Option("--tls-key <file>", "its private key (PEM); both files are read again when they change"),
    new Option("--tls-min <version>", "the oldest version of TLS that is spoken")
      .choices(["1.2", "1.3"])
      .default("1.2"),
  ];
}

/** @returns null without TLS. @throws UsageError where one of the files is missing */
export function tlsFilesOf({ tlsCert, tlsKey, tlsMin = "1.2" }: TlsChoice): TlsFiles | null {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError(tlsCert === undefined ? "--tls-cert" : "--tls-key", "is missing: both files are needed");
  return { certificate: tlsCert, key: tlsKey, minVersion: `TLSv${tlsMin}` };
}
